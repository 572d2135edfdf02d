//! The score of a ticket, its parts, and the priority that follows.
//!
//! `score = impact + urgency`, the sum of the contributions:
//!
//! | part | factor | points |
//! |---|---|---|
//! | impact | votes | 0 to 9, logarithmic up to the scale of the data |
//! | impact | similar tickets | 0 to 8, logarithmic up to the scale of the data |
//! | impact | customer tier | 0 to 7, by the tightness of the tier's SLA target |
//! | impact | comments | 0 to 6, logarithmic up to the scale of the data |
//! | impact | reach | 3 where the text says that many are affected |
//! | urgency | criticality | 0 to 45 ([`super::criticality`]), times a share for wishes and questions |
//! | urgency | category | 0 to 5 for faults, by the classifier's confidence |
//! | urgency | SLA | 0 to 10, for tickets that wait: 3 from half the time used, 7 from three quarters, 10 when overdue, 6 when the ticket is older than five times the target: it has become backlog |
//! | urgency | source priority | P0 +15, P1 +9, P2 +2, P3 -8 |
//!
//! P0 from [`P0_FROM`] points where the strongest sign is a grave one (outage, data loss, security, payment), or a crash
//! with an impact of at least [`MANY`], or where the source says P0. P1 from [`P1_FROM`]; P2 from [`P2_FROM`]; else P3. What
//! is unknown gives no points and is listed as unknown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    context::{Categorized, Kind},
    criticality::{Found, Sign},
};
use crate::{
    sla::{NotJudged, SlaPolicy, State, Verdict},
    standing::Standing,
    ticket::{Priority, Ticket},
};

/// Score from which a ticket with a grave sign is P0.
pub const P0_FROM: f64 = 44.0;
/// Score from which a ticket is P1.
pub const P1_FROM: f64 = 30.0;
/// Score from which a ticket is P2.
pub const P2_FROM: f64 = 12.0;
/// Impact from which a crash can make a ticket P0.
pub const MANY: f64 = 15.0;

const VOTES: f64 = 9.0;
const SIMILAR: f64 = 8.0;
const TIER: f64 = 7.0;
const COMMENTS: f64 = 6.0;
const REACH: f64 = 3.0;
const FAULT: f64 = 5.0;
/// Multiple of the target from which a ticket is backlog rather than late.
const LONG_OVERDUE: f64 = 5.0;
/// Share of the criticality that counts for a wish and for a question: the words are then mostly a subject matter.
const WISH_SHARE: f64 = 0.25;
const QUESTION_SHARE: f64 = 0.5;

/// Which of the two sums a contribution belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// How many are concerned, and who.
    Impact,
    /// How bad it is, and how soon it must be solved.
    Urgency,
}

/// Points and the reason for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contribution {
    /// `votes`, `similar_tickets`, `customer_tier`, `comments`, `reach`, `criticality`, `category`, `sla` or `source_priority`.
    pub factor: String,
    /// The sum that it belongs to.
    pub axis: Axis,
    /// Points.
    pub points: f64,
    /// The reason.
    pub because: String,
}

/// The counts at which votes, comments and similar tickets give full points: the 95th percentile of the known ones, and
/// at least a floor, so that a handful of tickets does not make two votes look like many.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scales {
    /// Votes for full points, at least 5.
    pub votes: f64,
    /// Comments for full points, at least 10.
    pub comments: f64,
    /// Similar tickets for full points, at least 5.
    pub similar_tickets: f64,
}

impl Scales {
    /// The scales of the data: the known counts of all tickets.
    pub fn of(votes: Vec<u64>, comments: Vec<u64>, similar: Vec<u64>) -> Self {
        let scale = |mut counts: Vec<u64>, floor: f64| {
            counts.sort_unstable();
            let i = (counts.len() * 95).div_ceil(100).saturating_sub(1);
            counts.get(i).map_or(floor, |count| (*count as f64).max(floor))
        };
        Self {
            votes: scale(votes, 5.0),
            comments: scale(comments, 10.0),
            similar_tickets: scale(similar, 5.0),
        }
    }
}

/// All that a ticket's score is made of.
pub(crate) struct Facts<'a> {
    pub(crate) ticket: &'a Ticket,
    pub(crate) standing: Standing,
    pub(crate) categories: &'a Categorized,
    pub(crate) similar: Option<usize>,
    pub(crate) signs: &'a [Found],
    /// Whether its text says that many are affected; `None` where nothing was extracted from the text.
    pub(crate) concerns_many: Option<bool>,
    /// `None` without a policy.
    pub(crate) sla: Option<&'a Result<Verdict, NotJudged>>,
}

/// Rules and scales for all tickets.
pub(crate) struct Scorer<'a> {
    scales: Scales,
    policy: Option<&'a SlaPolicy>,
}

/// A score.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Score {
    pub(crate) priority: Priority,
    pub(crate) impact: f64,
    pub(crate) urgency: f64,
    pub(crate) contributions: Vec<Contribution>,
    pub(crate) unknown: Vec<String>,
    pub(crate) rule: String,
}

impl<'a> Scorer<'a> {
    pub(crate) fn new(scales: Scales, policy: Option<&'a SlaPolicy>) -> Self {
        Self { scales, policy }
    }

    pub(crate) fn score(&self, facts: &Facts<'_>) -> Score {
        let (mut contributions, mut unknown) = (Vec::new(), Vec::new());
        let mut add = |factor: &str, axis: Axis, part: Result<(f64, String), String>| match part {
            Ok((points, because)) => {
                let points = round(points);
                if points != 0.0 {
                    contributions.push(Contribution { factor: factor.to_owned(), axis, points, because });
                }
            }
            Err(why) => unknown.push(format!("{factor}: {why}")),
        };
        let count = |count: Option<u64>, scale: f64, most: f64, what: &str| {
            let n = count.ok_or_else(|| "not in the source".to_owned())?;
            let what = if n == 1 { what.trim_end_matches('s') } else { what };
            Ok((logarithmic(n, scale, most), format!("{n} {what}; {scale} or more give {most}")))
        };
        let (ticket, scales) = (facts.ticket, &self.scales);
        add("votes", Axis::Impact, count(ticket.votes, scales.votes, VOTES, "votes"));
        let similar = facts.similar.map(|n| n as u64);
        add(
            "similar_tickets",
            Axis::Impact,
            count(similar, scales.similar_tickets, SIMILAR, "similar tickets"),
        );
        add("customer_tier", Axis::Impact, self.tier(ticket));
        add("comments", Axis::Impact, count(ticket.comments, scales.comments, COMMENTS, "comments"));
        if facts.concerns_many == Some(true) {
            add("reach", Axis::Impact, Ok((REACH, "the text says that many are affected".to_owned())));
        }
        add("criticality", Axis::Urgency, Ok(criticality(facts)));
        add("category", Axis::Urgency, category(facts.categories));
        add("sla", Axis::Urgency, sla(facts));
        add("source_priority", Axis::Urgency, source_priority(ticket));

        let sum =
            |axis| round(contributions.iter().filter(|c| c.axis == axis).map(|c| c.points).sum::<f64>());
        let (impact, urgency) = (sum(Axis::Impact), sum(Axis::Urgency));
        let (priority, rule) = decide(round(impact + urgency), impact, facts);
        Score { priority, impact, urgency, contributions, unknown, rule }
    }

    /// The tier with the tightest target has all points, the one with the loosest none.
    fn tier(&self, ticket: &Ticket) -> Result<(f64, String), String> {
        let tier = ticket.customer_tier.as_deref().ok_or("not in the source")?;
        let policy = self.policy.ok_or("no SLA policy says what the tiers are worth")?;
        let hours = |t: &crate::sla::Target| t.resolution_hours.or(t.first_response_hours);
        let mut ranks: Vec<f64> = policy
            .all_targets()
            .into_iter()
            .filter(|(name, _)| *name != "default")
            .filter_map(|(_, t)| hours(t))
            .collect();
        ranks.sort_by(f64::total_cmp);
        ranks.dedup();
        let (_, target) = policy.target(Some(tier)).ok_or("the SLA policy does not have this tier")?;
        let own = hours(target).ok_or("the SLA policy has no target for this tier")?;
        let Some(rank) = ranks.iter().position(|hours| *hours == own).filter(|_| ranks.len() > 1) else {
            return Ok((0.0, "the tiers' targets do not differ".to_owned()));
        };
        let points = TIER * (ranks.len() - 1 - rank) as f64 / (ranks.len() - 1) as f64;
        Ok((
            points,
            format!("tier {tier}: target {own} h, rank {} of {} by tightness", rank + 1, ranks.len()),
        ))
    }
}

/// `most * ln(1 + n) / ln(1 + scale)`, at most `most`.
fn logarithmic(n: u64, scale: f64, most: f64) -> f64 {
    most * ((n as f64).ln_1p() / scale.ln_1p()).min(1.0)
}

/// To a tenth, so that the parts that are shown add up to the sum that is shown.
fn round(points: f64) -> f64 {
    (points * 10.0).round() / 10.0
}

/// The share of the criticality that counts, by category and the classifier's confidence.
fn share(categories: &Categorized) -> f64 {
    let share = match categories.kind() {
        Kind::Wish => WISH_SHARE,
        Kind::Question => QUESTION_SHARE,
        Kind::Fault | Kind::Other => 1.0,
    };
    1.0 - (1.0 - share) * categories.confidence().unwrap_or(1.0)
}

fn criticality(facts: &Facts<'_>) -> (f64, String) {
    let points: f64 = facts.signs.iter().map(|s| s.points).sum();
    let signs = facts.signs.iter().map(|s| {
        let place = if s.in_subject { "subject" } else { "text" };
        format!("{} ({place}: \"{}\")", s.sign.words(), s.words)
    });
    let mut because = signs.collect::<Vec<_>>().join(", ");
    let share = share(facts.categories);
    if share < 1.0 {
        let category = facts.categories.category.as_deref().unwrap_or_default();
        because.push_str(&format!("; × {share:.2}, since the category is {category}"));
    }
    (points * share, because)
}

fn category(categories: &Categorized) -> Result<(f64, String), String> {
    let category = categories.category.as_deref().ok_or("not categorised")?;
    let points =
        if categories.kind() == Kind::Fault { FAULT * categories.confidence().unwrap_or(1.0) } else { 0.0 };
    Ok((points, format!("category {category}")))
}

fn sla(facts: &Facts<'_>) -> Result<(f64, String), String> {
    if !facts.standing.may_wait() {
        return Ok((0.0, "it does not wait".to_owned()));
    }
    let verdict = match facts.sla {
        None => return Err("no SLA policy".to_owned()),
        Some(Err(why)) => return Err(why.reason().to_owned()),
        Some(Ok(verdict)) => verdict,
    };
    let Verdict { target_hours, elapsed_hours, remaining_hours, .. } = verdict;
    let used = if *target_hours > 0.0 { elapsed_hours / target_hours } else { f64::INFINITY };
    let points = match verdict.state {
        State::Breached if used > LONG_OVERDUE => 6.0,
        State::Breached => 10.0,
        _ if used >= 0.75 => 7.0,
        _ if used >= 0.5 => 3.0,
        _ => 0.0,
    };
    let because = if verdict.state == State::Breached {
        format!("overdue by {:.1} h of a target of {target_hours} h", -remaining_hours)
    } else {
        format!("{remaining_hours:.1} h left of a target of {target_hours} h")
    };
    Ok((points, because))
}

fn source_priority(ticket: &Ticket) -> Result<(f64, String), String> {
    let priority = ticket.priority.ok_or("not in the source")?;
    let points = match priority {
        Priority::P0 => 15.0,
        Priority::P1 => 9.0,
        Priority::P2 => 2.0,
        Priority::P3 => -8.0,
    };
    let word = ticket.source_priority.as_deref().map(|w| format!(" (\"{w}\")")).unwrap_or_default();
    Ok((points, format!("the source says {priority:?}{word}")))
}

fn decide(score: f64, impact: f64, facts: &Facts<'_>) -> (Priority, String) {
    if score >= P0_FROM {
        let strongest = facts.signs.first().map(|s| s.sign).filter(|_| share(facts.categories) >= 0.5);
        let reason = match strongest {
            Some(sign) if sign.is_grave() => Some(format!("with a sign of {}", sign.words())),
            Some(Sign::Crash) if impact >= MANY => Some(format!("a crash with an impact of at least {MANY}")),
            _ if facts.ticket.priority == Some(Priority::P0) => Some("and the source says P0".to_owned()),
            _ => None,
        };
        return match reason {
            Some(reason) => (Priority::P0, format!("score of at least {P0_FROM}, {reason}")),
            None => (Priority::P1, format!("score of at least {P0_FROM}, without what would make it P0")),
        };
    }
    match score {
        s if s >= P1_FROM => (Priority::P1, format!("score of at least {P1_FROM}")),
        s if s >= P2_FROM => (Priority::P2, format!("score of at least {P2_FROM}")),
        _ => (Priority::P3, format!("score below {P2_FROM}")),
    }
}
