//! The flow of participants through a trial, as CONSORT 2010 asks for (Schulz, Altman and Moher, BMJ 340:c332).

use super::canvas::{Canvas, Rect, Theme};
use super::chart::{Chart, Titles};
use super::figure::PlotError;
use super::flow_layout::Plan;
use crate::report::thousands;

/// The most arms that one diagram can hold side by side.
const MOST_ARMS: usize = 6;

/// One box: what happened, to how many, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowBox {
    pub(super) heading: String,
    pub(super) lines: Vec<String>,
}

impl FlowBox {
    /// A box such as "Randomised (n = 360)".
    pub fn new(heading: impl Into<String>, count: u64) -> FlowBox {
        FlowBox { heading: counted(&heading.into(), count), lines: Vec::new() }
    }

    /// A box without a count, for what is not known; say so in the heading.
    pub fn uncounted(heading: impl Into<String>) -> FlowBox {
        FlowBox { heading: heading.into(), lines: Vec::new() }
    }

    /// Adds a line with its own count: a reason, or a part of the whole.
    #[must_use]
    pub fn part(mut self, what: impl Into<String>, count: u64) -> FlowBox {
        self.lines.push(counted(&what.into(), count));
        self
    }

    /// Adds a line of words.
    #[must_use]
    pub fn line(mut self, words: impl Into<String>) -> FlowBox {
        self.lines.push(words.into());
        self
    }
}

fn counted(what: &str, count: u64) -> String {
    format!("{what} (n\u{a0}=\u{a0}{})", thousands(count as f64, 0))
}

/// A stage that every arm goes through: allocation, follow-up, analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStage {
    pub(super) label: String,
    pub(super) boxes: Vec<FlowBox>,
}

impl FlowStage {
    /// A stage with one box for each arm, in the order of the arms.
    pub fn new(label: impl Into<String>, boxes: impl IntoIterator<Item = FlowBox>) -> FlowStage {
        FlowStage { label: label.into(), boxes: boxes.into_iter().collect() }
    }
}

/// A participant flow diagram: boxes that all go through, with side boxes for those who leave, then a column for each
/// of one to six arms.
///
/// ```
/// use heddle_kit::plot::{Chart as _, FlowBox, FlowDiagram, FlowStage, Size};
/// let figure = FlowDiagram::new("Participant flow")
///     .enrolment("Enrolment")
///     .all(FlowBox::new("Assessed for eligibility", 9))
///     .leave(FlowBox::new("Excluded", 3).part("Declined", 2).part("Did not meet criteria", 1))
///     .all(FlowBox::new("Randomised", 6))
///     .stage(FlowStage::new("Allocation", [FlowBox::new("Drug", 3), FlowBox::new("Placebo", 3)]))
///     .stage(FlowStage::new("Analysis", [FlowBox::new("Analysed", 3), FlowBox::new("Analysed", 2)]))
///     .render(Size::new(900, 600))?;
/// assert!(figure.svg.contains("Excluded"));
/// # Ok::<(), heddle_kit::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlowDiagram {
    titles: Titles,
    pub(super) enrolment: String,
    pub(super) trunk: Vec<(FlowBox, Option<FlowBox>)>,
    pub(super) stages: Vec<FlowStage>,
}

impl FlowDiagram {
    /// A diagram without boxes.
    pub fn new(title: impl Into<String>) -> FlowDiagram {
        FlowDiagram {
            titles: Titles::new(title),
            enrolment: String::new(),
            trunk: Vec::new(),
            stages: Vec::new(),
        }
    }

    /// The label beside the boxes before the arms part ("Enrolment").
    #[must_use]
    pub fn enrolment(mut self, label: impl Into<String>) -> FlowDiagram {
        self.enrolment = label.into();
        self
    }

    /// Adds a box that all go through, below the others.
    #[must_use]
    pub fn all(mut self, next: FlowBox) -> FlowDiagram {
        self.trunk.push((next, None));
        self
    }

    /// Those who leave after the last box that all go through, beside its arrow. Without such a box it is the first.
    #[must_use]
    pub fn leave(mut self, side: FlowBox) -> FlowDiagram {
        match self.trunk.last_mut() {
            Some((_, place @ None)) => *place = Some(side),
            Some((_, Some(before))) => {
                before.lines.push(side.heading);
                before.lines.extend(side.lines);
            }
            None => self.trunk.push((side, None)),
        }
        self
    }

    /// Adds a stage below the others.
    #[must_use]
    pub fn stage(mut self, stage: FlowStage) -> FlowDiagram {
        self.stages.push(stage);
        self
    }

    /// The number of arms.
    pub(super) fn arms(&self) -> usize {
        self.stages.first().map_or(0, |s| s.boxes.len())
    }
}

impl Chart for FlowDiagram {
    fn titles(&self) -> &Titles {
        &self.titles
    }

    fn titles_mut(&mut self) -> &mut Titles {
        &mut self.titles
    }

    fn check(&self) -> Result<(), PlotError> {
        let title = &self.titles.title;
        let arms = self.arms();
        if arms > MOST_ARMS {
            return Err(PlotError::Inconsistent(format!(
                "\"{title}\" has {arms} arms and {MOST_ARMS} fit side by side: draw one diagram for each stratum"
            )));
        }
        match self.stages.iter().find(|s| s.boxes.len() != arms || arms == 0) {
            Some(stage) => Err(PlotError::Inconsistent(format!(
                "stage \"{}\" of \"{title}\" has {} boxes for {arms} arms: give one for each",
                stage.label,
                stage.boxes.len()
            ))),
            None => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        self.trunk.is_empty() && self.stages.is_empty()
    }

    fn has_own_height(&self) -> bool {
        true
    }

    fn least_body(&self, theme: Theme) -> (f64, f64) {
        let plan = Plan::new(self, theme);
        (plan.width, plan.height)
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        let plan = Plan::new(self, canvas.theme);
        plan.draw(canvas, area);
    }
}
