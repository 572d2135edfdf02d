//! Transitions that nobody waits for, which are kept for a moment so that those that follow share their commit.
//!
//! A run that goes ahead of the disk needs it only when something is to leave the host: an answer, an end, a question to
//! somebody. What comes between is redone after a crash, under the same seeds, and nobody has seen it. So the steps of a short
//! run are committed together with its end, its rows written once. Whoever watches hears of them a moment later.

use tokio::{
    sync::oneshot,
    time::{Duration, Instant},
};

use crate::store::{Queued, StoreResult, Transition};

/// No transition is kept longer than this: so much more is done again after a crash, and watchers hear of it so much later.
const MOMENT: Duration = Duration::from_millis(2);
/// So many are not kept: their commit takes long enough for others to gather.
const MANY: usize = 256;
/// So many bytes are not kept, about.
const MOST_BYTES: usize = 1 << 20;

/// With transitions of so many runs on their way at once, it is the processor that others wait for. Of fewer runs each goes on the sooner
/// the sooner it is committed: a writer that sleeps in between must be woken.
const RUNS: usize = 4;

/// Whether there is so much to do that transitions are worth keeping.
pub(super) fn is_worth_it(runs_on_their_way: usize) -> bool {
    runs_on_their_way >= RUNS
}

/// Transitions that are kept, in the order in which they are to be committed.
#[derive(Default)]
pub(super) struct Held {
    queued: Vec<Queued>,
    bytes: usize,
    until: Option<Instant>,
}

impl Held {
    /// Keep a transition of so many bytes. Whoever wants to hear that it is durable gets the answer from the receiver.
    pub(super) fn keep(
        &mut self,
        transition: Box<Transition>,
        bytes: usize,
    ) -> oneshot::Receiver<StoreResult<()>> {
        let (sender, answer) = oneshot::channel();
        self.queued.push((transition, sender));
        self.bytes += bytes;
        self.until.get_or_insert_with(|| Instant::now() + MOMENT);
        answer
    }

    /// Whether there is enough for a commit, or the moment is over. The driver's timer tells the latter when nothing else happens.
    pub(super) fn is_due(&self) -> bool {
        self.queued.len() >= MANY
            || self.bytes >= MOST_BYTES
            || self.until.is_some_and(|until| until <= Instant::now())
    }

    /// When what is kept is to be let go of at the latest.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Let go of what is kept: it is to be committed now.
    pub(super) fn take(&mut self) -> Vec<Queued> {
        (self.bytes, self.until) = (0, None);
        std::mem::take(&mut self.queued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::created;

    #[test]
    fn what_is_kept_goes_in_its_order_and_no_more_is_kept_than_a_commit_is_worth() {
        let mut held = Held::default();
        assert!(held.until().is_none() && held.take().is_empty());
        let transitions: Vec<_> = (0..MANY).map(|_| Box::new(created(None))).collect();
        let runs: Vec<_> = transitions.iter().map(|transition| transition.run.id).collect();
        let mut first = None;
        for transition in transitions {
            assert!(held.queued.len() < MANY && held.bytes < MOST_BYTES);
            held.keep(transition, 1);
            // The first one's moment is that of all.
            assert_eq!(*first.get_or_insert(held.until()), held.until());
        }
        assert!(held.is_due() && first.flatten().is_some());
        assert_eq!(held.take().iter().map(|(transition, _)| transition.run.id).collect::<Vec<_>>(), runs);
        assert!(held.until().is_none() && !held.is_due() && held.take().is_empty());
        held.keep(Box::new(created(None)), MOST_BYTES);
        assert!(held.is_due());
        held.take();
        held.keep(Box::new(created(None)), 1);
        std::thread::sleep(MOMENT);
        assert!(held.is_due(), "the moment is over");
    }
}
