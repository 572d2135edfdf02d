//! Figures and reasons in words.

use heddle_kit::{report::thousands, stats::NotComputable};

use super::{frame::Frame, object::Said, result::Estimate};
use crate::study::{Direction, Endpoint};

/// A p-value for people: three digits.
pub(crate) fn p_text(p: f64) -> String {
    if p < 0.001 {
        "<0.001".to_owned()
    } else if p > 0.999 {
        ">0.999".to_owned()
    } else {
        format!("{p:.3}")
    }
}

/// A figure with the digits that a reader can use.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    if size > 0.0 && !(1e-3..1e9).contains(&size) {
        return format!("{value:.2e}").replace('-', "−");
    }
    thousands(
        value,
        if size >= 100.0 {
            1
        } else if size >= 0.1 || size == 0.0 {
            2
        } else {
            3
        },
    )
}

/// "−1.66 (95 % CI −4.09 to 0.77)".
pub(super) fn estimate_text(estimate: &Estimate, level: f64) -> String {
    let (low, high) = estimate.interval;
    format!("{} ({} CI {} to {})", figure(estimate.value), percent(level), figure(low), figure(high))
}

/// A level as a percentage: "95 %".
pub(crate) fn percent(level: f64) -> String {
    let rounded = (level * 1e6).round() / 1e4;
    format!("{rounded}\u{a0}%")
}

/// Why something is not computable, with the names of the groups and of the model's columns.
pub(super) fn reason(why: NotComputable, groups: &[&str], columns: &[String]) -> String {
    match why {
        NotComputable::EmptyGroup { group } => match groups.get(group) {
            Some(name) => format!("no values in {name}"),
            None => why.to_string(),
        },
        NotComputable::Collinear { column } => match columns.get(column) {
            Some(name) => format!("{name} is constant or follows from the other covariates (collinear)"),
            None => why.to_string(),
        },
        NotComputable::Separation { column } => match columns.get(column) {
            Some(name) => {
                format!(
                    "the estimate of {name} is infinite: it separates those with and without the event (monotone likelihood)"
                )
            }
            None => why.to_string(),
        },
        other => other.to_string(),
    }
}

/// Who is left out of an adjusted analysis because a covariate is missing, if anybody is: "… (Old 3, New 2)".
pub(super) fn left_out_text(
    frame: &Frame<'_>,
    analysis: &str,
    covariates: &str,
    left_out: &[usize],
) -> Option<String> {
    let all: usize = left_out.iter().sum();
    if all == 0 {
        return None;
    }
    let of = |(arm, n): (usize, &usize)| (*n > 0).then(|| format!("{} {n}", frame.arm(arm)));
    let arms: Vec<String> = left_out.iter().enumerate().filter_map(of).collect();
    let (has, is) = if all == 1 { ("has", "is") } else { ("have", "are") };
    Some(format!(
        "{analysis}: {all} {has} the outcome but not {covariates}, and {is} left out ({}).",
        listed(&arms)
    ))
}

/// What a direction means.
pub(super) fn direction_text(direction: Option<Direction>) -> &'static str {
    match direction {
        Some(Direction::LowerIsBetter) => "lower is better",
        Some(Direction::HigherIsBetter) => "higher is better",
        None => "the protocol does not say which values are better",
    }
}

/// Which arm an effect speaks for; `effect` is the arm less the reference, or a logarithm of their ratio.
pub(super) fn favours<'a>(
    effect: f64,
    direction: Option<Direction>,
    arm: &'a str,
    reference: &'a str,
) -> Option<&'a str> {
    let better = match direction? {
        Direction::LowerIsBetter => -effect,
        Direction::HigherIsBetter => effect,
    };
    if better > 0.0 {
        Some(arm)
    } else if better < 0.0 {
        Some(reference)
    } else {
        None
    }
}

/// Whom an effect favours, in words. The effect comes with its own name and figure.
pub(super) fn benefit(
    frame: &Frame<'_>,
    endpoint: &Endpoint,
    arm: usize,
    effect: Option<(f64, String)>,
    p: &Said<f64>,
) -> String {
    let direction = direction_text(endpoint.direction);
    let Some((value, named)) = effect else { return format!("{direction}; no effect could be estimated") };
    let (arm, reference) = (frame.arm(arm), frame.reference_name());
    let whom = match (endpoint.direction, favours(value, endpoint.direction, arm, reference)) {
        (None, _) => format!("{named}, {arm} against {reference}"),
        (_, Some(whom)) => format!("{named} favours {whom}"),
        (_, None) => format!("{named} favours neither {arm} nor {reference}"),
    };
    format!("{direction}; {whom} ({})", significance(frame, p))
}

/// How a test stands before any adjustment, without claiming a probability of chance, which p is not.
pub(super) fn significance(frame: &Frame<'_>, p: &Said<f64>) -> String {
    let level = percent(frame.alpha);
    match p {
        Ok(p) if *p <= frame.alpha => {
            format!("significant at a level of {level} before any adjustment for multiplicity")
        }
        Ok(_) => format!("not significant at a level of {level}: compatible with no difference"),
        Err(_) => "its test is not computable".to_owned(),
    }
}

/// A list in words: "a, b and c".
pub(crate) fn listed(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!([p_text(0.0004), p_text(0.0421), p_text(1.0)], ["<0.001", "0.042", ">0.999"]);
        assert_eq!(
            [figure(-1.657), figure(0.0123), figure(0.0), figure(1234.56)],
            ["−1.66", "0.012", "0.00", "1,234.6"]
        );
        assert_eq!(figure(4e-5), "4.00e−5");
        assert_eq!([percent(0.95), percent(0.975)], ["95\u{a0}%", "97.5\u{a0}%"]);
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }

    #[test]
    fn the_direction_decides_whom_an_effect_favours() {
        let of = |effect, direction| favours(effect, direction, "new", "old");
        assert_eq!(of(-1.0, Some(Direction::LowerIsBetter)), Some("new"));
        assert_eq!(of(-1.0, Some(Direction::HigherIsBetter)), Some("old"));
        assert_eq!((of(0.0, Some(Direction::HigherIsBetter)), of(1.0, None)), (None, None));
    }
}
