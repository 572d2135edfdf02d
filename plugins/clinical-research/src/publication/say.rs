//! Figures and results in sentences, as a paper has them.

pub(super) use heddle_kit::report::counted;
use heddle_kit::report::thousands;

use super::{
    design::Design,
    sources::{ComparisonResult, EndpointResult, TestResult},
};
pub(super) use crate::efficacy::words::{figure, listed, p_text, percent};

/// A count with commas.
pub(super) fn count(n: impl TryInto<u64>) -> String {
    n.try_into().map_or_else(|_| "n/a".to_owned(), |n: u64| thousands(n as f64, 0))
}

/// From here on a number is told by its power of ten: no reader counts so many digits.
const HUGE: f64 = 1e15;

fn scientific(value: f64) -> String {
    format!("{value:.2e}").replace('-', "−")
}

/// So many decimals, commas, and a true minus sign.
pub(super) fn decimal(value: f64, decimals: usize) -> String {
    if value.abs() >= HUGE && value.is_finite() { scientific(value) } else { thousands(value, decimals) }
}

/// A number of the protocol as it was given there.
pub(super) fn given(value: f64) -> String {
    if value.abs() >= HUGE && value.is_finite() {
        scientific(value)
    } else {
        value.to_string().replace('-', "−")
    }
}

/// "p = 0.147", "p < 0.001".
pub(super) fn p_equals(name: &str, p: f64) -> String {
    let text = p_text(p);
    match text.strip_prefix('<') {
        Some(bound) => format!("{name} < {bound}"),
        None => match text.strip_prefix('>') {
            Some(bound) => format!("{name} > {bound}"),
            None => format!("{name} = {text}"),
        },
    }
}

/// "−1.65 (95 % CI −3.88 to 0.59)".
pub(super) fn interval(value: f64, (low, high): (f64, f64), level: &str) -> String {
    format!("{} ({level} CI {} to {})", figure(value), figure(low), figure(high))
}

/// The effect of a test in words, without its p.
pub(super) fn effect(test: &TestResult, level: &str) -> String {
    match (test.estimate, test.ci) {
        (Some(value), Some(ci)) => format!("{} {}", test.measure, interval(value, ci, level)),
        (Some(value), None) => {
            format!("{} {} (interval not computable: {})", test.measure, figure(value), test.reason("ci"))
        }
        (None, _) => format!("{} not computable: {}", test.measure, test.reason("estimate")),
    }
}

/// "p = 0.147", or why there is none.
pub(super) fn p_of(test: &TestResult) -> String {
    test.p.map_or_else(|| format!("p not computable: {}", test.reason("p")), |p| p_equals("p", p))
}

/// A comparison in a sentence: who, how many, effect, interval, test, p and adjusted p.
pub(super) fn comparison(of: &ComparisonResult, level: &str) -> String {
    let adjusted = match (of.main.p, of.p_holm, of.family_size) {
        (Some(_), Some(p), Some(size)) if size > 1 => format!("; {}", p_equals("Holm-adjusted p", p)),
        _ => String::new(),
    };
    format!(
        "{} (n = {}) compared with {} (n = {}): {}; {}, {}{adjusted}.",
        of.arm,
        count(of.n),
        of.reference,
        count(of.n_ref),
        effect(&of.main, level),
        of.main.test,
        p_of(&of.main),
    )
}

/// The most arms that are named of those whom an analysis lost.
const MOST_ARMS: usize = 12;

/// Who has the outcome and is not in the endpoint's adjusted analysis, if anybody.
pub(super) fn loss(endpoint: &EndpointResult, design: &Design) -> Option<String> {
    let loss = endpoint.loss()?;
    let arms: Vec<String> = design
        .arms
        .iter()
        .filter_map(|arm| Some((arm, loss.by_arm.get(arm).copied().filter(|n| *n > 0)?)))
        .take(MOST_ARMS)
        .map(|(arm, n)| format!("{arm} {}", count(n)))
        .collect();
    let covariates = match loss.covariates.as_slice() {
        [only] => only.clone(),
        several => format!("all of {}", listed(several)),
    };
    let (has, is) = if loss.total() == 1 { ("has", "is") } else { ("have", "are") };
    Some(format!(
        "{}: {} ({}) {has} the outcome but not {covariates}, and {is} not in the {}.",
        endpoint.label.trim_end_matches('.'),
        counted(loss.total() as usize, "subject", "subjects"),
        listed(&arms),
        loss.analysis
    ))
}

/// What may be concluded of a comparison: never that there is no difference because p is large.
pub(super) fn verdict(endpoint: &EndpointResult, of: &ComparisonResult, design: &Design) -> String {
    let alpha = design.alpha;
    let level = percent(alpha);
    let Some(_) = of.main.p else {
        return "The hypothesis could not be tested, and nothing is concluded.".to_owned();
    };
    if endpoint.is_exploratory() {
        return "This endpoint is exploratory: the p-value is not adjusted and confirms nothing.".to_owned();
    }
    let descriptive = of.conclusion.as_deref().is_some_and(|c| c.starts_with("descriptive"));
    if descriptive {
        return "The result is descriptive, because the primary hypotheses were not all rejected (gatekeeping)."
            .to_owned();
    }
    if of.p_holm.or(of.main.p).is_some_and(|p| p <= alpha) {
        let interval = contradiction(of, design, true);
        format!("The hypothesis of no difference was rejected at the two-sided {level} level.{interval}")
    } else {
        let range = of.main.ci.map_or_else(String::new, |(low, high)| {
            format!("; the data are compatible with values from {} to {}", figure(low), figure(high))
        });
        format!(
            "The hypothesis of no difference was not rejected at the two-sided {level} level, which is no evidence that there is no \
             difference{range}.{}",
            contradiction(of, design, false)
        )
    }
}

/// Why the interval that is shown and the verdict seem to contradict each other, where they do; else nothing.
fn contradiction(of: &ComparisonResult, design: &Design, is_rejected: bool) -> String {
    let Some((low, high)) = of.main.ci else { return String::new() };
    let none = if of.main.measure.contains("ratio") { 1.0 } else { 0.0 };
    let excludes = low > none || high < none;
    if excludes == is_rejected {
        return String::new();
    }
    let level = &design.level;
    let lead = if excludes { "excludes" } else { "includes" };
    if excludes && of.main.p.is_some_and(|p| p <= design.alpha) {
        format!(
            " The interval {lead} no difference and yet nothing is rejected: {level} confidence intervals are for each comparison alone \
             and not adjusted for multiplicity, as the verdict is."
        )
    } else if *level != percent(1.0 - design.alpha) {
        format!(" The interval {lead} no difference: its level of {level} is not that of the test.")
    } else {
        format!(
            " The interval {lead} no difference: test and interval are made by different methods, which may disagree near the border."
        )
    }
}

/// With a capital at its beginning.
pub(super) fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// Ends in one full stop.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    if text.is_empty() { String::new() } else { format!("{}.", capitalised(text)) }
}

/// The first so many characters; what is cut ends in "…".
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_numbers_are_told_by_their_power_of_ten() {
        assert_eq!([decimal(1e300, 1), decimal(-2.5e15, 0)], ["1.00e300", "−2.50e15"]);
        assert_eq!([decimal(9.9e14, 0), decimal(-12.34, 1)], ["990,000,000,000,000", "−12.3"]);
        assert_eq!([given(1e20), given(120.0), given(-0.5)], ["1.00e20", "120", "−0.5"]);
    }
}
