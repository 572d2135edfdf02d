//! Who has an outcome and is not in an adjusted analysis, because a covariate is missing.

use super::Book;
use crate::publication::{
    say,
    sources::{EndpointResult, Loss},
};

/// The most arms that are named.
const MOST_ARMS: usize = 12;

/// "5 subjects (Old 3 and New 2) have its value but no baseline.score, and are not in …".
fn sentence(book: Book<'_>, endpoint: &EndpointResult, loss: &Loss) -> String {
    let arms: Vec<String> = book
        .design
        .arms
        .iter()
        .filter_map(|arm| Some((arm, loss.by_arm.get(arm).copied().filter(|n| *n > 0)?)))
        .take(MOST_ARMS)
        .map(|(arm, n)| format!("{arm} {}", say::count(n)))
        .collect();
    let n = loss.total();
    format!(
        "{}: {} ({}) {} the outcome but not {}, and {} not in the {}.",
        endpoint.label.trim_end_matches('.'),
        say::counted(n as usize, "subject", "subjects"),
        say::listed(&arms),
        if n == 1 { "has" } else { "have" },
        say::listed(&loss.covariates),
        if n == 1 { "is" } else { "are" },
        loss.analysis
    )
}

/// A sentence for each endpoint whose adjusted analysis lost subjects, the primary one first.
pub(in crate::publication) fn without_covariate(book: Book<'_>) -> Vec<String> {
    let all = book.sources.efficacy.all().into_iter();
    all.filter_map(|endpoint| Some(sentence(book, endpoint, &endpoint.loss()?))).take(12).collect()
}
