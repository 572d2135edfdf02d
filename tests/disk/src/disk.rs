//! All files and directories below the root, with what is durable of them and what is not.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::{
    Crash, Handle, Record,
    file::{Change, File},
};

pub(crate) type Node = usize;
/// A directory and a name in it.
type Place = (Node, Vec<u8>);
/// What each directory has.
pub(crate) type Entries = BTreeMap<Node, BTreeMap<Vec<u8>, Node>>;

pub(crate) const ROOT: Node = 0;

/// A file or a directory that is synced.
#[derive(Debug, Clone, Copy)]
pub struct Synced<'p> {
    /// The name by which it was opened.
    pub path: &'p Path,
    /// It is a directory.
    pub directory: bool,
}

/// Which syncs count.
type Counts = Box<dyn Fn(Synced<'_>) -> bool + Send>;

/// A disk, as of some record.
pub struct Disk<'a> {
    pub(crate) nodes: Vec<Kept<'a>>,
    /// As a process sees them.
    pub(crate) current: Entries,
    durable: Entries,
    pending: Vec<(u64, Step)>,
    open: BTreeMap<Handle, (Node, PathBuf)>,
    /// The syncs that have begun: of what, and the number of the first change that they do not see.
    syncs: BTreeMap<u64, (Node, u64)>,
    next: u64,
    counts: Counts,
    mapped: fn(&Path) -> bool,
}

#[derive(Debug)]
pub(crate) enum Kept<'a> {
    File(File<'a>),
    Directory { mode: u32 },
}

/// A change of directories.
#[derive(Debug, Clone)]
enum Step {
    Add { place: Place, node: Node },
    Remove { place: Place, node: Node },
    Move { from: Place, to: Place, node: Node },
}

impl Step {
    fn apply(&self, entries: &mut Entries) {
        let mut remove = |(directory, name): &Place, node: &Node| {
            // Unless the name has been given to another file since.
            if let Some(names) = entries.get_mut(directory)
                && names.get(name) == Some(node)
            {
                names.remove(name);
            }
        };
        match self {
            Self::Remove { place, node } => remove(place, node),
            Self::Move { from, node, .. } => remove(from, node),
            Self::Add { .. } => {}
        }
        if let Self::Add { place: (directory, name), node } | Self::Move { to: (directory, name), node, .. } =
            self
        {
            entries.entry(*directory).or_default().insert(name.clone(), *node);
        }
    }

    /// The directory whose sync makes it durable.
    fn home(&self) -> Node {
        match self {
            Self::Add { place, .. } | Self::Remove { place, .. } => place.0,
            Self::Move { to, .. } => to.0,
        }
    }
}

fn nonsense(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

impl<'a> Disk<'a> {
    /// A disk that holds what is below `base`, all of it durable. The files there must stay as they are.
    ///
    /// Files of which `mapped` is true of the name are also written by way of memory, which no recorder sees: a power cut
    /// leaves anything in them.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn new(base: &Path, mapped: fn(&Path) -> bool) -> io::Result<Self> {
        let mut disk = Self {
            nodes: Vec::new(),
            current: Entries::new(),
            durable: Entries::new(),
            pending: Vec::new(),
            open: BTreeMap::new(),
            syncs: BTreeMap::new(),
            next: 1,
            counts: Box::new(|_| true),
            mapped,
        };
        disk.find(base)?;
        disk.current = disk.durable.clone();
        Ok(disk)
    }

    /// Only these syncs count: the others are as if nobody had asked for them.
    #[must_use]
    pub fn counting(self, counts: impl Fn(Synced<'_>) -> bool + Send + 'static) -> Self {
        Self { counts: Box::new(counts), ..self }
    }

    /// This name was there, and nobody has synced the directory that has it.
    ///
    /// # Errors
    /// If it was not there.
    pub fn unsynced(mut self, path: &Path) -> io::Result<Self> {
        let (place, node) = self.existing(path.as_os_str().as_bytes())?;
        let number = self.number();
        if let Some(names) = self.durable.get_mut(&place.0) {
            names.remove(&place.1);
        }
        self.pending.push((number, Step::Add { place, node }));
        Ok(self)
    }

    fn find(&mut self, path: &Path) -> io::Result<Node> {
        let meta = fs::symlink_metadata(path)?;
        let mode = meta.permissions().mode() & 0o7777;
        let node = self.nodes.len();
        if meta.is_dir() {
            self.nodes.push(Kept::Directory { mode });
            let mut names = BTreeMap::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                names.insert(entry.file_name().as_bytes().to_vec(), self.find(&entry.path())?);
            }
            self.durable.insert(node, names);
        } else if meta.is_file() {
            self.nodes.push(Kept::File(File::found(path.to_owned(), mode, (self.mapped)(path))));
        } else {
            return Err(nonsense(format!("{} is neither a file nor a directory", path.display())));
        }
        Ok(node)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// The directory of a path, and the name in it.
    fn place(&self, path: &[u8]) -> io::Result<Place> {
        let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let last = names.next_back().ok_or_else(|| nonsense("the root is no entry".to_owned()))?;
        let mut node = ROOT;
        for name in names {
            let missing = || nonsense(format!("the directory of {} was never made", shown(path)));
            node = *self.current.get(&node).and_then(|names| names.get(name)).ok_or_else(missing)?;
        }
        Ok((node, last.to_vec()))
    }

    fn at(&self, (directory, name): &Place) -> Option<Node> {
        self.current.get(directory)?.get(name).copied()
    }

    fn existing(&self, path: &[u8]) -> io::Result<(Place, Node)> {
        let place = self.place(path)?;
        let node = self.at(&place).ok_or_else(|| nonsense(format!("{} was never made", shown(path))))?;
        Ok((place, node))
    }

    fn opened(&self, handle: Handle) -> io::Result<&(Node, PathBuf)> {
        self.open.get(&handle).ok_or_else(|| nonsense(format!("{handle} was never opened")))
    }

    fn step(&mut self, step: Step) {
        step.apply(&mut self.current);
        let number = self.number();
        self.pending.push((number, step));
    }

    fn make(&mut self, place: Place, kept: Kept<'a>) -> Node {
        let node = self.nodes.len();
        if matches!(kept, Kept::Directory { .. }) {
            self.current.insert(node, BTreeMap::new());
            self.durable.insert(node, BTreeMap::new());
        }
        self.nodes.push(kept);
        self.step(Step::Add { place, node });
        node
    }

    fn change(&mut self, node: Node, change: Change<'a>) -> io::Result<()> {
        let number = self.number();
        match &mut self.nodes[node] {
            Kept::File(file) => file.change(number, change),
            Kept::Directory { .. } => return Err(nonsense("a directory was written to".to_owned())),
        }
        Ok(())
    }

    /// Go on by one record.
    ///
    /// # Errors
    /// If it does not follow from those before: one was missed.
    pub fn apply(&mut self, record: &Record<'a>) -> io::Result<()> {
        match *record {
            Record::Begin { pid } => self.open.retain(|handle, _| handle.pid != pid),
            Record::Open { handle, path, created, truncated, mode } => {
                self.opens(handle, path, created, mode)?;
                if truncated && !created {
                    let node = self.opened(handle)?.0;
                    self.change(node, Change::Length(0))?;
                }
            }
            Record::Duplicate { from, to } => {
                let opened = self.opened(from)?.clone();
                self.open.insert(to, opened);
            }
            Record::Close { handle } => {
                self.open.remove(&handle);
            }
            Record::Write { handle, offset, data } => {
                let node = self.opened(handle)?.0;
                self.change(node, Change::Write { offset, data })?;
            }
            Record::Truncate { handle, length } => {
                let node = self.opened(handle)?.0;
                self.change(node, Change::Length(length))?;
            }
            Record::Rename { from, to } => {
                let (from, node) = self.existing(from)?;
                let to = self.place(to)?;
                self.step(Step::Move { from, to, node });
            }
            Record::Link { from, to } => {
                let (_, node) = self.existing(from)?;
                let place = self.place(to)?;
                self.step(Step::Add { place, node });
            }
            Record::Unlink { path } | Record::RemoveDirectory { path } => {
                let (place, node) = self.existing(path)?;
                self.step(Step::Remove { place, node });
            }
            Record::MakeDirectory { path, mode } => {
                let place = self.place(path)?;
                self.make(place, Kept::Directory { mode });
            }
            Record::SetMode { path, mode: new } => {
                let node = if path.is_empty() { ROOT } else { self.existing(path)?.1 };
                match &mut self.nodes[node] {
                    Kept::File(File { mode, .. }) | Kept::Directory { mode } => *mode = new,
                }
            }
            Record::SyncBegin { handle, number } => {
                let (node, path) = self.opened(handle)?.clone();
                let directory = matches!(self.nodes[node], Kept::Directory { .. });
                if (self.counts)(Synced { path: &path, directory }) {
                    self.syncs.insert(number, (node, self.next));
                }
            }
            Record::SyncEnd { number } => {
                if let Some((node, before)) = self.syncs.remove(&number) {
                    self.settle(node, before)?;
                }
            }
            Record::Note { .. } => {}
        }
        Ok(())
    }

    fn opens(&mut self, handle: Handle, path: &[u8], created: bool, mode: u32) -> io::Result<()> {
        let shown_path = PathBuf::from(OsStr::from_bytes(path));
        let node = if path.is_empty() {
            ROOT
        } else {
            let place = self.place(path)?;
            match (self.at(&place), created) {
                (Some(node), false) => node,
                (None, true) => {
                    let mapped = (self.mapped)(&shown_path);
                    self.make(place, Kept::File(File::created(mode, mapped)))
                }
                (found, _) => {
                    let what =
                        if found.is_some() { "made, and was there" } else { "opened, and was not there" };
                    return Err(nonsense(format!("{} was {what}", shown(path))));
                }
            }
        };
        self.open.insert(handle, (node, shown_path));
        Ok(())
    }

    fn settle(&mut self, node: Node, before: u64) -> io::Result<()> {
        if let Kept::File(file) = &mut self.nodes[node] {
            return file.settle(before);
        }
        let (settled, mut pending): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|(number, step)| *number < before && step.home() == node);
        for (number, step) in settled {
            step.apply(&mut self.durable);
            // With the new name durable, the old one is gone, though its directory was never synced.
            if let Step::Move { from, .. } = &step {
                pending.retain(|(earlier, other)| {
                    *earlier > number || !matches!(other, Step::Add { place, .. } if place == from)
                });
            }
        }
        self.pending = pending;
        Ok(())
    }

    /// What each directory has when the power fails now.
    pub(crate) fn entries_after(&self, crash: &Crash) -> Entries {
        let mut entries = self.durable.clone();
        for (number, step) in &self.pending {
            if crash.of_entry(*number) {
                step.apply(&mut entries);
            }
        }
        entries
    }
}
