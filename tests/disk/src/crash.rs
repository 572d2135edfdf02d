//! A power cut: what becomes of all that was not synced.

use crate::{Random, mix};

/// What becomes of changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// None of them is on the disk.
    Nothing,
    /// All of them are: as after `kill -9`.
    Everything,
    /// Each is or is not.
    Some,
    /// Each sector of each is or is not.
    Torn,
}

impl Fate {
    const ALL: [Self; 4] = [Self::Nothing, Self::Everything, Self::Some, Self::Torn];

    /// Whether a change of this number has reached a place.
    pub(crate) fn takes(self, seed: u64, number: u64, place: u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            // Now and then most of them, now and then few.
            Self::Some => mix(&[seed, number]) % 8 < 1 + mix(&[seed]) % 7,
            Self::Torn => mix(&[seed, number, place]) % 8 < 1 + mix(&[seed]) % 7,
        }
    }
}

/// A power cut. The same one finds the same disk each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// For all that is left to chance.
    pub seed: u64,
    /// What becomes of files' bytes; by each file's own chance if not given.
    pub bytes: Option<Fate>,
    /// What becomes of directories' entries; each by itself if not given.
    pub names: Option<Fate>,
}

impl Crash {
    /// One of those that there are.
    pub fn seeded(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (bytes, names) = match random.below(8) {
            // The strictest: what is not promised is not there.
            0 => (Some(Fate::Nothing), Some(Fate::Nothing)),
            1 => (Some(Fate::Nothing), Some(Fate::Everything)),
            2 => (Some(Fate::Everything), Some(Fate::Nothing)),
            3 => (None, Some(Fate::Nothing)),
            4 => (None, Some(Fate::Everything)),
            _ => (None, None),
        };
        Self { seed, bytes, names }
    }

    /// What becomes of a file, and the seed for it.
    pub(crate) fn of_file(&self, node: u64) -> (Fate, u64) {
        let seed = mix(&[self.seed, 3, node]);
        (self.bytes.unwrap_or_else(|| Fate::ALL[(seed >> 32) as usize % 4]), seed)
    }

    /// Whether a change of a directory has happened.
    pub(crate) fn of_entry(&self, number: u64) -> bool {
        self.names.unwrap_or(Fate::Some).takes(mix(&[self.seed, 4]), number, 0)
    }
}
