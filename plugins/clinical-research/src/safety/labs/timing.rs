//! Which laboratory records are from before the treatment and which from under or after it.

use crate::study::Labs;

/// When a record was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// At the baseline visit.
    Baseline,
    /// Before the treatment, at another visit.
    Before,
    /// After the treatment began.
    After,
    /// Neither a visit nor a day says it.
    Unknown,
}

/// What a visit's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Baseline,
    Before,
    /// Any other planned visit.
    Other,
    /// Unscheduled: the day decides.
    Unscheduled,
}

fn named(visit: &str) -> Name {
    let visit = visit.trim().to_ascii_lowercase();
    let starts = |words: &[&str]| words.iter().any(|w| visit.starts_with(w));
    if visit.contains("baseline") && !visit.contains("post") {
        Name::Baseline
    } else if starts(&["screen", "run-in", "run in", "pre-", "predose", "pretreat", "pre dose", "pre treat"])
    {
        Name::Before
    } else if visit.is_empty() || starts(&["unsch", "uns "]) {
        Name::Unscheduled
    } else {
        Name::Other
    }
}

/// Names that mean the baseline where no visit is called so.
fn first_visit(visit: &str) -> bool {
    matches!(
        visit.trim().to_ascii_lowercase().as_str(),
        "week 0" | "day 0" | "day 1" | "month 0" | "cycle 1 day 1"
    )
}

/// Tells when records were taken.
pub(crate) struct Timings {
    names: Vec<Name>,
    has_baseline: bool,
}

impl Timings {
    pub(crate) fn new(labs: &Labs) -> Self {
        let mut names: Vec<Name> = labs.visit.levels.iter().map(|l| named(l)).collect();
        if !names.contains(&Name::Baseline) {
            for (name, level) in names.iter_mut().zip(&labs.visit.levels) {
                if first_visit(level) {
                    *name = Name::Baseline;
                }
            }
        }
        let has_baseline = names.contains(&Name::Baseline);
        Self { names, has_baseline }
    }

    /// In words, for reports.
    pub(crate) fn rule(&self) -> &'static str {
        if self.has_baseline {
            "baseline is the last value of the visit named so, or where a subject has none, of those before the treatment; \
             post-baseline are all other planned visits, and unscheduled records after study day 1"
        } else {
            "no visit is named baseline: baseline is the last value up to study day 1; post-baseline is everything later"
        }
    }

    pub(crate) fn of(&self, labs: &Labs, row: usize) -> Timing {
        let visit = labs.visit.codes.get(row).copied().flatten();
        let name = visit.and_then(|v| self.names.get(v as usize).copied()).unwrap_or(Name::Unscheduled);
        let day = labs.day.get(row).copied().flatten();
        let by_day = |unknown| match day {
            Some(day) if day <= 1.0 => Timing::Before,
            Some(_) => Timing::After,
            None => unknown,
        };
        match name {
            Name::Baseline => Timing::Baseline,
            Name::Before => Timing::Before,
            Name::Unscheduled => by_day(Timing::Unknown),
            Name::Other if self.has_baseline => Timing::After,
            Name::Other => by_day(Timing::After),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_by_name() {
        for (visit, name) in [
            ("Baseline", Name::Baseline),
            ("BASELINE (Day -1)", Name::Baseline),
            ("Post-baseline 1", Name::Other),
            ("Screening 2", Name::Before),
            ("Pre-dose", Name::Before),
            ("Week 2", Name::Other),
            ("Unscheduled 3.1", Name::Unscheduled),
            ("", Name::Unscheduled),
        ] {
            assert_eq!(named(visit), name, "{visit}");
        }
    }
}
