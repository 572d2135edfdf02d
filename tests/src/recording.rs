//! A host whose disk is recorded: see `tests/disk`.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use heddle_test_disk::{
    Crash, Disk, Log, Notes, Record,
    record::{LOG, ROOT, SYNC_MICROS},
};

use crate::{
    Server,
    history::{Ack, History},
};

/// How long a sync takes: about as on a good disk, so that others go on meanwhile.
const SYNC_TIME: &str = "700";

/// The recorder that is loaded into the host: `HEDDLE_DISK_SHIM`, else beside the test's own executable.
///
/// # Panics
/// If it was not built.
pub fn disk_shim() -> PathBuf {
    let beside = || super::target_dir().join("libheddle_disk_shim.so");
    let path = env::var_os("HEDDLE_DISK_SHIM").map_or_else(beside, PathBuf::from);
    let how = "`cargo xtask test` builds it, or: cargo build --package heddle-disk-shim";
    assert!(path.is_file(), "{} is not there; {how}", path.display());
    path
}

/// Of the files that SQLite writes by way of memory. It makes it anew after a crash, whatever is in it.
fn is_mapped(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "db-shm")
}

fn environment(shim: &Path, root: PathBuf, log: PathBuf, sync_time: &str) -> [(&'static str, PathBuf); 4] {
    [("LD_PRELOAD", shim.to_owned()), (ROOT, root), (LOG, log), (SYNC_MICROS, PathBuf::from(sync_time))]
}

/// For a program whose syncs of files below that directory take so long; nothing is recorded.
pub(crate) fn slow_disk(root: &Path, sync_time: Duration) -> [(&'static str, PathBuf); 4] {
    let nowhere = PathBuf::from("/dev/null");
    environment(&disk_shim(), root.to_owned(), nowhere, &sync_time.as_micros().to_string())
}

/// A directory and what happens to it: `base` is how it was, `root` how it is, `log` what was done.
pub struct Recording {
    place: PathBuf,
    /// Nobody has synced the directory that has the data directory.
    new: bool,
}

impl Recording {
    /// Of a data directory in which nothing is but compiled code, and whose own name nobody has synced.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn of_a_first_start(place: &Path) -> Result<Self> {
        let recording = Self { place: place.to_owned(), new: true };
        for directory in [recording.base(), recording.root()] {
            let data_dir = directory.join("data");
            fs::create_dir_all(&data_dir)?;
            fs::set_permissions(&data_dir, fs::Permissions::from_mode(0o700))?;
            super::warm(&data_dir);
        }
        Ok(recording)
    }

    /// Of a data directory in which a host was started and stopped.
    ///
    /// # Errors
    /// If that does not go well.
    pub fn of_a_second_start(place: &Path) -> Result<Self> {
        let first = Self::of_a_first_start(&place.join("first"))?;
        Server::start(&first.data_dir())?.stop()?;
        let recording = Self { place: place.to_owned(), new: false };
        let disk = Disk::new(&first.root(), is_mapped)?;
        let nothing_happened = Crash::seeded(0);
        disk.after(&nothing_happened, &recording.base())?;
        disk.after(&nothing_happened, &recording.root())?;
        Ok(recording)
    }

    /// Of what a power cut has left.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn after(place: &Path, disk: &Disk<'_>, crash: &Crash) -> Result<Self> {
        let recording = Self { place: place.to_owned(), new: false };
        fs::create_dir_all(place)?;
        disk.after(crash, &recording.base())?;
        disk.after(crash, &recording.root())?;
        Ok(recording)
    }

    /// One from before, that was kept; whether it was of a first start.
    pub fn kept(place: &Path, new: bool) -> Self {
        Self { place: place.to_owned(), new }
    }

    fn base(&self) -> PathBuf {
        self.place.join("base")
    }

    /// The directory whose changes are recorded.
    pub fn root(&self) -> PathBuf {
        self.place.join("root")
    }

    fn log(&self) -> PathBuf {
        self.place.join("log")
    }

    /// The host's data directory, in the root.
    pub fn data_dir(&self) -> PathBuf {
        self.root().join("data")
    }

    /// Where a client notes what it sees.
    pub fn notes(&self) -> Notes {
        Notes::in_log(&self.log())
    }

    /// Have a program recorded.
    pub fn record(&self, program: &mut Command) {
        for (name, value) in self.environment(&disk_shim()) {
            program.env(name, value);
        }
    }

    fn environment(&self, shim: &Path) -> [(&'static str, PathBuf); 4] {
        environment(shim, self.root(), self.log(), SYNC_TIME)
    }

    /// Start a host that is recorded.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(&self) -> Result<Server> {
        self.start_with(&[])
    }

    /// The same with more arguments.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_with(&self, arguments: &[&str]) -> Result<Server> {
        let environment = self.environment(&disk_shim());
        let environment: Vec<(&str, &OsStr)> =
            environment.iter().map(|(name, value)| (*name, value.as_os_str())).collect();
        let arguments = [&["--drain-seconds", "0"], arguments].concat();
        Server::start_in(&self.data_dir(), &arguments, &environment)
    }

    /// What was recorded, when all processes that were recorded have ended.
    ///
    /// # Errors
    /// If a change of the files was missed.
    pub fn recorded(&self) -> Result<Recorded> {
        let recorded = Recorded::read(self)?;
        let mut disk = recorded.disk()?;
        for (at, record) in recorded.log.iter().enumerate() {
            disk.apply(&record).with_context(|| format!("record {at}"))?;
        }
        let missed = disk.differences(&self.root())?;
        ensure!(missed.is_empty(), "changes were not recorded:\n{}", missed.join("\n"));
        Ok(recorded)
    }
}

/// What was recorded.
pub struct Recorded {
    /// Each record.
    pub log: Log,
    base: PathBuf,
    new: bool,
    /// What was acknowledged, each with the number of its record.
    acks: Vec<(usize, Ack)>,
}

impl Recorded {
    fn read(recording: &Recording) -> Result<Self> {
        let log = Log::read(&recording.log())?;
        let mut acks = Vec::new();
        for (at, record) in log.iter().enumerate() {
            if let Record::Note { text } = record {
                acks.push((at, serde_json::from_slice(text).with_context(|| format!("the note {at}"))?));
            }
        }
        Ok(Self { log, base: recording.base(), new: recording.new, acks })
    }

    /// The disk as it was at first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn disk(&self) -> io::Result<Disk<'_>> {
        let disk = Disk::new(&self.base, is_mapped)?;
        if self.new { disk.unsynced(Path::new("data")) } else { Ok(disk) }
    }

    /// Whether it is of a first start.
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// What was acknowledged before a record.
    pub fn history(&self, before: usize) -> History {
        let acks = self.acks.iter().take_while(|(at, _)| *at < before);
        History { acks: acks.map(|(_, ack)| ack.clone()).collect() }
    }
}
