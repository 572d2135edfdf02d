//! Where a ticket stands at `as_of`: the one meaning of open, resolved and unknown in every phase and file.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    sla::instant,
    ticket::{Status, Ticket},
};

/// Where a ticket stands at `as_of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not resolved by then: it waits.
    Open,
    /// The source states neither a status nor a time of resolution: nobody can tell whether it waits.
    Unknown,
    /// Resolved or closed by then.
    Resolved,
    /// Dated after `as_of`: it was not there yet, so it neither waits nor is it resolved.
    NotYet,
}

impl Standing {
    /// Where the ticket stands. What was resolved after `as_of` was open then. A ticket without a time of creation
    /// counts as made before `as_of`.
    pub fn of(ticket: &Ticket, as_of: Timestamp) -> Self {
        if instant(ticket.created_at.as_deref()).is_some_and(|created| created > as_of) {
            return Self::NotYet;
        }
        match (instant(ticket.resolved_at.as_deref()), ticket.status) {
            (Some(at), _) if at > as_of => Self::Open,
            (Some(_), _) | (None, Some(Status::Resolved | Status::Closed)) => Self::Resolved,
            (None, Some(_)) => Self::Open,
            (None, None) => Self::Unknown,
        }
    }

    /// Whether it has to be worked on, or may have to be for all that is known. Such tickets are ranked, routed and
    /// answered; counts keep the two apart.
    pub fn may_wait(self) -> bool {
        matches!(self, Self::Open | Self::Unknown)
    }
}

/// How many tickets stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateCounts {
    /// Open at `as_of`.
    pub open: usize,
    /// Resolved or closed at `as_of`.
    pub resolved: usize,
    /// Of unknown state: neither a status nor a time of resolution.
    pub unknown: usize,
    /// Dated after `as_of`: in no count of open, waiting or resolved tickets.
    pub after_as_of: usize,
}

impl StateCounts {
    /// Tickets whose state is known.
    pub fn known(self) -> usize {
        self.open + self.resolved
    }

    /// The share of the tickets of known state that is resolved, 0..=1. `None` if no state is known.
    pub fn resolution_rate(self) -> Option<f64> {
        (self.known() > 0).then(|| self.resolved as f64 / self.known() as f64)
    }

    /// What is not in the counts of open and resolved tickets, as sentences; none if all are.
    pub fn remarks(self, as_of: &str) -> Vec<String> {
        let mut remarks = Vec::new();
        let one = |n: usize, one: &'static str, several: &'static str| if n == 1 { one } else { several };
        if let n @ 1.. = self.unknown {
            remarks.push(format!(
                "{n} of {} tickets {} neither a status nor a resolution date: {} neither as open nor as resolved.",
                self.all(),
                one(n, "has", "have"),
                one(n, "it counts", "they count")
            ));
        }
        if let n @ 1.. = self.after_as_of {
            remarks.push(format!(
                "{n} of {} tickets {} dated after {as_of}: {} in no count of open, waiting or resolved tickets and in no \
                 figure by time.",
                self.all(),
                one(n, "is", "are"),
                one(n, "it is", "they are")
            ));
        }
        remarks
    }

    fn all(self) -> usize {
        self.known() + self.unknown + self.after_as_of
    }
}

impl FromIterator<Standing> for StateCounts {
    fn from_iter<I: IntoIterator<Item = Standing>>(standings: I) -> Self {
        let mut counts = Self::default();
        for standing in standings {
            *match standing {
                Standing::Open => &mut counts.open,
                Standing::Resolved => &mut counts.resolved,
                Standing::Unknown => &mut counts.unknown,
                Standing::NotYet => &mut counts.after_as_of,
            } += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(created: Option<&str>, resolved: Option<&str>, status: Option<Status>) -> Standing {
        let ticket = Ticket {
            created_at: created.map(str::to_owned),
            resolved_at: resolved.map(str::to_owned),
            status,
            ..Ticket::default()
        };
        Standing::of(&ticket, "2024-06-10T12:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn each_ticket_stands_somewhere() {
        let (before, at, after) = ("2024-06-01T00:00:00Z", "2024-06-10T12:00:00Z", "2024-06-10T12:00:01Z");
        assert_eq!(of(Some(before), None, Some(Status::Waiting)), Standing::Open);
        assert_eq!(of(Some(before), Some(at), Some(Status::Open)), Standing::Resolved);
        assert_eq!(of(Some(before), Some(after), Some(Status::Closed)), Standing::Open);
        assert_eq!(of(Some(before), None, Some(Status::Closed)), Standing::Resolved);
        assert_eq!(of(None, None, None), Standing::Unknown);
        assert_eq!(of(Some(after), None, Some(Status::Open)), Standing::NotYet);
        assert_eq!(of(Some(at), None, Some(Status::Open)), Standing::Open);
    }

    #[test]
    fn counts_say_what_they_count() {
        use Standing::{NotYet, Open, Resolved, Unknown};
        let all: StateCounts = [Open, Resolved, Resolved].into_iter().collect();
        assert_eq!((all.known(), all.resolution_rate()), (3, Some(2.0 / 3.0)));
        assert!(all.remarks("now").is_empty());
        let some: StateCounts = [Resolved, Unknown, Unknown, NotYet].into_iter().collect();
        assert!(some.remarks("now")[0].starts_with("2 of 4 tickets have neither a status"));
        assert!(some.remarks("now")[1].starts_with("1 of 4 tickets is dated after now: it is in no count"));
        let none: StateCounts = [Unknown].into_iter().collect();
        assert_eq!(none.resolution_rate(), None);
    }
}
