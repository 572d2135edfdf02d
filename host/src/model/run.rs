//! The states of runs, steps and attempts, and which may follow which.
//!
//! ARCHITECTURE.md draws them; a test checks the drawing against these tables.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal => [$($next:ident),*],)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As in the API and the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The states that may follow.
            pub fn next(self) -> &'static [Self] {
                match self { $(Self::$variant => &[$(Self::$next),*]),+ }
            }

            /// Whether `next` may follow.
            pub fn may_become(self, next: Self) -> bool {
                self.next().contains(&next)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, UnknownState> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownState(text.chars().take(40).collect())),
                }
            }
        }
    };
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no such state")]
pub struct UnknownState(String);

states!(
    /// Where a run stands.
    RunState {
        /// Its DAG is being made from a plan.
        Planning = "planning" => [Pending, Failed, Cancelled],
        /// It waits to be taken up.
        Pending = "pending" => [Running, Paused, Failed, Cancelled],
        /// Steps run or are about to.
        Running = "running" => [Paused, WaitingApproval, Completed, Failed, Cancelled],
        /// No step starts until somebody resumes it.
        Paused = "paused" => [Pending, Running, WaitingApproval, Failed, Cancelled],
        /// Nothing can go on before somebody decides.
        WaitingApproval = "waiting_approval" => [Running, Paused, Failed, Cancelled],
        /// Every step ended well.
        Completed = "completed" => [Running],
        /// A step failed and the run could not go on.
        Failed = "failed" => [Running],
        /// Somebody cancelled it.
        Cancelled = "cancelled" => [],
    }
);

states!(
    /// Where a step stands.
    StepState {
        /// Its predecessors have not ended.
        Pending = "pending" => [Ready, Skipped, Paused, Cancelled],
        /// It waits for a place to run.
        Ready = "ready" => [Running, Skipped, Paused, Failed, Cancelled],
        /// An attempt is under way.
        Running = "running" => [Completed, Failed, Skipped, Retrying, Waiting, WaitingApproval, AwaitingReview, Paused, Cancelled],
        /// It waits for a time or an outside event.
        Waiting = "waiting" => [Completed, Failed, Skipped, Cancelled],
        /// It waits for a decision.
        WaitingApproval = "waiting_approval" => [Ready, Completed, Failed, Skipped, Paused, Cancelled],
        /// It ended, and somebody is to look at it before the run goes on.
        AwaitingReview = "awaiting_review" => [Completed, Ready, Skipped, Paused, Cancelled],
        /// It was stopped before its end, and goes on when the run does.
        Paused = "paused" => [Pending, Ready, Failed, Skipped, Cancelled],
        /// An attempt failed; the next one waits for its delay.
        Retrying = "retrying" => [Ready, Running, Failed, Skipped, Paused, Cancelled],
        /// It ended well.
        Completed = "completed" => [Pending, Ready],
        /// It failed for good.
        Failed = "failed" => [Pending, Ready],
        /// It was not run, and need not be.
        Skipped = "skipped" => [Pending, Ready],
        /// It was stopped before it ended, with its run or with the step that it is inside of; that one may be done again.
        Cancelled = "cancelled" => [Pending],
    }
);

states!(
    /// Where an attempt stands.
    AttemptState {
        /// Under way, or interrupted by a crash of its host and about to be replayed.
        Running = "running" => [Completed, Skipped, Failed, Cancelled],
        /// The phase ended with an output.
        Completed = "completed" => [],
        /// The phase had nothing to do.
        Skipped = "skipped" => [],
        /// It failed.
        Failed = "failed" => [],
        /// It was stopped.
        Cancelled = "cancelled" => [],
    }
);

impl RunState {
    /// Whether nothing happens any more unless somebody reopens the run.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl StepState {
    /// Whether the step has ended.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled)
    }

    /// Whether an attempt has begun and neither ended nor to be tried again.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Running | Self::Waiting | Self::WaitingApproval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        for state in RunState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        for state in StepState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert!("done".parse::<RunState>().is_err());
    }

    #[test]
    fn a_cancelled_run_stays_cancelled_and_all_others_can_be_left() {
        for state in RunState::ALL {
            assert_eq!(state.next().is_empty(), *state == RunState::Cancelled, "{state}");
            assert!(!state.may_become(*state), "{state}");
        }
        for state in StepState::ALL {
            assert!(!state.next().is_empty(), "{state}");
        }
    }
}
