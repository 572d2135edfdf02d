//! Issues that came up again and again: the same subject or error message but for numbers, names and quotations.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use heddle_sdk::prelude::*;
use jiff::Timestamp;
use regex::Regex;

use super::similar::words;
use crate::{
    sla::instant,
    standing::{Standing, StateCounts},
    ticket::{Entities, Ticket},
};

/// Fewer tickets do not recur.
const FEWEST: usize = 3;
/// So many are listed.
const MOST: usize = 50;

/// An issue that came up again and again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Recurring {
    /// The common text: numbers are `#`, quoted text is `…`.
    pub signature: String,
    /// Whether the subjects or the error messages agree.
    pub found_in: FoundIn,
    /// How many tickets.
    pub count: usize,
    /// The tickets' ids, in the tickets' order.
    pub ticket_ids: Vec<String>,
    /// When the first of those dated up to `as_of` was created, if known (RFC 3339).
    pub first_created_at: Option<String>,
    /// When the last of them was created, if known (RFC 3339).
    pub last_created_at: Option<String>,
    /// How many are open at `as_of`; absent if the state of one of them is not known.
    pub unresolved: Option<usize>,
}

/// Where tickets agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundIn {
    /// In their subjects.
    Subject,
    /// In an error message of their texts.
    ErrorMessage,
}

static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#""[^"\n]{1,60}"|\B'[^'\n]{1,60}'\B|`[^`\n]{1,60}`|“[^”\n]{1,60}”|(?:[A-Za-z]:)?(?:[\\/][\w.@~-]+){2,}|\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{8,}\b|\d+"#).ok()
});

/// The text without what changes from one occurrence to the next.
pub(crate) fn signature(text: &str) -> String {
    let Some(variable) = VARIABLE.as_ref() else { return text.to_owned() };
    let masked = variable.replace_all(text, |found: &regex::Captures<'_>| {
        if found[0].starts_with(|c: char| c.is_ascii_digit()) { "#" } else { "…" }
    });
    masked.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Find them.
pub(crate) fn recurring(tickets: &[Ticket], entities: &[Entities], as_of: Timestamp) -> Vec<Recurring> {
    let by_id: BTreeMap<&str, &Entities> = entities.iter().map(|e| (e.ticket_id.as_str(), e)).collect();
    let mut groups: BTreeMap<(FoundIn, String), Vec<usize>> = BTreeMap::new();
    for (at, ticket) in tickets.iter().enumerate() {
        let errors = by_id.get(ticket.id.as_str()).map(|e| e.error_messages.as_slice()).unwrap_or_default();
        let errors = errors.iter().map(|text| (FoundIn::ErrorMessage, signature(text)));
        for key in [(FoundIn::Subject, signature(&ticket.subject))].into_iter().chain(errors) {
            // One word ("error") is too little to be the same issue.
            let told = words(&key.1).split(' ').filter(|word| word.chars().any(char::is_alphabetic)).count();
            let members = groups.entry(key).or_default();
            if told >= 2 && members.last() != Some(&at) {
                members.push(at);
            }
        }
    }
    let mut found: Vec<((FoundIn, String), Vec<usize>)> =
        groups.into_iter().filter(|(_, members)| members.len() >= FEWEST).collect();
    found.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    // An error message that the very same tickets have as their subject is no second issue.
    let mut seen: BTreeSet<Vec<usize>> = BTreeSet::new();
    found.retain(|(_, members)| seen.insert(members.clone()));
    found.truncate(MOST);
    found
        .into_iter()
        .map(|((found_in, signature), members)| describe(tickets, found_in, signature, &members, as_of))
        .collect()
}

fn describe(
    tickets: &[Ticket],
    found_in: FoundIn,
    signature: String,
    members: &[usize],
    as_of: Timestamp,
) -> Recurring {
    let own = || members.iter().map(|at| &tickets[*at]);
    let there = |ticket: &&Ticket| instant(ticket.created_at.as_deref()).is_some_and(|at| at <= as_of);
    let created = || own().filter(there).filter_map(|ticket| ticket.created_at.clone());
    let states: StateCounts = own().map(|ticket| Standing::of(ticket, as_of)).collect();
    Recurring {
        signature,
        found_in,
        count: members.len(),
        ticket_ids: own().map(|ticket| ticket.id.clone()).collect(),
        first_created_at: created().min(),
        last_created_at: created().max(),
        unresolved: (states.unknown == 0).then_some(states.open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_masked() {
        assert_eq!(signature("Cannot open \"a b.txt\" (code 17)"), "cannot open … (code #)");
        assert_eq!(signature("Fault at /usr/lib/x.so in  0xdeadbeef"), "fault at … in #");
        assert_eq!(signature("It can't see 'a b' and won't"), "it can't see … and won't");
        assert_eq!(signature("Plain text"), "plain text");
    }

    #[test]
    fn three_of_a_kind_recur_and_two_do_not() {
        let ticket = |at: usize, subject: &str| Ticket {
            id: at.to_string(),
            subject: subject.to_owned(),
            created_at: Some(format!("2024-01-0{}T00:00:00Z", at + 1)),
            ..Ticket::default()
        };
        let tickets: Vec<Ticket> = [
            "Disk 1 is full",
            "Disk 2 is full",
            "error",
            "error",
            "error",
            "Disk 34 is full",
            "Twice so",
            "Twice so",
        ]
        .iter()
        .enumerate()
        .map(|(at, subject)| ticket(at, subject))
        .collect();
        let found = recurring(&tickets, &[], "2024-02-01T00:00:00Z".parse().expect("a time"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].signature, "disk # is full");
        assert_eq!(found[0].ticket_ids, ["0", "1", "5"]);
        assert_eq!(found[0].last_created_at.as_deref(), Some("2024-01-06T00:00:00Z"));
        assert_eq!(found[0].unresolved, None);
    }
}
