//! Product area and component of a ticket, as far as it names them.

use std::collections::BTreeMap;

use heddle_kit::text::{normalise, tokens};

use super::{
    author::split_prefix,
    evidence::Kind,
    scheme::{Meaning, meaning},
};
use crate::ticket::{Entities, Ticket};

/// Where a ticket belongs, below its category.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Place {
    /// The prefix or label that names an area, else the product.
    pub(crate) area: Option<String>,
    /// The part of it: a component label, else any label that several tickets have and that names neither kind nor
    /// state, else the feature word of the subject that most tickets share.
    pub(crate) component: Option<String>,
}

/// Areas with fewer tickets are no areas: a prefix may be anything.
const FEWEST: usize = 2;

/// The places of the tickets, in their order.
pub(crate) fn places(tickets: &[Ticket], entities: &[Entities]) -> Vec<Place> {
    let areas: Vec<Option<String>> = tickets.iter().map(area).collect();
    let area_counts = counts(areas.iter().flatten().map(|area| normalise(area)));
    let features: BTreeMap<&str, &Entities> = entities.iter().map(|e| (e.ticket_id.as_str(), e)).collect();
    let named: Vec<Vec<String>> = tickets
        .iter()
        .map(|ticket| {
            let subject = format!(" {} ", tokens(&ticket.subject).join(" "));
            let features =
                features.get(ticket.id.as_str()).map(|e| e.features.as_slice()).unwrap_or_default();
            features
                .iter()
                .map(|feature| normalise(feature))
                .filter(|feature| {
                    let words = tokens(feature).join(" ");
                    !words.is_empty() && says_no_kind(feature) && subject.contains(&format!(" {words} "))
                })
                .collect()
        })
        .collect();
    let feature_counts = counts(named.iter().flatten().cloned());
    let label_counts =
        counts(tickets.iter().flat_map(|ticket| ticket.labels.iter().map(|label| normalise(label))));
    // Spelt as most tickets spell it.
    let spelling = spellings(areas.iter().flatten());
    tickets
        .iter()
        .zip(areas)
        .zip(named)
        .map(|((ticket, area), named)| {
            let area = area
                .map(|area| normalise(&area))
                .filter(|area| area_counts.get(area).is_some_and(|count| *count >= FEWEST))
                .map(|area| spelling.get(&area).cloned().unwrap_or(area));
            let shared = named
                .into_iter()
                .filter(|feature| area.as_ref().is_none_or(|area| normalise(area) != *feature))
                .filter_map(|feature| feature_counts.get(&feature).map(|count| (*count, feature)))
                .filter(|(count, _)| *count >= FEWEST)
                .max_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
            Place {
                component: label(ticket, &["component", "comp", "module", "package", "pkg"])
                    .or_else(|| plain_label(ticket, &label_counts))
                    .or(shared.map(|(_, feature)| feature)),
                area: area.or_else(|| ticket.product.clone()),
            }
        })
        .collect()
}

fn counts(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn spellings<'n>(names: impl Iterator<Item = &'n String>) -> BTreeMap<String, String> {
    let mut by_name: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for name in names {
        *by_name.entry(normalise(name)).or_default().entry(name).or_default() += 1;
    }
    let most = |spellings: BTreeMap<&str, usize>| {
        spellings
            .into_iter()
            .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)))
            .map(|(name, _)| name.to_owned())
    };
    by_name.into_iter().filter_map(|(name, spellings)| Some((name, most(spellings)?))).collect()
}

/// What an area label or the subject's prefix names; words for a kind (bug, feature request) are left out of it.
fn area(ticket: &Ticket) -> Option<String> {
    if let Some(area) = label(ticket, &["area", "product", "scope", "team", "module area"]) {
        return Some(area);
    }
    let (prefix, _) = split_prefix(&ticket.subject);
    let words: Vec<&str> = prefix.split_whitespace().filter(|word| says_no_kind(word)).collect();
    let area = words.join(" ");
    // A name of a few words, with a letter in it; before a colon, where sentences may begin, of fewer.
    let bracketed = ticket.subject.trim_start().starts_with('[');
    let most = if bracketed { 3 } else { 2 };
    (words.len() <= most && !area.contains('/') && area.chars().any(char::is_alphabetic)).then_some(area)
}

fn says_no_kind(words: &str) -> bool {
    let other =
        ["request", "report", "rfc", "fr", "feat", "fix", "wip", "todo", "urgent", "re", "fw", "fwd", "aw"];
    let kind = |word: &str| {
        other.contains(&word)
            || matches!(meaning(word), Meaning::Kind(Kind::Bug | Kind::Feature | Kind::Question))
    };
    !tokens(words).iter().any(|word| kind(word))
}

/// The value of the first label such as `area/terminal`, `component: parser` or `area-search`.
fn label(ticket: &Ticket, keys: &[&str]) -> Option<String> {
    ticket.labels.iter().find_map(|label| {
        let (key, value) = label.split_once([':', '/']).or_else(|| label.split_once('-'))?;
        let value = value.trim_matches(|c: char| c.is_whitespace() || c == ':' || c == '/');
        (keys.contains(&normalise(key).as_str()) && !value.is_empty()).then(|| value.to_owned())
    })
}

/// The first label without a key that names neither a kind nor a state or urgency.
fn plain_label(ticket: &Ticket, counts: &BTreeMap<String, usize>) -> Option<String> {
    let states = [
        "p0",
        "p1",
        "p2",
        "p3",
        "p4",
        "urgent",
        "high",
        "low",
        "medium",
        "critical",
        "priority",
        "escalated",
        "triage",
        "stale",
        "duplicate",
        "wontfix",
        "invalid",
        "good",
        "needs",
        "status",
        "confirmed",
        "verified",
        "vip",
        "new",
        "open",
        "closed",
        "resolved",
        "backlog",
        "blocked",
        "important",
    ];
    ticket.labels.iter().map(|label| normalise(label)).find(|label| {
        let says_state = tokens(label).iter().any(|word| states.contains(&word.as_str()));
        let keyed = label.contains([':', '/']);
        !keyed && !says_state && says_no_kind(label) && counts.get(label).is_some_and(|count| *count > FEWEST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(id: &str, subject: &str, labels: &[&str]) -> Ticket {
        Ticket {
            id: id.to_owned(),
            subject: subject.to_owned(),
            product: Some("Shop".to_owned()),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..Ticket::default()
        }
    }

    #[test]
    fn areas_come_from_prefixes_and_labels_else_the_product() {
        let tickets = [
            ticket("1", "[Checkout Bug] total is wrong", &[]),
            ticket("2", "checkout: coupon is refused", &[]),
            ticket("3", "Bug: nothing happens", &[]),
            ticket("4", "Once: upon a time", &[]),
            ticket("5", "slow", &["area/search", "component: index"]),
            ticket("6", "slower", &["area: search"]),
            ticket("7", "Re: the weather", &["urgent", "bug", "sign-in"]),
            ticket("8", "Hello", &["sign-in"]),
            ticket("9", "Hello", &["sign-in"]),
        ];
        let places = places(&tickets, &[]);
        let areas: Vec<_> = places.iter().map(|place| place.area.as_deref().unwrap_or_default()).collect();
        assert_eq!(
            areas,
            ["Checkout", "Checkout", "Shop", "Shop", "search", "search", "Shop", "Shop", "Shop"]
        );
        assert_eq!(places[4].component.as_deref(), Some("index"));
        assert_eq!(places[6].component.as_deref(), Some("sign-in"));
    }

    #[test]
    fn components_are_features_that_several_subjects_name() {
        let tickets = [
            ticket("1", "Cart drops items", &[]),
            ticket("2", "The cart is slow", &[]),
            ticket("3", "Hello", &[]),
        ];
        let features = |id: &str, list: &[&str]| Entities {
            ticket_id: id.to_owned(),
            features: list.iter().map(|f| (*f).to_owned()).collect(),
            ..Entities::default()
        };
        let entities =
            [features("1", &["Cart", "Items"]), features("2", &["cart"]), features("3", &["cart"])];
        let places = places(&tickets, &entities);
        assert_eq!(places[0].component.as_deref(), Some("cart"));
        assert_eq!(places[1].component.as_deref(), Some("cart"));
        assert_eq!(places[2].component, None, "the subject does not name it");
    }
}
