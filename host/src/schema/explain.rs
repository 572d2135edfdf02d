//! What is wrong with a document, in words. Of a value that fits none of several alternatives it is told what keeps it from
//! the one that was meant, as far as that can be seen.

use std::collections::BTreeSet;

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};

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
    if meant.is_empty() {
        return none_meant(error, context, problems);
    }
    // A member that has one value in each alternative tells them apart.
    let depth = here.to_string().matches('/').count() + 1;
    let tagged: Vec<_> = meant.iter().map(|alternative| tag(alternative, depth)).collect();
    let mut fitting =
        std::iter::zip(&meant, &tagged).filter(|(_, tag)| tag.is_none()).map(|(alternative, _)| alternative);
    match (fitting.next(), fitting.next()) {
        (Some(alternative), None) => alternative.iter().for_each(|error| explain(error, problems)),
        (None, _) if let Some(Some(Tag { path, found, .. })) = tagged.first() => {
            let expected: Vec<&str> =
                tagged.iter().flatten().map(|tag| tag.expected.as_str()).take(NAMED).collect();
            let message = format!("{found} is none of {}", expected.join(", "));
            let message = if message.len() > MESSAGE { shorten(&message) } else { message };
            problems.push(Problem::new(path.as_str(), message));
        }
        _ => match common(&meant) {
            common if common.is_empty() => problems.push(problem(error)),
            common => problems.extend(common),
        },
    }
}

/// Of a value that is for another kind of thing than each alternative it is told what there could be.
fn none_meant(
    error: &ValidationError<'_>,
    alternatives: &[Vec<ValidationError<'_>>],
    problems: &mut Vec<Problem>,
) {
    let told = alternatives.iter().take(NAMED).map(|alternative| {
        let here = alternative.iter().filter(|e| e.instance_path() == error.instance_path());
        here.map(|e| match e.kind() {
            Kind::Constant { expected_value } => expected_value.to_string(),
            Kind::Type { kind: TypeKind::Single(kind) } => format!("of type {kind}"),
            Kind::Type { kind: TypeKind::Multiple(kinds) } => {
                let kinds: Vec<String> = kinds.iter().map(|kind| kind.to_string()).collect();
                format!("of type {}", kinds.join(" or "))
            }
            _ => "what another alternative asks for".to_owned(),
        })
        .next()
        .unwrap_or_default()
    });
    let told: BTreeSet<String> = told.collect();
    let told: Vec<String> = told.into_iter().collect();
    let message = format!("{} is none of these: {}", error.instance(), told.join(", "));
    let message = if message.len() > MESSAGE { shorten(&message) } else { message };
    problems.push(Problem::new(error.instance_path().to_string(), message));
}

/// A member that has another value than the one that an alternative has there.
struct Tag {
    path: String,
    found: String,
    expected: String,
}

fn tag(alternative: &[ValidationError<'_>], depth: usize) -> Option<Tag> {
    alternative.iter().find_map(|error| {
        let path = error.instance_path().to_string();
        match error.kind() {
            Kind::Constant { expected_value } if path.matches('/').count() == depth => {
                Some(Tag { path, found: error.instance().to_string(), expected: expected_value.to_string() })
            }
            _ => None,
        }
    })
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
