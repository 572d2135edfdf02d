//! What was done, in figures.

use std::{fmt, time::Duration};

use crate::history::{Ack, History, Snapshot};

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Hosts that were killed.
    pub kills: usize,
    /// Those of them that went ahead of the disk.
    pub kills_ahead: usize,
    /// Those of them that did not listen yet.
    pub kills_at_the_start: usize,
    /// Hosts that were asked to stop.
    pub stops: usize,
    /// Runs that were started and ended.
    pub runs: usize,
    /// Runs that were given up, since three hosts died while one of their attempts ran.
    pub given_up: usize,
    /// Runs that were executed once more in the end, and came to the same.
    pub verified: usize,
    /// Effects that were logged: what was told, shown, asked and read.
    pub effects: usize,
    /// Those of them that are progress of an attempt under way.
    pub shown: usize,
    /// Those of them that are questions to people.
    pub asked: usize,
    /// Those of them that are outputs which somebody read while the run went on.
    pub read: usize,
    /// Those of them that are ends of runs, told to who waited for them.
    pub over: usize,
    /// How long each host took from its start until it listened.
    pub recoveries: Vec<Duration>,
}

impl Tally {
    /// Count what was logged at a place, and what is there in the end.
    pub(super) fn count(&mut self, history: &History, snapshot: &Snapshot) {
        let acks = || history.acks.iter();
        self.effects += history.acks.len();
        self.shown += acks().filter(|ack| matches!(ack, Ack::Shown { .. })).count();
        self.asked += acks().filter(|ack| matches!(ack, Ack::Asked { .. })).count();
        self.read += acks().filter(|ack| matches!(ack, Ack::Read { .. })).count();
        self.over += acks().filter(|ack| matches!(ack, Ack::Over { .. })).count();
        self.runs += snapshot.rows("runs").len();
        self.given_up += snapshot.rows("runs").iter().filter(|run| run.text("state") == "failed").count();
    }

    /// Add another's.
    pub(super) fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.kills_ahead += other.kills_ahead;
        self.kills_at_the_start += other.kills_at_the_start;
        self.stops += other.stops;
        self.runs += other.runs;
        self.given_up += other.given_up;
        self.verified += other.verified;
        self.effects += other.effects;
        self.shown += other.shown;
        self.asked += other.asked;
        self.read += other.read;
        self.over += other.over;
        self.recoveries.extend(other.recoveries);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut recoveries = self.recoveries.clone();
        recoveries.sort_unstable();
        let median = recoveries.get(recoveries.len() / 2).copied().unwrap_or_default();
        let most = recoveries.last().copied().unwrap_or_default();
        write!(
            f,
            "{} kills ({} of hosts that went ahead of the disk, {} of hosts that did not listen yet), {} stops; {} runs, {} of \
             them given up, {} executed once more; {} effects ({} of progress, {} questions, {} outputs read, {} ends that somebody waited for); from the start \
             until it listened a host took {} ms in the median, {} ms at the most",
            self.kills,
            self.kills_ahead,
            self.kills_at_the_start,
            self.stops,
            self.runs,
            self.given_up,
            self.verified,
            self.effects,
            self.shown,
            self.asked,
            self.read,
            self.over,
            median.as_millis(),
            most.as_millis()
        )
    }
}
