//! What the disk holds, as files: after a power cut, and whether all that happened was recorded.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::{
    Crash,
    disk::{Disk, Entries, Kept, Node, ROOT},
};

fn join(path: &Path, name: &[u8]) -> PathBuf {
    path.join(OsStr::from_bytes(name))
}

/// What is done about a file or a directory when a disk is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there, and its own.
    Copy,
    /// If it is as it was before anything was recorded, it is that very file, which must not be written to.
    Share,
    /// It is left out, whatever is in it.
    Nothing,
}

impl Disk<'_> {
    /// Write down in the new directory `to` what the disk holds when the power fails now.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn after(&self, crash: &Crash, to: &Path) -> io::Result<()> {
        self.put(crash, to, &|_| Put::Copy)
    }

    /// The same for somebody who does not need all of it.
    ///
    /// # Errors
    /// As [`Disk::after`].
    pub fn put(&self, crash: &Crash, to: &Path, how: &dyn Fn(&Path) -> Put) -> io::Result<()> {
        let entries = self.entries_after(crash);
        Image { disk: self, crash, entries, to, how, written: BTreeSet::new() }.write(ROOT, Path::new(""))
    }

    /// Where a directory differs from what the records say that processes see in it. If nothing was missed, nowhere.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn differences(&self, real: &Path) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        self.compare(ROOT, Path::new(""), real, &mut found)?;
        Ok(found)
    }

    fn compare(&self, node: Node, path: &Path, real: &Path, found: &mut Vec<String>) -> io::Result<()> {
        let there = real.join(path);
        let Ok(meta) = fs::symlink_metadata(&there) else {
            found.push(format!("{}: it is not there", path.display()));
            return Ok(());
        };
        let mode = match &self.nodes[node] {
            Kept::File(file) => {
                if file.untouched().is_none() && !file.mapped {
                    let (recorded, real) = (file.current()?, fs::read(&there)?);
                    if recorded != real {
                        let at = recorded.iter().zip(&real).take_while(|(a, b)| a == b).count();
                        let (n, m) = (recorded.len(), real.len());
                        found.push(format!("{}: byte {at} differs; {n} bytes, really {m}", path.display()));
                    }
                }
                file.mode
            }
            Kept::Directory { mode } => {
                let recorded = self.current.get(&node).cloned().unwrap_or_default();
                for (name, node) in &recorded {
                    self.compare(*node, &join(path, name), real, found)?;
                }
                for entry in fs::read_dir(&there)? {
                    let name = entry?.file_name();
                    if !recorded.contains_key(name.as_bytes()) {
                        found.push(format!("{}: nothing was recorded of it", path.join(name).display()));
                    }
                }
                *mode
            }
        };
        let real_mode = meta.permissions().mode() & 0o7777;
        if mode != real_mode {
            found.push(format!("{}: permissions {mode:o}, really {real_mode:o}", path.display()));
        }
        Ok(())
    }
}

/// A disk after a power cut, being written down.
struct Image<'d, 'a> {
    disk: &'d Disk<'a>,
    crash: &'d Crash,
    entries: Entries,
    to: &'d Path,
    how: &'d dyn Fn(&Path) -> Put,
    written: BTreeSet<Node>,
}

impl Image<'_, '_> {
    fn write(&mut self, node: Node, path: &Path) -> io::Result<()> {
        let how = (self.how)(path);
        if how == Put::Nothing {
            return Ok(());
        }
        let real = self.to.join(path);
        let mode = match &self.disk.nodes[node] {
            Kept::File(file) => {
                match file.untouched() {
                    Some(from) if how == Put::Share => return fs::hard_link(from, &real),
                    Some(from) => fs::copy(from, &real).map(drop)?,
                    None => {
                        let (fate, seed) = self.crash.of_file(node as u64);
                        fs::write(&real, file.crashed(fate, seed)?)?;
                    }
                }
                file.mode
            }
            Kept::Directory { mode } => {
                // A directory that was moved may be found under either name, not under both.
                if !self.written.insert(node) {
                    return Ok(());
                }
                fs::create_dir_all(&real)?;
                for (name, node) in self.entries.get(&node).cloned().into_iter().flatten() {
                    self.write(node, &join(path, &name))?;
                }
                *mode
            }
        };
        fs::set_permissions(&real, fs::Permissions::from_mode(mode))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Fate, Handle, Record};

    const NOTHING: Crash = Crash { seed: 0, bytes: Some(Fate::Nothing), names: Some(Fate::Nothing) };
    const EVERYTHING: Crash = Crash { seed: 0, bytes: Some(Fate::Everything), names: Some(Fate::Everything) };

    fn handle(fd: u32) -> Handle {
        Handle { pid: 1, fd }
    }

    fn open(fd: u32, path: &str, created: bool) -> Record<'_> {
        let mode = if created { 0o600 } else { 0o700 };
        Record::Open { handle: handle(fd), path: path.as_bytes(), created, truncated: false, mode }
    }

    fn write(fd: u32, data: &[u8]) -> Record<'_> {
        Record::Write { handle: handle(fd), offset: 0, data }
    }

    fn sync(fd: u32, number: u64) -> [Record<'static>; 2] {
        [Record::SyncBegin { handle: handle(fd), number }, Record::SyncEnd { number }]
    }

    fn rename<'a>(from: &'a str, to: &'a str) -> Record<'a> {
        Record::Rename { from: from.as_bytes(), to: to.as_bytes() }
    }

    fn directory(path: &str) -> Record<'_> {
        Record::MakeDirectory { path: path.as_bytes(), mode: 0o700 }
    }

    /// The files of a directory, by name.
    fn files(root: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![root.to_owned()];
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                } else {
                    let text = fs::read_to_string(&path).unwrap();
                    let name = path.strip_prefix(root).unwrap().display().to_string();
                    found.push(format!("{name}={text}"));
                }
            }
        }
        found.sort();
        found
    }

    /// All that a disk may hold after these records, by a number of crashes.
    fn after(records: &[Record<'_>], crashes: &[Crash]) -> Vec<Vec<String>> {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().join("base");
        fs::create_dir(&base).unwrap();
        fs::set_permissions(&base, fs::Permissions::from_mode(0o700)).unwrap();
        let mut disk = Disk::new(&base, |_| false).unwrap();
        records.iter().for_each(|record| disk.apply(record).unwrap());
        let mut found: Vec<_> = crashes
            .iter()
            .enumerate()
            .map(|(i, crash)| {
                let to = place.path().join(i.to_string());
                disk.after(crash, &to).unwrap();
                files(&to)
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }

    fn seeds(n: u64) -> Vec<Crash> {
        (0..n).map(|seed| Crash { seed, bytes: None, names: None }).collect()
    }

    #[test]
    fn a_name_is_not_durable_by_the_sync_of_its_file() {
        let mut records = vec![open(3, "a", true), write(3, b"x")];
        records.extend(sync(3, 1));
        assert_eq!(after(&records, &[NOTHING]), [Vec::<String>::new()]);
        assert_eq!(after(&records, &[EVERYTHING]), [["a=x"]]);
        records.push(open(4, "", false));
        records.extend(sync(4, 2));
        assert_eq!(after(&records, &seeds(50)), [["a=x"]]);
    }

    #[test]
    fn a_sync_that_has_not_ended_or_came_before_promises_nothing() {
        let mut records = vec![open(3, "a", true), open(4, "", false)];
        records.extend(sync(4, 1));
        records.extend(sync(3, 2));
        records.push(write(3, b"x"));
        assert_eq!(after(&records, &[NOTHING]), [["a="]]);
        records.push(Record::SyncBegin { handle: handle(3), number: 3 });
        assert_eq!(after(&records, &[NOTHING]), [["a="]]);
        records.push(Record::SyncEnd { number: 3 });
        assert_eq!(after(&records, &[NOTHING]), [["a=x"]]);
    }

    #[test]
    fn a_rename_has_happened_or_not_and_is_durable_with_its_new_directory() {
        let mut records = vec![directory("d"), directory("e"), open(3, "d/a", true), write(3, b"x")];
        records.extend([open(4, "", false), open(5, "d", false), open(6, "e", false)]);
        records.extend((3..7).zip(1..).flat_map(|(fd, number)| sync(fd, number)));
        records.push(rename("d/a", "e/b"));
        let both = [vec!["d/a=x".to_owned()], vec!["e/b=x".to_owned()]];
        assert_eq!(after(&records, &seeds(50)), both);
        // The old directory says nothing of the new name.
        records.extend(sync(5, 8));
        assert_eq!(after(&records, &seeds(50)), both);
        records.extend(sync(6, 9));
        assert_eq!(after(&records, &seeds(50)), [["e/b=x"]]);
    }

    #[test]
    fn a_temporary_name_does_not_come_back_after_a_rename_that_is_durable() {
        let mut records = vec![directory("d"), open(4, "", false), open(3, "a", true), write(3, b"x")];
        records.extend(sync(3, 1));
        records.push(rename("a", "d/b"));
        records.push(open(5, "d", false));
        records.extend(sync(5, 2));
        // The directory itself has no durable name yet; the file has none but that in it.
        assert_eq!(after(&records, &seeds(50)), [vec![], vec!["d/b=x".to_owned()]]);
        records.extend(sync(4, 3));
        assert_eq!(after(&records, &seeds(50)), [["d/b=x"]]);
    }

    #[test]
    fn a_removal_may_be_forgotten_and_a_replacement_is_one_of_both() {
        let mut records = vec![open(4, "", false), open(3, "a", true), write(3, b"old")];
        records.extend([open(5, "t", true), write(5, b"new")]);
        records.extend((3..6).zip(1..).flat_map(|(fd, number)| sync(fd, number)));
        let mut replaced = records.clone();
        replaced.push(rename("t", "a"));
        let found = after(&replaced, &seeds(50));
        assert_eq!(found, [vec!["a=new".to_owned()], vec!["a=old".to_owned(), "t=new".to_owned()]]);
        records.push(Record::Unlink { path: b"a" });
        let found = after(&records, &seeds(50));
        assert_eq!(found, [vec!["a=old".to_owned(), "t=new".to_owned()], vec!["t=new".to_owned()]]);
    }

    #[test]
    fn syncs_that_do_not_count_promise_nothing() {
        let place = tempfile::tempdir().unwrap();
        let mut records = vec![open(3, "a", true), write(3, b"x"), open(4, "", false)];
        records.extend((3..5).zip(1..).flat_map(|(fd, number)| sync(fd, number)));
        for (i, (counts, found)) in
            [(true, vec!["a=x".to_owned()]), (false, vec!["a=".to_owned()])].into_iter().enumerate()
        {
            let disk = Disk::new(place.path(), |_| false).unwrap();
            let mut disk = disk.counting(move |synced| counts || synced.directory);
            records.iter().for_each(|record| disk.apply(record).unwrap());
            let to = tempfile::tempdir().unwrap();
            let to = to.path().join(i.to_string());
            disk.after(&NOTHING, &to).unwrap();
            assert_eq!(files(&to), found);
        }
    }

    #[test]
    fn a_name_that_was_there_may_be_one_that_nobody_has_synced() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().join("base");
        fs::create_dir_all(base.join("d")).unwrap();
        fs::write(base.join("d/a"), "x").unwrap();
        let mut disk = Disk::new(&base, |_| false).unwrap().unsynced(Path::new("d")).unwrap();
        assert!(disk.differences(&base).unwrap().is_empty());
        for (n, there) in [(1, false), (2, true)] {
            let to = place.path().join(n.to_string());
            disk.after(&NOTHING, &to).unwrap();
            assert_eq!(to.join("d/a").exists(), there);
            disk.apply(&open(3, "", false)).unwrap();
            sync(3, n).iter().for_each(|record| disk.apply(record).unwrap());
        }
    }

    #[test]
    fn what_was_missed_is_found() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a"), "x").unwrap();
        let mut disk = Disk::new(place.path(), |_| false).unwrap();
        assert!(disk.apply(&open(3, "b", false)).unwrap_err().to_string().contains("was not there"));
        assert!(disk.apply(&open(3, "a", true)).unwrap_err().to_string().contains("was there"));
        assert!(disk.apply(&write(9, b"x")).unwrap_err().to_string().contains("never opened"));
        assert!(disk.apply(&rename("q", "r")).unwrap_err().to_string().contains("never made"));
        assert!(disk.differences(place.path()).unwrap().is_empty());
        disk.apply(&open(3, "a", false)).unwrap();
        disk.apply(&write(3, b"yy")).unwrap();
        fs::write(place.path().join("c"), "").unwrap();
        fs::set_permissions(place.path().join("a"), fs::Permissions::from_mode(0o640)).unwrap();
        let found = disk.differences(place.path()).unwrap().join("; ");
        for part in ["a: byte 0 differs; 2 bytes, really 1", "a: permissions", "c: nothing was recorded"] {
            assert!(found.contains(part), "{found}");
        }
    }
}
