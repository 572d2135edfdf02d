//! Running ahead of the disk (output commit): a successor may start on a result whose commit is still on its way.
//!
//! An attempt's own work stays inside the host until it ends, and its end is a transition that is committed after those
//! that it was launched from. So it may begin before they are durable, as long as what would leave the host meanwhile is
//! held back ([`Durable`]): then a crash undoes the attempt together with what it was launched from, and nobody has seen
//! either. (Strom and Yemini, "Optimistic Recovery in Distributed Systems", 1985, where a whole run is one process, and what
//! its clients see is the output that waits for the commit.)

use std::{
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::error::Error;

/// After a host that did not stop by itself, the next one goes ahead of nothing for so long. What kills a host within its
/// first moments must be durable before it begins: otherwise no attempt would be there to be counted as crashed, and who asks
/// for the same again would kill the next host.
const CAREFUL: Duration = Duration::from_secs(600);
/// No more than so many bytes of transitions may be on their way to the disk when an attempt goes ahead: a database that is
/// away must not let them grow without an end.
const MOST_BYTES: usize = 32 << 20;

/// When an attempt may begin.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum CommitMode {
    /// When what it is launched from is durable.
    Step,
    /// At once; what would leave the host waits until that is durable.
    #[default]
    Output,
}

impl fmt::Display for CommitMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Step => "step",
            Self::Output => "output",
        })
    }
}

impl FromStr for CommitMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "step" => Ok(Self::Step),
            "output" => Ok(Self::Output),
            _ => Err(Error::invalid(format!("{text:?} is no way to commit; there are output and step"))),
        }
    }
}

/// Whether attempts go ahead.
pub(super) struct Ahead {
    mode: CommitMode,
    careful_until: Option<Instant>,
    /// Bytes of transitions on their way to the disk, about.
    bytes: usize,
}

impl Ahead {
    /// `crashed` says that the last host did not stop by itself.
    pub(super) fn new(mode: CommitMode, crashed: bool) -> Self {
        let careful_until = crashed.then(|| Instant::now() + CAREFUL);
        Self { mode, careful_until, bytes: 0 }
    }

    /// A transition is on its way to the disk.
    pub(super) fn on_its_way(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// It has come to its end.
    pub(super) fn answered(&mut self, bytes: usize) {
        self.bytes -= bytes;
    }

    /// Whether an attempt may begin before what it is launched from is durable.
    pub(super) fn may_begin(&mut self, in_trouble: impl FnOnce() -> bool) -> bool {
        if self.careful_until.is_some_and(|until| Instant::now() >= until) {
            self.careful_until = None;
        }
        self.mode == CommitMode::Output
            && self.careful_until.is_none()
            && self.bytes <= MOST_BYTES
            && !in_trouble()
    }
}

/// Whether what an attempt was launched from is durable. Before it is, nothing of the attempt may leave the host: no progress
/// is shown, and no call is made that others could notice.
#[derive(Debug, Clone)]
pub(crate) enum Durable {
    /// It was before the attempt began.
    Now,
    /// It is when this says so.
    When(watch::Receiver<bool>),
}

impl Durable {
    /// Whether it is.
    pub(crate) fn is(&self) -> bool {
        match self {
            Self::Now => true,
            Self::When(told) => *told.borrow(),
        }
    }

    /// Wait until it is. False if it never will be: the attempt is of no account then.
    pub(crate) async fn wait(&mut self) -> bool {
        match self {
            Self::Now => true,
            Self::When(told) => told.wait_for(|durable| *durable).await.is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_go_ahead_unless_something_speaks_against_it() {
        let mut ahead = Ahead::new(CommitMode::Output, false);
        assert!(ahead.may_begin(|| false));
        assert!(!ahead.may_begin(|| true), "the database cannot be written");
        ahead.on_its_way(MOST_BYTES);
        assert!(ahead.may_begin(|| false));
        ahead.on_its_way(1);
        assert!(!ahead.may_begin(|| false), "too much is on its way");
        ahead.answered(1);
        assert!(ahead.may_begin(|| false));
        assert!(!Ahead::new(CommitMode::Step, false).may_begin(|| false));
        let mut careful = Ahead::new(CommitMode::Output, true);
        assert!(!careful.may_begin(|| false), "the last host may have been killed by a guest");
        careful.careful_until = Some(Instant::now());
        assert!(careful.may_begin(|| false));
    }

    #[tokio::test]
    async fn who_waits_for_the_disk_hears_of_it() {
        let (tell, told) = watch::channel(false);
        let mut durable = Durable::When(told);
        assert!(!durable.is());
        let mut other = durable.clone();
        let waits = tokio::spawn(async move { other.wait().await });
        tell.send_replace(true);
        assert!(durable.is() && durable.wait().await);
        drop(tell);
        assert!(matches!(waits.await, Ok(true)) && durable.wait().await, "once is for ever");
        let (tell, told) = watch::channel(false);
        drop(tell);
        assert!(!Durable::When(told).wait().await);
        assert!(Durable::Now.is() && Durable::Now.wait().await);
    }
}
