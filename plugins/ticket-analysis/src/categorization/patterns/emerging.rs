//! What has become more frequent of late: terms, clusters and categories whose share of the tickets has risen.

use std::collections::{BTreeMap, BTreeSet};

use heddle_kit::text::{is_stop_word, tokens};
use heddle_sdk::prelude::*;
use jiff::{Timestamp, Unit};
use statrs::distribution::{Binomial, DiscreteCDF, Hypergeometric};

use crate::{categorization::author::AuthorText, sla::instant, ticket::Ticket};

/// Fewer dated tickets, or a shorter time, cannot tell new from old.
const FEWEST_TICKETS: usize = 20;
const SHORTEST_DAYS: f64 = 14.0;
/// The recent time is a quarter of the whole, within these bounds (days).
const RECENT_DAYS: (f64, f64) = (7.0, 90.0);
/// What fewer tickets have is not tested: it could not be significant.
const FEWEST: usize = 5;
/// What is reported: the false discovery rate, and recent tickets at least.
const MOST_Q: f64 = 0.1;
const FEWEST_RECENT: usize = 3;
const MOST_LISTED: usize = 30;
const MOST_WORDS: usize = 40;

/// What has become more frequent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Emerging {
    /// How it was found.
    pub method: String,
    /// The recent time begins here (RFC 3339) …
    pub recent_from: Option<String>,
    /// … and ends here, with the last ticket up to `as_of`.
    pub recent_until: Option<String>,
    /// Dated tickets in the recent time.
    pub n_recent: usize,
    /// Dated tickets before.
    pub n_earlier: usize,
    /// All tickets together.
    pub volume: Option<Volume>,
    /// How many terms, clusters and categories were tested.
    pub n_tested: usize,
    /// Those whose q-value is at most 0.1, the smallest first.
    pub items: Vec<Rising>,
    /// Why it could not be computed, if so.
    pub not_computable: Option<String>,
}

/// How the number of tickets has changed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Volume {
    /// Tickets a week in the recent time.
    pub recent_per_week: f64,
    /// Tickets a week before.
    pub earlier_per_week: f64,
    /// One-sided p-value of the exact test of equal rates against a higher one of late (two Poisson rates, conditional on
    /// their sum: binomial): how often equal rates would give a difference at least as large.
    pub p_value: f64,
}

/// Something that has become more frequent.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Rising {
    /// What it is.
    pub kind: RisingKind,
    /// The term, the cluster's id, or the category.
    pub name: String,
    /// Recent tickets that have it.
    pub recent: usize,
    /// Earlier tickets that have it.
    pub earlier: usize,
    /// Share of the recent tickets, 0..=1.
    pub recent_share: f64,
    /// Share of the earlier tickets, 0..=1.
    pub earlier_share: f64,
    /// Tickets a week in the recent time.
    pub recent_per_week: f64,
    /// Tickets a week before.
    pub earlier_per_week: f64,
    /// One-sided p-value of Fisher's exact test of equal shares against a higher one of late.
    pub p_value: f64,
    /// The p-value adjusted for the number of tests (Benjamini & Hochberg).
    pub q_value: f64,
    /// Ids of up to ten of the recent tickets.
    pub examples: Vec<String>,
}

/// What can become more frequent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RisingKind {
    /// A word or two neighbouring words of subjects and beginnings of descriptions.
    Term,
    /// A cluster of like tickets.
    Cluster,
    /// A category.
    Category,
}

/// Groups of tickets (by place) to be tested beside the terms.
pub(crate) type Groups = Vec<(RisingKind, String, Vec<usize>)>;

/// Find what has become more frequent.
pub(crate) fn emerging(
    tickets: &[Ticket],
    texts: &[AuthorText],
    groups: Groups,
    as_of: Timestamp,
) -> Emerging {
    let method = "Fisher's exact test, one-sided, of each term, cluster and category that at least 5 dated tickets have: \
                  is its share of the recent tickets higher than of the earlier ones? Reported where the q-value \
                  (Benjamini & Hochberg over all tests) is at most 0.1 and at least 3 recent tickets have it.";
    let refuse = |why: String| Emerging { not_computable: Some(why), ..Emerging::default() };
    let created: Vec<Option<Timestamp>> =
        tickets.iter().map(|t| instant(t.created_at.as_deref()).filter(|at| *at <= as_of)).collect();
    let n_dated = created.iter().flatten().count();
    let (Some(first), Some(last)) = (created.iter().flatten().min(), created.iter().flatten().max()) else {
        return refuse("no ticket has a creation time up to as_of".to_owned());
    };
    let days = days(*first, *last);
    if n_dated < FEWEST_TICKETS || days < SHORTEST_DAYS {
        return refuse(format!(
            "{n_dated} dated tickets over {days:.1} days; at least {FEWEST_TICKETS} over {SHORTEST_DAYS} days are needed"
        ));
    }
    let recent_days = (days / 4.0).clamp(RECENT_DAYS.0, RECENT_DAYS.1);
    let from = last.as_second() - (recent_days * 86400.0) as i64;
    let recent: Vec<Option<bool>> = created.iter().map(|at| at.map(|at| at.as_second() > from)).collect();
    let n_recent = recent.iter().filter(|recent| **recent == Some(true)).count();
    let window = Window {
        recent,
        n_recent,
        n_earlier: n_dated - n_recent,
        recent_days,
        earlier_days: days - recent_days,
    };
    if window.n_earlier == 0 {
        return refuse("no ticket is older than the recent time".to_owned());
    }

    let mut tested: Vec<Rising> = Vec::new();
    let terms = terms(texts).into_iter().map(|(name, members)| (RisingKind::Term, name, members));
    for (kind, name, members) in terms.chain(groups) {
        tested.extend(window.test(kind, name, &members, tickets));
    }
    let n_tested = tested.len();
    adjust(&mut tested);
    tested.retain(|item| item.q_value <= MOST_Q && item.recent >= FEWEST_RECENT);
    tested.sort_by(|a, b| {
        a.p_value.total_cmp(&b.p_value).then_with(|| (a.kind, &a.name).cmp(&(b.kind, &b.name)))
    });
    tested.truncate(MOST_LISTED);
    Emerging {
        method: method.to_owned(),
        recent_from: Timestamp::from_second(from).ok().map(|at| at.to_string()),
        recent_until: Some(last.to_string()),
        n_recent: window.n_recent,
        n_earlier: window.n_earlier,
        volume: Some(window.volume()),
        n_tested,
        items: tested,
        not_computable: None,
    }
}

fn days(from: Timestamp, until: Timestamp) -> f64 {
    until.since(from).and_then(|span| span.total(Unit::Hour)).map_or(0.0, |hours| hours / 24.0)
}

struct Window {
    /// By ticket; absent without a date.
    recent: Vec<Option<bool>>,
    n_recent: usize,
    n_earlier: usize,
    recent_days: f64,
    earlier_days: f64,
}

impl Window {
    fn volume(&self) -> Volume {
        let share = self.recent_days / (self.recent_days + self.earlier_days);
        let n = (self.n_recent + self.n_earlier) as u64;
        let p_value = Binomial::new(share, n).map_or(1.0, |null| at_least(&null, self.n_recent as u64));
        Volume {
            recent_per_week: self.n_recent as f64 / self.recent_days * 7.0,
            earlier_per_week: self.n_earlier as f64 / self.earlier_days * 7.0,
            p_value,
        }
    }

    fn test(&self, kind: RisingKind, name: String, members: &[usize], tickets: &[Ticket]) -> Option<Rising> {
        let with = |which| members.iter().filter(move |at| self.recent[**at] == Some(which));
        let (recent, earlier) = (with(true).count(), with(false).count());
        if recent + earlier < FEWEST {
            return None;
        }
        let all = (self.n_recent + self.n_earlier) as u64;
        let null = Hypergeometric::new(all, (recent + earlier) as u64, self.n_recent as u64).ok()?;
        Some(Rising {
            kind,
            name,
            recent,
            earlier,
            recent_share: recent as f64 / self.n_recent.max(1) as f64,
            earlier_share: earlier as f64 / self.n_earlier.max(1) as f64,
            recent_per_week: recent as f64 / self.recent_days * 7.0,
            earlier_per_week: earlier as f64 / self.earlier_days * 7.0,
            p_value: at_least(&null, recent as u64),
            q_value: 1.0,
            examples: with(true).take(10).map(|at| tickets[*at].id.clone()).collect(),
        })
    }
}

/// P(X ≥ k).
fn at_least(null: &impl DiscreteCDF<u64, f64>, k: u64) -> f64 {
    if k == 0 { 1.0 } else { null.sf(k - 1).clamp(0.0, 1.0) }
}

/// The q-values of Benjamini & Hochberg (1995).
fn adjust(tested: &mut [Rising]) {
    tested.sort_by(|a, b| b.p_value.total_cmp(&a.p_value));
    let n = tested.len();
    let mut least = 1.0f64;
    for (at, item) in tested.iter_mut().enumerate() {
        least = least.min(item.p_value * n as f64 / (n - at) as f64);
        item.q_value = least;
    }
}

/// The words and pairs of neighbouring words that tell something, and the tickets that have them; of several that the
/// very same tickets have, the longest.
fn terms(texts: &[AuthorText]) -> Vec<(String, Vec<usize>)> {
    let mut tickets: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, text) in texts.iter().enumerate() {
        let mut own = BTreeSet::new();
        for part in [&text.subject, &text.own] {
            let words = tokens(part);
            let words = &words[..words.len().min(MOST_WORDS)];
            let tells = |word: &String| {
                !is_stop_word(word)
                    && word.chars().any(char::is_alphabetic)
                    && !["code", "url", "image", "https", "http", "www"].contains(&word.as_str())
            };
            own.extend(words.iter().filter(|word| tells(word)).cloned());
            own.extend(words.windows(2).filter(|pair| pair.iter().all(tells)).map(|pair| pair.join(" ")));
        }
        for term in own {
            tickets.entry(term).or_default().push(at);
        }
    }
    let mut by_tickets: BTreeMap<Vec<usize>, String> = BTreeMap::new();
    for (term, members) in tickets.into_iter().filter(|(_, members)| members.len() >= FEWEST) {
        let longest = by_tickets.entry(members).or_default();
        if term.len() > longest.len() {
            *longest = term;
        }
    }
    by_tickets.into_iter().map(|(members, term)| (term, members)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::categorization::author::author_texts;

    fn tickets(subjects: impl Iterator<Item = String>) -> Vec<Ticket> {
        let start: Timestamp = "2024-01-01T00:00:00Z".parse().expect("a time");
        subjects
            .enumerate()
            .map(|(day, subject)| Ticket {
                id: day.to_string(),
                subject,
                created_at: Some(
                    Timestamp::from_second(start.as_second() + day as i64 * 86400)
                        .expect("in range")
                        .to_string(),
                ),
                ..Ticket::default()
            })
            .collect()
    }

    fn as_of() -> Timestamp {
        "2024-12-31T00:00:00Z".parse().expect("a time")
    }

    #[test]
    fn what_is_dated_after_as_of_is_neither_recent_nor_earlier() {
        let tickets = tickets((0..60).map(|_| "Parcel late".to_owned()));
        let as_of = "2024-02-10T00:00:00Z".parse().expect("a time");
        let found = emerging(&tickets, &author_texts(&tickets), Vec::new(), as_of);
        assert_eq!(found.n_recent + found.n_earlier, 41);
        assert_eq!(found.recent_until.as_deref(), Some("2024-02-10T00:00:00Z"));
    }

    #[test]
    fn a_new_term_is_found_and_a_steady_one_is_not() {
        let tickets = tickets((0..81).map(|day| match (day >= 61, day % 2) {
            (true, 0) => "Voucher rejected".to_owned(),
            (_, 1) => "Parcel late".to_owned(),
            _ => "Shoes too small".to_owned(),
        }));
        let found = emerging(&tickets, &author_texts(&tickets), Vec::new(), as_of());
        assert_eq!((found.n_recent, found.n_earlier), (20, 61));
        assert_eq!(found.items.len(), 1);
        let item = &found.items[0];
        assert_eq!((item.name.as_str(), item.recent, item.earlier), ("voucher rejected", 10, 0));
        // scipy.stats.hypergeom.sf(9, 81, 10, 20)
        assert!((item.p_value / 9.835857475e-08 - 1.0).abs() < 1e-6, "{}", item.p_value);
        assert_eq!(found.n_tested, 3);
        assert!((item.q_value / (3.0 * item.p_value) - 1.0).abs() < 1e-9);
        // One ticket a day all the time: scipy.stats.binom.sf(19, 81, 0.25)
        let volume = found.volume.expect("computed");
        assert!((volume.p_value - 0.568051642).abs() < 1e-6, "{}", volume.p_value);
        assert!((volume.recent_per_week - 7.0).abs() < 1e-9);
    }

    #[test]
    fn too_little_is_said_to_be_too_little() {
        let few = tickets((0..5).map(|_| "x y".to_owned()));
        let found = emerging(&few, &author_texts(&few), Vec::new(), as_of());
        assert!(found.not_computable.is_some_and(|why| why.contains("5 dated tickets over 4.0 days")));
        let undated = [Ticket::default()];
        assert!(emerging(&undated, &author_texts(&undated), Vec::new(), as_of()).not_computable.is_some());
    }
}
