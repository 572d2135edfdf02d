//! What is kept of one file: what is durable, and what was written since.

use std::{borrow::Cow, fs, io, path::PathBuf};

use crate::{Fate, mix};

/// A disk writes so many bytes at once or not at all.
pub(crate) const SECTOR: usize = 512;
/// Instead of a sector's number: what becomes of a length.
const LENGTH: u64 = u64::MAX;

/// A file, with or without a name.
#[derive(Debug)]
pub(crate) struct File<'a> {
    pub(crate) mode: u32,
    durable: Content,
    /// In their order, with their numbers.
    pending: Vec<(u64, Change<'a>)>,
    /// Somebody writes to it by way of its memory, which is not recorded.
    pub(crate) mapped: bool,
}

#[derive(Debug)]
enum Content {
    /// As it was when recording began.
    Untouched(PathBuf),
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    Write { offset: u64, data: &'a [u8] },
    Length(u64),
}

impl Content {
    fn bytes(&self) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Self::Untouched(path) => fs::read(path).map(Cow::Owned),
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }
}

impl Change<'_> {
    /// Make it, and return which bytes it has to do with.
    fn apply(&self, bytes: &mut Vec<u8>) -> io::Result<(usize, usize)> {
        match *self {
            Self::Write { offset, data } => {
                let begin = index(offset)?;
                let end = begin + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[begin..end].copy_from_slice(data);
                Ok((begin, end))
            }
            Self::Length(length) => {
                let length = index(length)?;
                let before = bytes.len();
                bytes.resize(length, 0);
                // What is cut off reads as zeros when the file grows again.
                Ok((length.min(before), before))
            }
        }
    }
}

fn index(offset: u64) -> io::Result<usize> {
    // A disk of tests is small; what is larger is a record that makes no sense.
    let small = usize::try_from(offset).ok().filter(|offset| *offset < 1 << 34);
    small.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("byte {offset} of a file")))
}

impl<'a> File<'a> {
    /// One that was there.
    pub(crate) fn found(path: PathBuf, mode: u32, mapped: bool) -> Self {
        Self { mode, durable: Content::Untouched(path), pending: Vec::new(), mapped }
    }

    /// One that was made.
    pub(crate) fn created(mode: u32, mapped: bool) -> Self {
        Self { mode, durable: Content::Bytes(Vec::new()), pending: Vec::new(), mapped }
    }

    pub(crate) fn change(&mut self, number: u64, change: Change<'a>) {
        self.pending.push((number, change));
    }

    /// Where its bytes are, if nobody has changed them.
    pub(crate) fn untouched(&self) -> Option<&PathBuf> {
        match &self.durable {
            Content::Untouched(path) if self.pending.is_empty() => Some(path),
            _ => None,
        }
    }

    /// What was done before this number is durable.
    pub(crate) fn settle(&mut self, before: u64) -> io::Result<()> {
        let settled = self.pending.partition_point(|(number, _)| *number < before);
        if settled == 0 {
            return Ok(());
        }
        if let Content::Untouched(path) = &self.durable {
            self.durable = Content::Bytes(fs::read(path)?);
        }
        if let Content::Bytes(bytes) = &mut self.durable {
            for (_, change) in self.pending.drain(..settled) {
                change.apply(bytes)?;
            }
        }
        Ok(())
    }

    /// What a process reads.
    pub(crate) fn current(&self) -> io::Result<Vec<u8>> {
        let mut bytes = self.durable.bytes()?.into_owned();
        for (_, change) in &self.pending {
            change.apply(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// What the disk holds, for a seed that is this file's own.
    pub(crate) fn crashed(&self, fate: Fate, seed: u64) -> io::Result<Vec<u8>> {
        let mut current = self.durable.bytes()?.into_owned();
        if self.pending.is_empty() && !self.mapped {
            return Ok(current);
        }
        let mut disk = current.clone();
        let mut length = disk.len();
        for (number, change) in &self.pending {
            let before = current.len();
            let (begin, end) = change.apply(&mut current)?;
            if current.len() != before && fate.takes(seed, *number, LENGTH) {
                length = current.len();
            }
            for sector in begin / SECTOR..end.div_ceil(SECTOR) {
                if fate.takes(seed, *number, sector as u64) {
                    let from = sector * SECTOR;
                    extend(&mut disk, from + SECTOR, seed);
                    for (at, byte) in disk[from..from + SECTOR].iter_mut().enumerate() {
                        *byte = current.get(from + at).copied().unwrap_or(0);
                    }
                }
            }
        }
        extend(&mut disk, length, seed);
        disk.truncate(length);
        if self.mapped {
            scramble(&mut disk, seed);
        }
        Ok(disk)
    }
}

/// Sectors that were never written hold zeros, or what was there before.
fn extend(disk: &mut Vec<u8>, length: usize, seed: u64) {
    // The end of a sector that was written is zero.
    let begun = disk.len().next_multiple_of(SECTOR).min(length.max(disk.len()));
    disk.resize(begun, 0);
    while disk.len() < length {
        let sector = (disk.len() / SECTOR) as u64;
        let stale = mix(&[seed, sector, 1]);
        let end = (disk.len() + SECTOR).min(length);
        let byte = if stale & 1 == 0 { 0 } else { stale.to_le_bytes()[7] | 1 };
        disk.resize(end, byte);
    }
}

fn scramble(disk: &mut [u8], seed: u64) {
    if mix(&[seed, 2]) & 1 == 1 {
        disk.copy_from_slice(&crate::Random::new(seed).bytes(disk.len()));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn file(synced: &'static [u8], since: &[(u64, &'static [u8])]) -> File<'static> {
        let mut file = File::created(0o600, false);
        file.change(1, Change::Write { offset: 0, data: synced });
        file.settle(2).unwrap();
        for (number, (offset, data)) in (2..).zip(since) {
            file.change(number, Change::Write { offset: *offset, data });
        }
        file
    }

    #[test]
    fn what_was_synced_is_there_and_of_the_rest_all_or_nothing_if_so_wanted() {
        let file = file(b"abc", &[(1, b"X"), (3, b"def")]);
        assert_eq!(file.current().unwrap(), b"aXcdef");
        for seed in 0..20 {
            assert_eq!(file.crashed(Fate::Nothing, seed).unwrap(), b"abc");
            assert_eq!(file.crashed(Fate::Everything, seed).unwrap(), b"aXcdef");
        }
    }

    #[test]
    fn a_sector_holds_what_it_held_after_any_of_the_writes_to_it() {
        let file = file(b"aaaa", &[(1, b"b"), (2, b"c")]);
        let mut found: Vec<Vec<u8>> = (0..200).map(|seed| file.crashed(Fate::Some, seed).unwrap()).collect();
        found.sort();
        found.dedup();
        // Never the second write without the first: both were in the same sector of memory.
        assert_eq!(found, [b"aaaa".to_vec(), b"abaa".to_vec(), b"abca".to_vec()]);
    }

    #[test]
    fn a_write_is_torn_at_sectors_and_a_length_may_be_there_without_its_bytes() {
        static DATA: [u8; 4 * SECTOR] = [7; 4 * SECTOR];
        let file = file(b"", &[(0, &DATA)]);
        let (mut torn, mut empty) = (0, 0);
        for seed in 0..200 {
            let found = file.crashed(Fate::Torn, seed).unwrap();
            assert!(found.is_empty() || found.len() == DATA.len());
            empty += usize::from(found.is_empty());
            let whole = |sector: &[u8]| sector.iter().all(|byte| *byte == sector[0]);
            assert!(found.chunks(SECTOR).all(whole), "a sector is written whole or not at all");
            let written = found.chunks(SECTOR).filter(|sector| sector[0] == 7).count();
            torn += usize::from((1..4).contains(&written));
        }
        assert!(torn > 50 && empty > 50, "{torn} torn, {empty} empty");
    }

    #[test]
    fn what_was_cut_off_is_zero_when_the_file_grows_again() {
        let mut file = file(b"abcdef", &[]);
        file.change(5, Change::Length(2));
        file.change(6, Change::Length(4));
        assert_eq!(file.current().unwrap(), b"ab\0\0");
        assert_eq!(file.crashed(Fate::Everything, 1).unwrap(), b"ab\0\0");
        assert_eq!(file.crashed(Fate::Nothing, 1).unwrap(), b"abcdef");
        file.settle(6).unwrap();
        assert_eq!(file.crashed(Fate::Nothing, 1).unwrap(), b"ab");
    }

    #[test]
    fn a_change_that_came_after_the_sync_began_is_not_durable() {
        let mut file = file(b"a", &[(0, b"b"), (0, b"c")]);
        file.settle(3).unwrap();
        assert_eq!(file.crashed(Fate::Nothing, 1).unwrap(), b"b");
    }
}
