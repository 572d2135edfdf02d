//! The SLA clock: has a ticket met its targets, how long has it left, and until when.
//!
//! One rule, in [`SlaClock`]: a ticket **meets** a target if the thing was done at or before `as_of` and within the
//! target's hours of the ticket's creation; it has **breached** it if it was done later than that, or is not done and
//! older than the target's hours; else it is **pending**. What was done after `as_of` counts as not yet done; a ticket dated
//! after `as_of`, or of which it is not known whether it is resolved, is not judged. Hours are
//! wall-clock hours, or hours of business where the policy has business hours or holidays ([`calendar`]).
//!
//! ```
//! use ticket_analysis::sla::{SlaClock, SlaPolicy, State};
//! use ticket_analysis::ticket::{Status, Ticket};
//!
//! let policy: SlaPolicy = serde_json::from_str(r#"{ "gold": { "resolution_hours": 8 } }"#).unwrap();
//! let ticket = Ticket {
//!     created_at: Some("2024-03-01T09:00:00Z".into()),
//!     resolved_at: Some("2024-03-01T17:00:00Z".into()),
//!     status: Some(Status::Closed),
//!     customer_tier: Some("gold".into()),
//!     ..Ticket::default()
//! };
//! let as_of = "2024-03-05T00:00:00Z".parse().unwrap();
//! let clock = SlaClock::for_tickets(&policy, std::slice::from_ref(&ticket), as_of).unwrap();
//! let verdict = clock.resolution(&ticket).unwrap();
//! assert_eq!((verdict.state, verdict.elapsed_hours), (State::Met, 8.0));
//! ```

pub mod calendar;
mod clock;
mod policy;

pub use clock::{NotJudged, SlaClock, State, Tally, Verdict};
pub use policy::{BusinessHours, DayHours, SlaPolicy, Target};

use jiff::Timestamp;

/// The instant that a field of a [`crate::ticket::Ticket`] holds, if it holds one.
pub fn instant(field: Option<&str>) -> Option<Timestamp> {
    field.and_then(|text| text.parse().ok())
}
