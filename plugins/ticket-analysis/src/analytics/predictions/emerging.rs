//! Emerging issues: what the categorisation found to have become more frequent, in sentences.

use super::Finding;
use crate::analytics::upstream::Patterns;

/// So many are told of; the rest is in `categorization_results.json`.
const SHOWN: usize = 8;

/// The findings, and what to say of the search as a whole.
pub(super) fn issues(patterns: &Patterns) -> (Vec<Finding>, String) {
    let e = &patterns.emerging;
    if let Some(reason) = &e.not_computable {
        return (Vec::new(), format!("Not computable: {}.", reason.trim_end_matches('.')));
    }
    if e.n_tested == 0 {
        return (Vec::new(), "The categorisation tested nothing for growth.".to_owned());
    }
    let since = e.recent_from.as_deref().and_then(|t| t.get(..10)).unwrap_or("the recent time");
    let summary = format!(
        "{} terms, clusters and categories were tested for a share that has risen since {since}; {} passed (false discovery rate 10 %).",
        e.n_tested,
        e.items.len()
    );
    let findings = e.items.iter().take(SHOWN).map(|item| {
        let share = |n: usize, of: usize| if of == 0 { 0.0 } else { 100.0 * n as f64 / of as f64 };
        let examples: Vec<&str> = item.examples.iter().take(3).map(String::as_str).collect();
        let such =
            if examples.is_empty() { String::new() } else { format!(" Such as {}.", examples.join(", ")) };
        Finding {
            title: match item.kind.as_str() {
                "term" => format!("\u{201c}{}\u{201d}", item.name),
                kind => format!("{kind}: {}", patterns.name(item)),
            },
            text: format!(
                "In {} of {} tickets since {since} ({:.1} %), in {} of {} before ({:.1} %).{such}",
                item.recent,
                e.n_recent,
                share(item.recent, e.n_recent),
                item.earlier,
                e.n_earlier,
                share(item.earlier, e.n_earlier)
            ),
            arithmetic: format!(
                "Fisher's exact test, one-sided: p {}; adjusted for {} tests q {}.",
                small(item.p_value),
                e.n_tested,
                small(item.q_value)
            ),
        }
    });
    (findings.collect(), summary)
}

fn small(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("= {p:.4}") }
}
