//! The verdict on one ticket, and tallies of verdicts.

use heddle_sdk::Problem;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SlaPolicy, Target, calendar::Calendar, instant};
use crate::ticket::{Status, Ticket};

const HOUR_MS: f64 = 3_600_000.0;

/// How a ticket stands towards a target at `as_of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Done in time.
    Met,
    /// Done too late, or not done and out of time.
    Breached,
    /// Not done, and there is time left.
    Pending,
}

/// A verdict and its figures. Hours are those of the policy's clock: wall-clock or business hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// How it stands.
    pub state: State,
    /// The key of the policy that gave the target: the ticket's tier, or `default`.
    pub tier: String,
    /// The target.
    pub target_hours: f64,
    /// From creation until it was done, or until `as_of` if it was not done by then.
    pub elapsed_hours: f64,
    /// `target_hours - elapsed_hours`: time left (or to spare); negative if overdue (or late).
    pub remaining_hours: f64,
    /// When the target runs out (RFC 3339, UTC). Absent if the calendar has no such instant within reach.
    pub deadline: Option<String>,
}

/// Why there is no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotJudged {
    /// The policy has no such target for the ticket's tier, and no default.
    NoTarget,
    /// It is not known when the ticket was made.
    NoCreationTime,
    /// It is dated after `as_of`.
    NotYetCreated,
    /// It is not known whether the ticket is resolved.
    StateUnknown,
    /// The ticket is resolved or closed, and it is not known since when.
    NoResolutionTime,
    /// It is not known whether and when somebody first answered.
    NoResponseTime,
    /// It was done before the ticket was made.
    DoneBeforeCreation,
}

impl NotJudged {
    /// A sentence for reports.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoTarget => "the SLA policy has no such target for the ticket's customer tier",
            Self::NoCreationTime => "the time of creation is unknown",
            Self::NotYetCreated => "the ticket is dated after as_of",
            Self::StateUnknown => "it is not known whether the ticket is resolved",
            Self::NoResolutionTime => "the ticket is closed, and the time of resolution is unknown",
            Self::NoResponseTime => "the time of the first response is unknown",
            Self::DoneBeforeCreation => "the recorded time lies before the ticket's creation",
        }
    }
}

/// Judges tickets by a policy at one `as_of`.
#[derive(Debug, Clone)]
pub struct SlaClock<'p> {
    policy: &'p SlaPolicy,
    calendar: Option<Calendar>,
    as_of: Timestamp,
    responses_recorded: bool,
}

impl<'p> SlaClock<'p> {
    /// A clock for these tickets. Their times say which range the calendar must cover fast, and whether the source records
    /// first responses at all (if not one ticket has one, an open ticket without one is not held to be unanswered).
    ///
    /// # Errors
    /// Everything wrong with the policy, with JSON Pointers below `/sla_policy`.
    pub fn for_tickets(
        policy: &'p SlaPolicy,
        tickets: &[Ticket],
        as_of: Timestamp,
    ) -> Result<Self, Vec<Problem>> {
        let problems = policy.problems("/sla_policy");
        if !problems.is_empty() {
            return Err(problems);
        }
        let times = tickets.iter().flat_map(|t| [&t.created_at, &t.resolved_at, &t.first_response_at]);
        let times = || times.clone().filter_map(|t| instant(t.as_deref()));
        let first = times().min().unwrap_or(as_of).min(as_of);
        let last = times().max().unwrap_or(as_of).max(as_of);
        Ok(Self {
            policy,
            calendar: Calendar::of(policy)?.map(|calendar| calendar.prepared(first, last)),
            as_of,
            responses_recorded: tickets.iter().any(|t| t.first_response_at.is_some()),
        })
    }

    /// `business` or `wall_clock`: what the hours of the verdicts are.
    pub fn hours(&self) -> &'static str {
        if self.calendar.is_some() { "business" } else { "wall_clock" }
    }

    /// Hours on the policy's clock between two instants; negative if `to` is the earlier one.
    pub fn hours_between(&self, from: Timestamp, to: Timestamp) -> f64 {
        let ms = match &self.calendar {
            Some(calendar) => calendar.elapsed_ms(from, to),
            None => to.as_millisecond() - from.as_millisecond(),
        };
        ms as f64 / HOUR_MS
    }

    /// How the ticket stands towards its resolution target.
    ///
    /// # Errors
    /// Why that cannot be said.
    pub fn resolution(&self, ticket: &Ticket) -> Result<Verdict, NotJudged> {
        let (tier, target) = self.target(ticket, |t| t.resolution_hours)?;
        let resolved = instant(ticket.resolved_at.as_deref());
        match (resolved, ticket.status) {
            (None, Some(Status::Resolved | Status::Closed)) => return Err(NotJudged::NoResolutionTime),
            (None, None) => return Err(NotJudged::StateUnknown),
            _ => {}
        }
        self.judge(tier, target, ticket, resolved)
    }

    /// How the ticket stands towards its first-response target. A ticket without a recorded response is judged only if it
    /// is known to be unresolved.
    ///
    /// # Errors
    /// Why that cannot be said.
    pub fn first_response(&self, ticket: &Ticket) -> Result<Verdict, NotJudged> {
        let (tier, target) = self.target(ticket, |t| t.first_response_hours)?;
        let responded = instant(ticket.first_response_at.as_deref());
        let unresolved = ticket.resolved_at.is_none()
            && matches!(ticket.status, Some(Status::Open | Status::InProgress | Status::Waiting));
        if responded.is_none() && !(unresolved && self.responses_recorded) {
            return Err(NotJudged::NoResponseTime);
        }
        self.judge(tier, target, ticket, responded)
    }

    fn target(&self, ticket: &Ticket, pick: fn(&Target) -> Option<f64>) -> Result<(&'p str, f64), NotJudged> {
        let (tier, target) =
            self.policy.target(ticket.customer_tier.as_deref()).ok_or(NotJudged::NoTarget)?;
        Ok((tier, pick(target).ok_or(NotJudged::NoTarget)?))
    }

    fn judge(
        &self,
        tier: &str,
        target_hours: f64,
        ticket: &Ticket,
        done: Option<Timestamp>,
    ) -> Result<Verdict, NotJudged> {
        let created = instant(ticket.created_at.as_deref()).ok_or(NotJudged::NoCreationTime)?;
        if created > self.as_of {
            return Err(NotJudged::NotYetCreated);
        }
        if done.is_some_and(|done| done < created) {
            return Err(NotJudged::DoneBeforeCreation);
        }
        let done = done.filter(|done| *done <= self.as_of);
        let elapsed_hours = self.hours_between(created, done.unwrap_or(self.as_of));
        let state = match (elapsed_hours <= target_hours, done) {
            (true, Some(_)) => State::Met,
            (true, None) => State::Pending,
            (false, _) => State::Breached,
        };
        Ok(Verdict {
            state,
            tier: tier.to_owned(),
            target_hours,
            elapsed_hours,
            remaining_hours: target_hours - elapsed_hours,
            deadline: self.deadline(created, target_hours),
        })
    }

    fn deadline(&self, created: Timestamp, hours: f64) -> Option<String> {
        let ms = (hours * HOUR_MS).round();
        // Beyond any calendar, and beyond what an i64 of milliseconds is sure to hold.
        if ms > 1e15 {
            return None;
        }
        let at = match &self.calendar {
            Some(calendar) => calendar.after(created, ms as i64)?,
            None => Timestamp::from_millisecond(created.as_millisecond().checked_add(ms as i64)?).ok()?,
        };
        Some(at.to_string())
    }
}

/// How many verdicts there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// All tickets with a target: the three states together.
    pub n: usize,
    /// See [`State::Met`].
    pub met: usize,
    /// See [`State::Breached`].
    pub breached: usize,
    /// See [`State::Pending`].
    pub pending: usize,
    /// `100 * met / (met + breached)`: the decided ones alone. Absent if none is decided.
    pub compliance_pct: Option<f64>,
}

impl Tally {
    /// Count one more.
    pub fn add(&mut self, state: State) {
        self.n += 1;
        match state {
            State::Met => self.met += 1,
            State::Breached => self.breached += 1,
            State::Pending => self.pending += 1,
        }
        let decided = self.met + self.breached;
        self.compliance_pct = (decided > 0).then(|| 100.0 * self.met as f64 / decided as f64);
    }
}

impl FromIterator<State> for Tally {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> Self {
        let mut tally = Self::default();
        states.into_iter().for_each(|state| tally.add(state));
        tally
    }
}
