//! What the documentation lacks: matters of several tickets for which no article fits. And `kb_gaps.md`.

use std::fmt::Write as _;

use heddle_kit::report::markdown_escaped;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Output,
    groups::{Group, GroupBy},
};
use crate::{
    priority::report::shortened,
    ticket::{StructuredTickets, Ticket},
};

/// How many gaps the report shows.
const SHOWN: usize = 25;

/// A matter for which no article fits at least half of its tickets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// What the tickets have in common.
    pub matter: String,
    /// What makes the group.
    pub group_by: GroupBy,
    /// The cluster's id or the word.
    pub group: String,
    /// The category of most of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Tickets of the group, resolved ones among them.
    pub n_tickets: usize,
    /// Those of them for which no article fits.
    pub n_without_article: usize,
    /// Those of them that wait or may wait.
    pub n_waiting: usize,
    /// Some of those for which no article fits.
    pub examples: Vec<String>,
}

/// The groups of which more than half have no fitting article, those with the most such tickets first.
pub(super) fn gaps(
    groups: &[Group],
    tickets: &[Ticket],
    waits: impl Fn(usize) -> bool,
    has_article: impl Fn(usize) -> bool,
) -> Vec<Gap> {
    let gap = |group: &Group| {
        let without: Vec<usize> = group.members.iter().copied().filter(|i| !has_article(*i)).collect();
        (without.len() * 2 > group.members.len()).then(|| Gap {
            matter: group.label(),
            group_by: group.by,
            group: group.name.clone(),
            category: group.category.clone(),
            n_tickets: group.members.len(),
            n_without_article: without.len(),
            n_waiting: group.members.iter().filter(|i| waits(**i)).count(),
            examples: without.iter().take(5).map(|i| tickets[*i].id.clone()).collect(),
        })
    };
    let mut gaps: Vec<Gap> = groups.iter().filter_map(gap).collect();
    gaps.sort_by_key(|gap| std::cmp::Reverse(gap.n_without_article));
    gaps
}

/// The report, put together from the results.
pub(super) fn markdown(data: &StructuredTickets, output: &Output) -> String {
    let mut md = String::new();
    let s = &output.summary;
    let n = data.normalized_tickets.len();
    let _ = writeln!(md, "# Gaps in the documentation\n");
    let _ = writeln!(
        md,
        "Source: {}. As of {}. {n} tickets, {} articles.\n",
        markdown_escaped(&data.source),
        data.as_of,
        s.n_articles
    );
    if s.n_articles == 0 {
        let _ = writeln!(
            md,
            "Which matters have an article is not computable: the input has no `knowledge_base`. Below are the matters that \
             several tickets share; whether they are documented is for a person to say.\n"
        );
    } else {
        let _ = writeln!(
            md,
            "An article fits {} of the {} tickets that wait{}. Below are the matters of at least three tickets for more than half \
             of which no article fits. Resolved tickets count too: they were asked.\n",
            s.n_with_article,
            s.states.open + s.states.unknown,
            if s.states.unknown > 0 {
                format!(" or may wait (the state of {} is not known)", s.states.unknown)
            } else {
                String::new()
            }
        );
    }
    if output.gaps.is_empty() {
        let _ = writeln!(md, "No such matter was found.\n");
    } else {
        let _ = writeln!(
            md,
            "| matter | tickets | without article | waiting | examples |\n|---|---:|---:|---:|---|"
        );
        for gap in output.gaps.iter().take(SHOWN) {
            let subject = |id: &String| {
                data.normalized_tickets.iter().find(|t| t.id == *id).map(|t| t.subject.as_str())
            };
            let examples: Vec<String> = gap
                .examples
                .iter()
                .take(2)
                .map(|id| {
                    format!(
                        "{} {}",
                        markdown_escaped(id),
                        markdown_escaped(&shortened(subject(id).unwrap_or_default()))
                    )
                })
                .collect();
            let without =
                if s.n_articles == 0 { "–".to_owned() } else { gap.n_without_article.to_string() };
            let _ = writeln!(
                md,
                "| {} | {} | {without} | {} | {} |",
                markdown_escaped(&gap.matter),
                gap.n_tickets,
                gap.n_waiting,
                examples.join("; ")
            );
        }
        if output.gaps.len() > SHOWN {
            let _ = writeln!(md, "\n{} more are in `solutions.json`.", output.gaps.len() - SHOWN);
        }
        md.push('\n');
    }
    let _ = writeln!(md, "## How this was found\n");
    let _ = writeln!(
        md,
        "Matters are the clusters of the categorisation; tickets without one are grouped by category and a word, or two, that their \
         subjects share."
    );
    if s.n_articles > 0 {
        let least = s.article_thresholds.iter().map(|t| match t.most_words {
            Some(words) => format!("{:.2} (up to {words} words)", t.relevance),
            None => format!("{:.2} (more words)", t.relevance),
        });
        let least: Vec<String> = least.collect();
        let _ = if least.is_empty() {
            writeln!(
                md,
                "An article fits from a relevance (normalised BM25, 0 to 1) of 0.20; there are too few tickets to calibrate that."
            )
        } else {
            writeln!(
                md,
                "An article fits from a relevance (normalised BM25, 0 to 1) that at most 5 % of random sets of the tickets' words \
                 reach, between 0.2 and 0.6; by length of the ticket: {}.",
                least.join(", ")
            )
        };
    }
    for what in &s.not_computable {
        let _ = writeln!(md, "Not computable: {}.", markdown_escaped(what));
    }
    let _ = writeln!(md, "\nSentences are composed by a template from the results.");
    md
}
