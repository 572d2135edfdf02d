//! What becomes of each host, by a seed.

use std::time::Duration;

use heddle_test_disk::Random;

/// How a host ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is killed so long after its process was made, whether it listens or not.
    KilledAtTheStart(Duration),
    /// It is killed so long after it began to listen.
    KilledAfter(Duration),
    /// It is killed as soon as it has told so many things: what must not have left it yet is not durable then.
    KilledWhenItTells(Thing, u64),
    /// It is asked to stop so long after it began to listen.
    Stopped(Duration),
}

/// A host that is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) fate: Fate,
    /// It follows none that was killed: it goes ahead of the disk.
    pub(super) ahead: bool,
    /// How long its syncs take, if they are slowed down. What comes meanwhile waits for the next one, and has not even been
    /// written: should any of it leave the host, there is the time to find that out.
    pub(super) sync: Option<Duration>,
}

/// What a host tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    /// Anything.
    Any,
    /// That a run was started.
    Started,
    /// Progress.
    Shown,
    /// To who waited for it, that a run has ended.
    Over,
}

/// The hosts of one place, one after the other without an end.
pub(super) struct Lives {
    random: Random,
    /// The next host follows one that was killed.
    careful: bool,
    /// So many were killed at their start in a row.
    at_the_start: usize,
}

impl Lives {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), careful: false, at_the_start: 0 }
    }

    /// The next host. One that follows a host that was killed goes ahead of nothing (`engine/driver/ahead.rs`), so that often
    /// it is asked to stop: the one after it goes ahead, and is always killed.
    pub(super) fn next(&mut self) -> Life {
        let ahead = !self.careful;
        let fate = match self.random.below(if ahead { 4 } else { 10 }) {
            0..3 => Fate::KilledWhenItTells(self.thing(), 1 + self.random.below(40)),
            3 => Fate::KilledAfter(self.milliseconds(2_000)),
            4 | 5 if self.at_the_start < 2 => Fate::KilledAtTheStart(self.milliseconds(900)),
            _ => Fate::Stopped(self.milliseconds(500)),
        };
        self.careful = !matches!(fate, Fate::Stopped(_));
        self.at_the_start = if matches!(fate, Fate::KilledAtTheStart(_)) { self.at_the_start + 1 } else { 0 };
        let slow = self.random.below(3) > 0;
        let sync = self.milliseconds(30);
        Life { fate, ahead, sync: slow.then_some(sync) }
    }

    fn thing(&mut self) -> Thing {
        match self.random.below(4) {
            0 => Thing::Any,
            1 => Thing::Started,
            2 => Thing::Over,
            _ => Thing::Shown,
        }
    }

    fn milliseconds(&mut self, below: u64) -> Duration {
        Duration::from_millis(self.random.below(below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_fates_and_of_each_kind_some() {
        let lives = |seed| {
            let mut lives = Lives::new(seed);
            std::iter::repeat_with(|| lives.next()).take(200).collect::<Vec<_>>()
        };
        let all = lives(1);
        assert_eq!(all, lives(1));
        assert_ne!(all, lives(2));
        let stopped = |life: &Life| matches!(life.fate, Fate::Stopped(_));
        let at_the_start = |life: &Life| matches!(life.fate, Fate::KilledAtTheStart(_));
        assert!(all[0].ahead);
        for lives in all.windows(3) {
            assert_eq!(stopped(&lives[0]), lives[1].ahead, "{lives:?}");
            assert!(!(lives[1].ahead && (stopped(&lives[1]) || at_the_start(&lives[1]))), "{lives:?}");
            assert!(!lives.iter().all(at_the_start), "{lives:?}");
        }
        assert!(all.iter().filter(|life| stopped(life)).count() > 20);
        assert!(all.iter().filter(|life| at_the_start(life)).count() > 10);
        let tells =
            |thing| all.iter().any(|life| matches!(life.fate, Fate::KilledWhenItTells(of, _) if of == thing));
        assert!([Thing::Any, Thing::Started, Thing::Shown, Thing::Over].into_iter().all(tells));
    }
}
