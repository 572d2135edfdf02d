//! What is recorded, where, and in which order.

use std::{
    env,
    ffi::{CStr, CString, OsString, c_char, c_int},
    fs,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use heddle_test_disk::{
    Handle, Record,
    record::{LOG, ROOT, SYNC_MICROS},
};

/// Descriptors beyond are not watched; what is written to them is missing in the log, and is found to be.
const DESCRIPTORS: usize = 1 << 16;
/// The log's own descriptor is this one or a higher one.
const LOG_FD: c_int = 500;
/// Which descriptors are of files below the root. Looked at without a lock, also by signal handlers.
static WATCHED: [AtomicBool; DESCRIPTORS] = [const { AtomicBool::new(false) }; DESCRIPTORS];
static RECORDER: OnceLock<Option<Recorder>> = OnceLock::new();

/// What this process writes down.
pub(crate) struct Recorder {
    root: Vec<u8>,
    log: c_int,
    pid: u32,
    /// Held while a thing is done and written down: so the order of records is that of what happened.
    turn: Mutex<()>,
    syncs: AtomicU64,
    sync_time: Duration,
}

fn is_watched(fd: c_int) -> bool {
    usize::try_from(fd)
        .ok()
        .and_then(|fd| WATCHED.get(fd))
        .is_some_and(|watched| watched.load(Ordering::Acquire))
}

fn watch(fd: c_int, watched: bool) {
    if let Some(place) = usize::try_from(fd).ok().and_then(|fd| WATCHED.get(fd)) {
        place.store(watched, Ordering::Release);
    }
}

/// There is no way to go on: a log with gaps would prove nothing.
fn give_up(why: &str) -> ! {
    let said = format!("heddle-disk-shim: {why}\n");
    // SAFETY: the bytes are there for the length that is given.
    unsafe { libc::syscall(libc::SYS_write, 2, said.as_ptr(), said.len()) };
    std::process::abort()
}

/// The process ends, and no thread is to be between what it does and writing that down.
extern "C" fn at_exit() {
    if let Some(recorder) = Recorder::get() {
        std::mem::forget(recorder.turn());
    }
}

impl Recorder {
    /// The recorder, if this process is recorded.
    pub(crate) fn get() -> Option<&'static Self> {
        RECORDER.get_or_init(Self::from_env).as_ref()
    }

    /// The recorder, if a descriptor is of a file below the root.
    pub(crate) fn watching(fd: c_int) -> Option<&'static Self> {
        if is_watched(fd) { Self::get() } else { None }
    }

    fn from_env() -> Option<Self> {
        let root = env::var_os(ROOT)?;
        let Ok(root) = fs::canonicalize(&root) else { give_up("HEDDLE_DISK_ROOT is no directory") };
        let Some(log) = env::var_os(LOG) else { give_up("HEDDLE_DISK_LOG names no file") };
        if Path::new(&log).starts_with(&root) {
            give_up("the log is below the root");
        }
        let Ok(path) = CString::new(log.into_vec()) else { give_up("HEDDLE_DISK_LOG names no file") };
        let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_CLOEXEC;
        // SAFETY: the path ends with a zero byte.
        let log = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600) };
        // Out of the way of programs that choose their descriptors, as shells do.
        // SAFETY: no memory is passed.
        let log = unsafe { libc::syscall(libc::SYS_fcntl, log, libc::F_DUPFD_CLOEXEC, LOG_FD) };
        if log < 0 {
            give_up("the log cannot be opened");
        }
        let micros = env::var(SYNC_MICROS).ok().and_then(|micros| micros.parse().ok()).unwrap_or(0);
        let pid = std::process::id();
        let recorder = Self {
            root: root.into_os_string().into_vec(),
            log: c_int::try_from(log).unwrap_or(-1),
            pid,
            turn: Mutex::new(()),
            syncs: AtomicU64::new(u64::from(pid) << 32),
            sync_time: Duration::from_micros(micros),
        };
        recorder.write_down(&Record::Begin { pid });
        // SAFETY: the function is there as long as the process.
        unsafe { libc::atexit(at_exit) };
        Some(recorder)
    }

    /// To be held from before a thing is done until it is written down.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write_down(&self, record: &Record<'_>) {
        let bytes = record.encode();
        // SAFETY: the bytes are there for the length that is given.
        let written = unsafe { libc::syscall(libc::SYS_write, self.log, bytes.as_ptr(), bytes.len()) };
        if usize::try_from(written) != Ok(bytes.len()) {
            give_up("a record cannot be written, or not in one piece");
        }
    }

    pub(crate) fn handle(&self, fd: c_int) -> Handle {
        Handle { pid: self.pid, fd: fd.cast_unsigned() }
    }

    pub(crate) fn opened(&self, fd: c_int, path: &[u8], created: bool, truncated: bool, mode: u32) {
        self.write_down(&Record::Open { handle: self.handle(fd), path, created, truncated, mode });
        watch(fd, true);
    }

    pub(crate) fn duplicated(&self, from: c_int, to: c_int) {
        self.write_down(&Record::Duplicate { from: self.handle(from), to: self.handle(to) });
        watch(to, true);
    }

    /// Before it is closed: afterwards another thread may have its number.
    pub(crate) fn closes(&self, fd: c_int) {
        watch(fd, false);
        self.write_down(&Record::Close { handle: self.handle(fd) });
    }

    /// A sync that takes its time and promises what it should.
    pub(crate) fn sync(&self, fd: c_int) {
        let number = self.syncs.fetch_add(1, Ordering::Relaxed);
        {
            let _turn = self.turn();
            self.write_down(&Record::SyncBegin { handle: self.handle(fd), number });
        }
        if !self.sync_time.is_zero() {
            std::thread::sleep(self.sync_time);
        }
        let _turn = self.turn();
        self.write_down(&Record::SyncEnd { number });
    }

    /// A path as it is recorded, if it is below the root.
    ///
    /// # Safety
    /// The path ends with a zero byte.
    pub(crate) unsafe fn below(&self, at: c_int, path: *const c_char) -> Option<Vec<u8>> {
        if path.is_null() {
            return None;
        }
        // SAFETY: as the caller promises.
        let path = unsafe { CStr::from_ptr(path) }.to_bytes();
        if path.first() == Some(&b'/') {
            return self.strip(path);
        }
        let base = if at == libc::AT_FDCWD {
            env::current_dir().ok()?
        } else {
            fs::read_link(format!("/proc/self/fd/{at}")).ok()?
        };
        self.strip(&[base.as_os_str().as_bytes(), b"/", path].concat())
    }

    /// The name that a descriptor was opened by, or has got since.
    pub(crate) fn name(&self, fd: c_int) -> Option<Vec<u8>> {
        let path = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
        self.strip(path.as_os_str().as_bytes())
    }

    fn strip(&self, path: &[u8]) -> Option<Vec<u8>> {
        let mut names: Vec<&[u8]> = Vec::new();
        for name in path.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        let mut root = self.root.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let mut names = names.into_iter();
        if root.all(|name| names.next() == Some(name)) {
            Some(OsString::from_vec(names.collect::<Vec<_>>().join(&b'/')).into_vec())
        } else {
            None
        }
    }
}
