//! Tickets with like subjects.

use std::collections::BTreeMap;

use heddle_kit::text::{Tfidf, TfidfOptions, similar_pairs};
use heddle_sdk::prelude::*;

use crate::ticket::Ticket;

/// The least cosine of a pair.
pub const THRESHOLD: f64 = 0.8;
/// Pairs that are listed; all are counted.
const MOST_LISTED: usize = 5000;

/// Pairs of tickets with like subjects.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Similar {
    /// How likeness is measured.
    pub method: String,
    /// How many pairs reach the threshold.
    pub n_pairs: u64,
    /// (ticket id, ticket id, cosine rounded to 10 decimals): the highest cosine first, then in the tickets' order.
    pub pairs: Vec<(String, String, f64)>,
    /// Whether there are more pairs than are listed.
    pub truncated: bool,
}

/// Find them.
pub(crate) fn similar(tickets: &[Ticket]) -> Similar {
    let subjects: Vec<&str> = tickets.iter().map(|ticket| ticket.subject.as_str()).collect();
    let (_, vectors) = Tfidf::fit(&subjects, &TfidfOptions::default());
    let found = similar_pairs(&vectors, THRESHOLD, MOST_LISTED);
    let mut pairs: Vec<_> =
        found.pairs.into_iter().map(|(a, b, cosine)| (a, b, (cosine * 1e10).round() / 1e10)).collect();
    pairs.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    let id = |at: usize| tickets[at].id.clone();
    Similar {
        method: format!(
            "cosine of TF-IDF vectors of the subjects (words, smooth idf, l2: scikit-learn's defaults), at least {THRESHOLD}"
        ),
        n_pairs: found.n_pairs,
        truncated: found.n_pairs > pairs.len() as u64,
        pairs: pairs.into_iter().map(|(a, b, cosine)| (id(a), id(b), cosine)).collect(),
    }
}

/// Groups of at least two tickets whose subjects have the same words in the same order, without regard to case,
/// punctuation and white space; subjects without words are left out. By first ticket.
pub(crate) fn identical_subjects(tickets: &[Ticket]) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, ticket) in tickets.iter().enumerate() {
        let key = words(&ticket.subject);
        if !key.is_empty() {
            groups.entry(key).or_default().push(at);
        }
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().filter(|group| group.len() > 1).collect();
    groups.sort();
    groups.into_iter().map(|group| group.into_iter().map(|at| tickets[at].id.clone()).collect()).collect()
}

/// The words of a text in lower case, one space between them.
pub(crate) fn words(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(subjects: &[&str]) -> Vec<Ticket> {
        let ticket = |(at, subject): (usize, &&str)| Ticket {
            id: format!("T{at}"),
            subject: (*subject).to_owned(),
            ..Ticket::default()
        };
        subjects.iter().enumerate().map(ticket).collect()
    }

    #[test]
    fn subjects_with_the_same_words_are_grouped() {
        let tickets = tickets(&["Login fails!", "other", "login  FAILS", "!!!", "???", "fails login"]);
        assert_eq!(identical_subjects(&tickets), [["T0", "T2"]]);
        let similar = similar(&tickets);
        // In another order they are not identical, but their words are: three pairs of cosine 1.
        assert_eq!(similar.n_pairs, 3);
        assert_eq!(similar.pairs[0], ("T0".to_owned(), "T2".to_owned(), 1.0));
    }
}
