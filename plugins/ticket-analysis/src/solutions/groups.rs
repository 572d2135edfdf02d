//! Groups of tickets on the same matter: the clusters of `categorization`, and for tickets without one, those whose
//! subjects share a telling pair of neighbouring words, or else one telling word.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::search::{Vocabulary, content_words};
use crate::{priority::context::Categories, ticket::Ticket};

/// Fewest tickets of a group.
pub(crate) const SMALLEST: usize = 3;
/// Most groups by shared words.
const MOST_WORDS: usize = 40;

/// How a group came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// A cluster of `categorization`.
    Cluster,
    /// A category, and a word or a pair of words that the subjects share.
    Word,
    /// A category alone.
    Category,
}

/// Tickets on the same matter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(crate) by: GroupBy,
    /// The cluster's id, the word or the category.
    pub(crate) name: String,
    /// The category of most of them.
    pub(crate) category: Option<String>,
    /// At most three words: those that set the cluster apart, else those that at least half of the subjects share.
    pub(crate) words: Vec<String>,
    /// Places of its tickets, ascending.
    pub(crate) members: Vec<usize>,
}

impl Group {
    /// In words: `question: coverage, report`.
    pub(crate) fn label(&self) -> String {
        let words = if self.words.is_empty() { self.name.clone() } else { self.words.join(", ") };
        match &self.category {
            Some(category) if *category != words => format!("{category}: {words}"),
            _ => words,
        }
    }
}

/// All groups of at least [`SMALLEST`] tickets, the largest first. Each ticket is in one at most.
pub(crate) fn groups(tickets: &[Ticket], categories: &Categories, vocabulary: &Vocabulary) -> Vec<Group> {
    let phrases: Vec<BTreeSet<String>> = tickets.iter().map(|t| phrases(&t.subject, vocabulary)).collect();
    let mut clusters: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, ticket) in tickets.iter().enumerate() {
        if let Some(cluster) = &categories.of(&ticket.id).cluster_id {
            clusters.entry(cluster).or_default().push(i);
        }
    }
    clusters.retain(|_, members| members.len() >= SMALLEST);
    let grouped: BTreeSet<usize> = clusters.values().flatten().copied().collect();
    let mut found: Vec<(GroupBy, String, Vec<usize>)> =
        clusters.into_iter().map(|(name, members)| (GroupBy::Cluster, name.to_owned(), members)).collect();

    let mut by_category: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for i in (0..tickets.len()).filter(|i| !grouped.contains(i)) {
        by_category.entry(categories.of(&tickets[i].id).category.as_deref()).or_default().push(i);
    }
    for mut rest in by_category.into_values() {
        for _ in 0..MOST_WORDS {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for phrase in rest.iter().flat_map(|i| &phrases[*i]) {
                *counts.entry(phrase).or_default() += 1;
            }
            let best = counts
                .into_iter()
                .filter(|(_, n)| *n >= SMALLEST)
                .max_by_key(|(phrase, n)| (phrase.contains(' '), *n, std::cmp::Reverse(*phrase)));
            let Some((phrase, _)) = best else { break };
            let phrase = phrase.to_owned();
            let (members, others) = rest.iter().partition(|i| phrases[**i].contains(&phrase));
            rest = others;
            found.push((GroupBy::Word, phrase, members));
        }
    }
    let group = |(by, name, members): (GroupBy, String, Vec<usize>)| Group {
        by,
        category: commonest(members.iter().filter_map(|i| categories.of(&tickets[*i].id).category.clone())),
        words: match (by, categories.cluster_terms(&name)) {
            (GroupBy::Cluster, terms) if !terms.is_empty() => terms.iter().take(3).cloned().collect(),
            _ => shared_words(&name, &members, &phrases, vocabulary),
        },
        name,
        members,
    };
    let mut groups: Vec<Group> = found.into_iter().map(group).collect();
    // The sort is stable, so that equal ones keep their order.
    groups.sort_by_key(|g| std::cmp::Reverse(g.members.len()));
    groups
}

/// The tickets of each category, the largest first.
pub(crate) fn by_category(tickets: &[Ticket], categories: &Categories) -> Vec<Group> {
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, ticket) in tickets.iter().enumerate() {
        if let Some(category) = &categories.of(&ticket.id).category {
            members.entry(category).or_default().push(i);
        }
    }
    let group = |(category, members): (&str, Vec<usize>)| Group {
        by: GroupBy::Category,
        name: category.to_owned(),
        category: Some(category.to_owned()),
        words: Vec::new(),
        members,
    };
    let mut groups: Vec<Group> = members.into_iter().map(group).collect();
    groups.sort_by_key(|g| std::cmp::Reverse(g.members.len()));
    groups
}

/// Words that trackers' subjects are full of, in the singular: they say that something is the matter, not what.
const GENERIC: &[&str] = &[
    "add",
    "broken",
    "bug",
    "call",
    "cause",
    "change",
    "correctly",
    "doesnt",
    "error",
    "fail",
    "failed",
    "failing",
    "failure",
    "feature",
    "fix",
    "happen",
    "help",
    "incorrect",
    "incorrectly",
    "issue",
    "make",
    "missing",
    "need",
    "new",
    "please",
    "problem",
    "properly",
    "question",
    "request",
    "run",
    "running",
    "set",
    "show",
    "start",
    "stop",
    "support",
    "throw",
    "trying",
    "unable",
    "undefined",
    "unexpected",
    "update",
    "use",
    "used",
    "using",
    "version",
    "want",
    "way",
    "work",
    "working",
    "wrong",
];

/// The telling words of a subject and its pairs of neighbouring ones. Words so common that they have no weight, and
/// generic ones, name no matter.
fn phrases(subject: &str, vocabulary: &Vocabulary) -> BTreeSet<String> {
    let tells = |word: &String| {
        GENERIC.binary_search(&word.as_str()).is_err()
            && vocabulary.number(word).is_some_and(|number| vocabulary.idf(number) > 0.0)
    };
    let words: Vec<String> = content_words(subject).into_iter().filter(tells).collect();
    let pairs = words.windows(2).filter(|pair| pair[0] != pair[1]).map(|pair| pair.join(" "));
    pairs.chain(words.iter().cloned()).collect()
}

/// The group's own words first (for a cluster none), then those that at least half of its subjects share.
fn shared_words(
    name: &str,
    members: &[usize],
    phrases: &[BTreeSet<String>],
    vocabulary: &Vocabulary,
) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in members.iter().flat_map(|i| &phrases[*i]).filter(|phrase| !phrase.contains(' ')) {
        *counts.entry(word).or_default() += 1;
    }
    let idf = |word: &str| vocabulary.number(word).map_or(0.0, |number| vocabulary.idf(number));
    let own: BTreeSet<&str> = name.split(' ').collect();
    let mut shared: Vec<(&str, f64)> = counts
        .into_iter()
        .filter(|(_, n)| n * 2 >= members.len())
        .map(|(word, n)| (word, n as f64 * idf(word)))
        .collect();
    shared.sort_by(|a, b| {
        own.contains(b.0).cmp(&own.contains(a.0)).then(b.1.total_cmp(&a.1)).then(a.0.cmp(b.0))
    });
    shared.into_iter().take(3).map(|(word, _)| word.to_owned()).collect()
}

fn commonest(names: impl Iterator<Item = String>) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0))).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generic_words_are_sorted() {
        assert!(super::GENERIC.is_sorted());
    }
}
