//! Which way a time to an event points, and when its hazard ratio cannot tell.

use heddle_kit::{model::Coefficient, survival::KaplanMeier};

use super::{
    events::Followed,
    favours::{EVENT, Favours, MEAN_TIME, Side},
    hazards::ArmModel,
    object::Said,
    result::Estimate,
    words::{estimate_text, figure, listed, p_text, significance},
};
use crate::study::Direction;

/// Below this p the hazards are taken as not proportional (Grambsch and Therneau 1994); no level of the protocol's is meant.
pub(super) const NOT_PROPORTIONAL: f64 = 0.05;

/// What a direction means of a time to an event.
pub(super) fn time_direction(direction: Direction) -> &'static str {
    match direction {
        Direction::HigherIsBetter => "higher is better: a longer time to the event is good",
        Direction::LowerIsBetter => "lower is better: a shorter time to the event is good",
    }
}

/// The same of a logarithm of a hazard ratio, which rises as times fall.
fn of_hazard(direction: Option<Direction>) -> Option<Direction> {
    direction.map(|direction| match direction {
        Direction::HigherIsBetter => Direction::LowerIsBetter,
        Direction::LowerIsBetter => Direction::HigherIsBetter,
    })
}

/// What is known of a comparison before it is put into words.
pub(super) struct Found<'f> {
    /// The arm's place in the protocol, and among those compared.
    pub(super) arm: (usize, usize),
    pub(super) ratio: &'f Said<Estimate>,
    /// Events of the arm observed less expected.
    pub(super) excess: Option<f64>,
    /// Of the log-rank test.
    pub(super) p: &'f Said<f64>,
    pub(super) model: &'f Said<ArmModel>,
    /// Of the restricted means.
    pub(super) difference: &'f Said<Coefficient>,
    pub(super) curves: &'f [Option<&'f KaplanMeier>],
}

/// A comparison's direction.
pub(super) struct Pointing {
    /// With figures.
    pub(super) benefit: String,
    /// Without them, for conclusions.
    pub(super) favours: Favours,
    /// Why the hazard ratio tells no direction, and what stands beside it: a sentence for every place that tells of the result.
    pub(super) caution: Option<String>,
}

impl Followed<'_, '_> {
    pub(super) fn pointing(&self, found: &Found<'_>) -> Pointing {
        let frame = self.frame;
        let (name, reference) = (frame.arm(found.arm.0), frame.reference_name());
        let direction = self.endpoint.direction;
        let lead = direction.map_or_else(String::new, |d| format!("{}; ", time_direction(d)));
        let Ok(ratio) = found.ratio else {
            let why = found.ratio.as_ref().err().map_or("", String::as_str);
            // Without a finite hazard ratio the log-rank test still has a direction.
            let favours = Favours::of(frame, found.arm.0, found.excess, of_hazard(direction), EVENT);
            return Pointing { benefit: format!("{lead}no hazard ratio: {why}"), favours, caution: None };
        };
        let stands = significance(frame, found.p);
        let doubts = self.doubts(found, ratio.value);
        if !doubts.is_empty() {
            let caution = format!(
                "{name} against {reference}: {}, so that the hazard ratio gives no direction; {}",
                listed(&doubts),
                self.means(found.arm.0, found.difference)
            );
            // What the ratio cannot tell, the means can where their difference is beyond chance.
            let longer = found.difference.as_ref().ok().filter(|d| d.p <= frame.alpha).map(|d| d.estimate);
            let favours = match longer {
                Some(longer) => Favours::of(frame, found.arm.0, Some(longer), direction, MEAN_TIME),
                None => Favours {
                    side: Side::Neither,
                    words: "where the curves differ in a way that neither the hazard ratio nor the restricted means \
                            give a direction of"
                        .to_owned(),
                },
            };
            return Pointing {
                benefit: format!("{lead}hazard ratio {} ({stands}). {caution}", figure(ratio.value)),
                favours,
                caution: Some(caution),
            };
        }
        let favours = Favours::of(frame, found.arm.0, Some(ratio.value.ln()), of_hazard(direction), EVENT);
        let when = match ratio.value {
            value if value > 1.0 => "sooner",
            value if value < 1.0 => "later",
            _ => "no sooner",
        };
        let whom = match favours.side {
            Side::Arm => format!(", which favours {name}"),
            Side::Reference => format!(", which favours {reference}"),
            Side::Neither | Side::Unknown => String::new(),
        };
        let open = if direction.is_none() {
            "; whether that is a benefit depends on the event, of which the protocol gives no direction"
        } else {
            ""
        };
        let benefit = format!(
            "{lead}hazard ratio {}: the event came {when} under {name} than under {reference}{whom} ({stands}){open}",
            figure(ratio.value)
        );
        Pointing { benefit, favours, caution: None }
    }

    /// Why the hazard ratio's side of 1 is not the side that came later.
    fn doubts(&self, found: &Found<'_>, ratio: f64) -> Vec<String> {
        let mut doubts = Vec::new();
        let test = found.model.as_ref().ok().and_then(|m| m.proportional.as_ref().ok());
        let test = test.and_then(|(columns, _)| columns.get(found.arm.1)?.as_ref().ok());
        if let Some(test) = test.filter(|t| t.p < NOT_PROPORTIONAL) {
            doubts.push(format!("hazards are not proportional (p {})", p_text(test.p)));
        }
        // A hazard ratio below 1 goes with longer times.
        let contradicts = |difference: f64| (1.0 - ratio) * difference < 0.0;
        if found.difference.as_ref().is_ok_and(|d| contradicts(d.estimate)) {
            doubts.push("the restricted means point the other way".to_owned());
        }
        let median = |arm: usize| found.curves.get(arm).copied().flatten().and_then(|c| c.median().ok());
        let medians = median(found.arm.0).zip(median(self.frame.reference));
        if medians.is_some_and(|(own, other)| contradicts(own - other)) {
            doubts.push("the medians point the other way".to_owned());
        }
        doubts
    }

    /// The difference of the restricted means in words.
    fn means(&self, arm: usize, difference: &Said<Coefficient>) -> String {
        let unit = self.endpoint.unit.as_deref().map(|u| format!(" {u}")).unwrap_or_default();
        match difference {
            Ok(d) => format!(
                "the difference of the restricted mean survival times{unit_of} is {}, p {}, {} less {}",
                estimate_text(&Estimate { value: d.estimate, interval: d.interval }, self.frame.level),
                p_text(d.p),
                self.frame.arm(arm),
                self.frame.reference_name(),
                unit_of = if unit.is_empty() { String::new() } else { format!(" (in{unit})") },
            ),
            Err(why) => {
                format!("the difference of the restricted mean survival times is not computable: {why}")
            }
        }
    }
}
