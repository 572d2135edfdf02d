//! How values are called in files and reports, and how numbers are written in sentences.

use crate::{
    sla::State,
    ticket::{Priority, Status},
};

/// `P0`.
pub(super) fn priority_name(priority: Priority) -> String {
    format!("{priority:?}")
}

/// `in progress`.
pub(super) fn status_name(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::InProgress => "in progress",
        Status::Waiting => "waiting",
        Status::Resolved => "resolved",
        Status::Closed => "closed",
    }
}

/// `met`.
pub(super) fn sla_name(state: State) -> &'static str {
    match state {
        State::Met => "met",
        State::Breached => "breached",
        State::Pending => "pending",
    }
}

/// Hours in words: `45 min`, `7.5 h`, `12.3 days`.
pub(super) fn hours(h: f64) -> String {
    match h {
        h if h < 1.0 => format!("{:.0} min", h * 60.0),
        h if h < 48.0 => format!("{h:.1} h"),
        h => format!("{:.1} days", h / 24.0),
    }
}

/// `1 ticket`, `2 tickets`.
pub(super) fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}
