//! What is wrong with a document, in words. Of a value that fits none of several alternatives it is told what keeps it from
//! the one that was meant, as far as that can be seen.

use std::collections::BTreeSet;

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};

use crate::model::Problem;

/// A message is no longer than so many bytes: it quotes the offending value, which may be the whole document.
const MESSAGE: usize = 400;
/// Alternatives that are named to whoever fits none.
const NAMED: usize = 20;

/// Add what is wrong.
pub(super) fn explain(error: &ValidationError<'_>, problems: &mut Vec<Problem>) {
    let (Kind::AnyOf { context } | Kind::OneOfNotValid { context }) = error.kind() else {
        return problems.push(problem(error));
    };
    let here = error.instance_path();
    let is_other = |error: &ValidationError<'_>| {
        matches!(
            error.kind(),
            Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. } | Kind::FalseSchema
        )
    };
    // Those that are for another kind of value altogether are not what was meant.
    let meant: Vec<&Vec<ValidationError<'_>>> = context
        .iter()
        .filter(|alternative| !alternative.iter().any(|e| e.instance_path() == here && is_other(e)))
        .collect();
    // A member that has one value in each alternative tells them apart.
    let depth = here.to_string().matches('/').count() + 1;
    let tag = |alternative: &&Vec<ValidationError<'_>>| {
        let is_member =
            |e: &&ValidationError<'_>| e.instance_path().to_string().matches('/').count() == depth;
        let mut tags = alternative.iter().filter(is_member);
        tags.find_map(|e| match e.kind() {
            Kind::Constant { expected_value } => {
                Some((e.instance_path().to_string(), expected_value.to_string()))
            }
            _ => None,
        })
    };
    let tagged: Vec<_> = meant.iter().map(tag).collect();
    let mut fitting =
        std::iter::zip(&meant, &tagged).filter(|(_, tag)| tag.is_none()).map(|(alternative, _)| alternative);
    match (fitting.next(), fitting.next()) {
        (Some(alternative), None) => alternative.iter().for_each(|error| explain(error, problems)),
        (None, _) if let Some(Some((path, _))) = tagged.first() => {
            let expected: Vec<&str> =
                tagged.iter().flatten().map(|(_, value)| value.as_str()).take(NAMED).collect();
            problems.push(Problem::new(path.as_str(), format!("expected one of {}", expected.join(", "))));
        }
        _ => match common(&meant) {
            common if common.is_empty() => problems.push(problem(error)),
            common => problems.extend(common),
        },
    }
}

/// What is wrong whichever alternative was meant.
fn common(alternatives: &[&Vec<ValidationError<'_>>]) -> Vec<Problem> {
    let of = |alternative: &&Vec<ValidationError<'_>>| -> BTreeSet<(String, String)> {
        let told = |error| {
            let Problem { path, message } = problem(error);
            (path, message)
        };
        alternative.iter().map(told).collect()
    };
    let mut sets = alternatives.iter().map(of);
    let Some(first) = sets.next() else { return Vec::new() };
    let all = sets.fold(first, |all, set| all.intersection(&set).cloned().collect());
    all.into_iter().map(|(path, message)| Problem::new(path, message)).collect()
}

fn problem(error: &ValidationError<'_>) -> Problem {
    let message: String = error.to_string();
    let message = if message.len() > MESSAGE { shorten(&message) } else { message };
    Problem::new(error.instance_path().to_string(), message)
}

fn shorten(message: &str) -> String {
    let head: String = message.chars().take(150).collect();
    let skip = message.chars().count().saturating_sub(200);
    let tail: String = message.chars().skip(skip).collect();
    format!("{head} … {tail}")
}
