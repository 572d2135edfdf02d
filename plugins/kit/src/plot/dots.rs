//! Dot plots: rows of marks, one for each series, with the effect of each row beside them.
//!
//! With two arms' incidences and the risk difference it is the display of adverse events of Amit, Heiberger and Lane,
//! "Graphical approaches to the analysis of safety data from clinical trials", Pharmaceutical Statistics 7, 2008; with
//! standardised differences before and after matching it is a love plot.

use super::axis::{self, Axis};
use super::canvas::{Anchor, Canvas, Mark, Rect, Theme, Type};
use super::chart::{Chart, LegendItem, LegendKey, Titles};
use super::figure::PlotError;
use super::interval::{Effect, Measure, draw_reason, panel_heading};
use super::palette::{AXIS, Colour, GRID, INK, PAPER, SOFT_INK};
use super::scale::Scale;
use super::text;

/// How many series can be told apart by form and colour.
const MOST_SERIES: usize = 6;
/// Gap between the panels.
const GAP: f64 = 40.0;
/// The most of the width that row labels may take.
const LABEL_SHARE: f64 = 0.34;

/// One row of a dot plot.
#[derive(Clone, Debug, PartialEq)]
pub struct DotRow {
    label: String,
    values: Vec<Option<f64>>,
    effect: Option<Effect>,
    heading: bool,
}

impl DotRow {
    /// A heading over the rows that follow (a system organ class).
    pub fn heading(label: impl Into<String>) -> DotRow {
        DotRow { label: label.into(), values: Vec::new(), effect: None, heading: true }
    }

    /// A row with one value for each series; `None` has no mark.
    pub fn new(label: impl Into<String>, values: impl IntoIterator<Item = Option<f64>>) -> DotRow {
        DotRow { values: values.into_iter().collect(), heading: false, ..DotRow::heading(label) }
    }

    /// The effect in the panel beside.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> DotRow {
        self.effect = Some(effect);
        self
    }
}

/// A dot plot. Its height grows with its rows.
///
/// ```
/// use heddle_kit::plot::{Axis, Chart as _, DotPlot, DotRow, Size};
/// let figure = DotPlot::new("Balance before and after matching")
///     .series(["Before", "After"])
///     .row(DotRow::new("Age", [Some(0.31), Some(0.04)]))
///     .row(DotRow::new("Female", [Some(0.12), None]))
///     .value_axis(Axis::new("Absolute standardised mean difference"))
///     .hollow(0)
///     .guide(0.1, "0.1")
///     .render(Size::default())?;
/// assert!(figure.svg.contains("Female"));
/// # Ok::<(), heddle_kit::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DotPlot {
    titles: Titles,
    series: Vec<String>,
    hollow: Vec<usize>,
    rows: Vec<DotRow>,
    value_axis: Axis,
    guides: Vec<(f64, String)>,
    measure: Option<Measure>,
}

impl DotPlot {
    /// A plot without rows.
    pub fn new(title: impl Into<String>) -> DotPlot {
        DotPlot {
            titles: Titles::new(title),
            series: Vec::new(),
            hollow: Vec::new(),
            rows: Vec::new(),
            value_axis: Axis::default(),
            guides: Vec::new(),
            measure: None,
        }
    }

    /// The names of the series, for the legend; at most six.
    #[must_use]
    pub fn series<L: Into<String>>(mut self, names: impl IntoIterator<Item = L>) -> DotPlot {
        self.series = names.into_iter().map(Into::into).collect();
        self
    }

    /// Draws the marks of this series hollow: what was, before something was done.
    #[must_use]
    pub fn hollow(mut self, series: usize) -> DotPlot {
        self.hollow.push(series);
        self
    }

    /// Adds a row below the others.
    #[must_use]
    pub fn row(mut self, row: DotRow) -> DotPlot {
        self.rows.push(row);
        self
    }

    /// Adds rows below the others.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = DotRow>) -> DotPlot {
        self.rows.extend(rows);
        self
    }

    /// The axis of the values, which holds 0.
    #[must_use]
    pub fn value_axis(mut self, axis: Axis) -> DotPlot {
        self.value_axis = axis;
        self
    }

    /// A broken line at a value that matters, with its word above it.
    #[must_use]
    pub fn guide(mut self, at: f64, label: impl Into<String>) -> DotPlot {
        self.guides.push((at, label.into()));
        self
    }

    /// A second panel for the rows' effects.
    #[must_use]
    pub fn effects(mut self, measure: Measure) -> DotPlot {
        self.measure = Some(measure);
        self
    }

    fn labels_room(&self, theme: Theme, width: f64) -> f64 {
        let indent = self.indent(theme);
        let label = |r: &DotRow| {
            let shift = if r.heading { 0.0 } else { indent };
            text::width(&text::clean(&r.label), theme.small, r.heading) + shift
        };
        // Headings may run on over the panels, which are empty there.
        let widest = self.rows.iter().filter(|r| !r.heading).map(label).fold(80.0, f64::max);
        widest.min(width * LABEL_SHARE) + 22.0
    }

    fn indent(&self, theme: Theme) -> f64 {
        if self.rows.iter().any(|r| r.heading) { theme.small } else { 0.0 }
    }

    fn bottom(&self, theme: Theme) -> f64 {
        let values = theme.small * 2.0 + axis::title_room(&self.value_axis, theme);
        self.measure.as_ref().map_or(values, |m| values.max(m.axis_room(theme)))
    }

    fn draw_values(&self, canvas: &mut Canvas, plot: Rect, middle: &impl Fn(usize) -> f64) {
        let size = canvas.theme.small;
        let values = self.rows.iter().flat_map(|r| r.values.iter().flatten().copied());
        let all = values.chain(self.guides.iter().map(|(v, _)| *v));
        let (lo, hi) = axis::extent(all).unwrap_or((0.0, 1.0));
        let scale = Scale::covering(lo, hi, true, ((plot.w / 90.0) as usize).clamp(3, 8), false);
        axis::horizontal_numbers(canvas, &scale, plot);
        let title = plot.bottom() + size * 2.0 + canvas.theme.label * 0.6;
        axis::horizontal_title(canvas, &self.value_axis, title, plot);
        let place = |v: f64| scale.place(v, plot.x, plot.right());
        for (at, label) in &self.guides {
            let x = place(*at);
            canvas.line((x, plot.y), (x, plot.bottom()), INK, 1.4, true);
            canvas.text(label, x, plot.y - size * 0.7, Type::new(size, Anchor::Middle).ink(SOFT_INK));
        }
        for (at, row) in self.rows.iter().enumerate().filter(|(_, r)| !r.heading) {
            let y = middle(at);
            canvas.line((plot.x, y), (plot.right(), y), GRID, 1.0, false);
            for (series, value) in row.values.iter().enumerate() {
                if let Some(value) = value {
                    let form = Mark::series(series);
                    canvas.mark(
                        form,
                        (place(*value), y),
                        6.0,
                        Colour::series(series),
                        self.hollow.contains(&series),
                    );
                }
            }
        }
        canvas.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), AXIS, 1.4, false);
    }

    fn draw_effects(
        &self,
        canvas: &mut Canvas,
        measure: &Measure,
        plot: Rect,
        middle: &impl Fn(usize) -> f64,
    ) {
        let size = canvas.theme.small;
        let scale = measure.scale(self.rows.iter().filter_map(|r| r.effect.as_ref()), plot.w);
        measure.draw_axis(canvas, &scale, plot, plot.x - GAP / 2.0, plot.right() + canvas.theme.small);
        panel_heading(canvas, &measure.name, plot, plot.y - size);
        for (at, row) in self.rows.iter().enumerate() {
            match &row.effect {
                None => {}
                Some(Effect::NotComputable(why)) => {
                    draw_reason(canvas, why, plot, middle(at), PAPER);
                }
                Some(Effect::Estimate { value, lower, upper, .. }) => {
                    scale.draw(canvas, (*value, *lower, *upper), middle(at), size * 0.28, INK, plot);
                }
            }
        }
    }
}

impl Chart for DotPlot {
    fn titles(&self) -> &Titles {
        &self.titles
    }

    fn titles_mut(&mut self) -> &mut Titles {
        &mut self.titles
    }

    fn check(&self) -> Result<(), PlotError> {
        let title = &self.titles.title;
        let wrong = |what: String| Err(PlotError::Inconsistent(format!("{what} in \"{title}\"")));
        if self.series.len() > MOST_SERIES {
            return wrong(format!(
                "{} series are more than the {MOST_SERIES} that can be told apart",
                self.series.len()
            ));
        }
        for row in self.rows.iter().filter(|r| !r.heading) {
            if row.values.len() != self.series.len() {
                return wrong(format!(
                    "row \"{}\" has {} values for {} series: give one for each",
                    row.label,
                    row.values.len(),
                    self.series.len()
                ));
            }
            for value in row.values.iter().flatten() {
                axis::check_finite(*value, || format!("a value of \"{}\" in \"{title}\"", row.label))?;
            }
            if row.effect.is_some() && self.measure.is_none() {
                return wrong(format!(
                    "row \"{}\" has an effect and there is no panel for it: say what it measures",
                    row.label
                ));
            }
        }
        for (at, label) in &self.guides {
            axis::check_finite(*at, || format!("the guide \"{label}\" in \"{title}\""))?;
        }
        let effects: Vec<(&str, &Effect)> =
            self.rows.iter().filter_map(|r| r.effect.as_ref().map(|e| (r.label.as_str(), e))).collect();
        self.measure.as_ref().map_or(Ok(()), |m| m.check(&effects, title))
    }

    fn is_empty(&self) -> bool {
        self.rows.iter().all(|r| r.effect.is_none() && r.values.iter().all(Option::is_none))
    }

    fn legend(&self) -> Vec<LegendItem> {
        let item = |(at, name): (usize, &String)| LegendItem {
            name: name.clone(),
            colour: Colour::series(at),
            key: LegendKey::Mark(Mark::series(at), self.hollow.contains(&at)),
        };
        if self.series.iter().all(String::is_empty) {
            return Vec::new();
        }
        self.series.iter().enumerate().map(item).collect()
    }

    fn has_own_height(&self) -> bool {
        true
    }

    fn least_body(&self, theme: Theme) -> (f64, f64) {
        let panels = if self.measure.is_some() { 640.0 } else { 340.0 };
        let rows = self.rows.len() as f64 * row_height(theme);
        (panels / (1.0 - LABEL_SHARE), rows + self.bottom(theme) + head(theme))
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let size = theme.small;
        let labels = self.labels_room(theme, area.w);
        // A few rows are not spread over a page.
        let free = area.h - head(theme) - self.bottom(theme);
        let row = (free / self.rows.len() as f64).clamp(row_height(theme), row_height(theme) * 1.7);
        let height = row * self.rows.len() as f64;
        let both = area.without(labels, head(theme), size, 0.0);
        let share = if self.measure.is_some() { 0.5 } else { 1.0 };
        let gap = if self.measure.is_some() { GAP } else { 0.0 };
        let values = Rect { w: (both.w - gap) * share, h: height, ..both };
        let middle = |at: usize| both.y + row * (at as f64 + 0.5);

        self.draw_values(canvas, values, &middle);
        if let Some(measure) = &self.measure {
            let effects = Rect { x: values.right() + GAP, ..values };
            self.draw_effects(canvas, measure, effects, &middle);
        }
        for (at, entry) in self.rows.iter().enumerate() {
            let (x, room) = if entry.heading {
                (area.x, area.w)
            } else {
                (area.x + self.indent(theme), labels - self.indent(theme) - 20.0)
            };
            let style = Type::new(size, Anchor::Start);
            let style = if entry.heading { style.bold() } else { style };
            let label = text::shortened(&text::clean(&entry.label), size, entry.heading, room);
            if entry.heading {
                // The grid must not run through the words.
                let w = text::width(&label, size, true) + 6.0;
                canvas.rect(Rect { x, y: middle(at) - size * 0.7, w, h: size * 1.4 }, PAPER, 1.0);
            }
            canvas.text(&label, x, middle(at), style);
        }
    }
}

/// Room above the panels for their headings and the words of guides.
fn head(theme: Theme) -> f64 {
    theme.small * 2.0
}

fn row_height(theme: Theme) -> f64 {
    theme.small * 1.75
}
