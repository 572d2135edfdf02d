//! Compiling in a process of its own: a component that takes for ever, or all memory, takes them from a process that
//! can be killed.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{CompileLimits, LoadError, cache::CodeCache, engine};
use crate::model::{Digest, Failure, io_reason};

/// How the child says that the component is at fault (EX_DATAERR of sysexits.h).
const EXIT_BAD_COMPONENT: u8 = 65;
/// How it says that there is no room for the compiled code (EX_CANTCREAT).
const EXIT_NO_ROOM: u8 = 73;
/// How it says that reading or writing failed otherwise (EX_IOERR).
const EXIT_IO: u8 = 74;
/// Anything else.
const EXIT_OTHER: u8 = 1;
/// Threads of one compilation.
const THREADS: &str = "2";
/// So many of the child's last words are kept, in bytes.
const WORDS_MAX: usize = 8 << 10;
/// The largest code that one component may become, in bytes.
pub(crate) const CODE_MAX: u64 = 1 << 30;
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// `SIGABRT`, how Rust ends when memory is refused.
const ABORTED: i32 = 6;
/// `SIGXCPU`, and `SIGKILL` a second later.
const OUT_OF_CPU: [i32; 2] = [24, 9];

/// Compile a component into the cache. Blocks; the thread must live as long as the child.
pub(super) fn compile(
    compiler: &Path,
    limits: &CompileLimits,
    cache: &CodeCache,
    digest: &Digest,
    component: &[u8],
) -> Result<PathBuf, LoadError> {
    let storage = |error| LoadError::Storage { what: "writing to the compiled-code cache", error };
    let mut input = cache.scratch().map_err(storage)?;
    input.write_all(component).and_then(|()| input.flush()).map_err(storage)?;
    let output = cache.scratch().map_err(storage)?;
    let started = Instant::now();
    let mut child = Command::new(compiler)
        .arg("compile-plugin")
        .arg("--input")
        .arg(input.path())
        .arg("--output")
        .arg(output.path())
        .args(["--memory-bytes", &limits.memory_bytes.to_string()])
        .args(["--cpu-seconds", &limits.cpu_seconds.to_string()])
        .args(["--parent", &std::process::id().to_string()])
        .env_clear()
        .env("RAYON_NUM_THREADS", THREADS)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // Not a file: what it says of a full disk must not need room on that disk.
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            tracing::error!(compiler = %compiler.display(), %error, "the compiling process cannot be started");
            let message = format!("the compiling process could not be started: {}", io_reason(&error));
            LoadError::Compiler { message }
        })?;
    let words = child.stderr.take().map(|stderr| thread::spawn(move || last_words(stderr)));
    let status = wait(child, limits.wall).map_err(storage)?;
    let said = words.and_then(|words| words.join().ok()).unwrap_or_default();
    verdict(status, said.trim(), limits)?;
    tracing::info!(%digest, ms = started.elapsed().as_millis(), "compiled");
    cache.put(digest, output).map_err(storage)
}

/// The end of what a child says, read until it says no more.
fn last_words(mut stderr: impl Read) -> String {
    let (mut kept, mut piece) = (Vec::new(), [0; 4 << 10]);
    loop {
        match stderr.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                kept.extend_from_slice(&piece[..n]);
                let surplus = kept.len().saturating_sub(WORDS_MAX);
                kept.drain(..surplus);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Wait for the child; kill it when its time is over (`None`).
fn wait(mut child: Child, wall: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + wall;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn verdict(status: Option<ExitStatus>, said: &str, limits: &CompileLimits) -> Result<(), LoadError> {
    let over = |limit: &str, value: u64| {
        LoadError::CompileLimit(Failure::limit(limit, value, value, "compiling the component took too much"))
    };
    let Some(status) = status else {
        return Err(over("compile_wall_ms", u64::try_from(limits.wall.as_millis()).unwrap_or(u64::MAX)));
    };
    if status.success() {
        return Ok(());
    }
    // The last one is of a thread that found no memory for its stack.
    let no_memory =
        ["memory allocation of", "os error 12", "Cannot allocate memory", "Resource temporarily unavailable"];
    if no_memory.iter().any(|words| said.contains(words))
        || (said.is_empty() && status.signal() == Some(ABORTED))
    {
        return Err(over("compile_memory_bytes", limits.memory_bytes));
    }
    let storage = |kind| {
        let error = io::Error::new(kind, said.to_owned());
        Err(LoadError::Storage { what: "writing to the compiled-code cache", error })
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    match (code, status.signal()) {
        (Some(EXIT_BAD_COMPONENT), _) => Err(LoadError::Invalid { message: said.to_owned() }),
        (Some(EXIT_NO_ROOM), _) => storage(io::ErrorKind::StorageFull),
        (Some(EXIT_IO), _) => storage(io::ErrorKind::Other),
        (_, Some(signal)) if OUT_OF_CPU.contains(&signal) => {
            Err(over("compile_cpu_seconds", limits.cpu_seconds))
        }
        _ => {
            let said = if said.is_empty() { "it said nothing" } else { said };
            Err(LoadError::Compiler { message: format!("the compiling process ended with {status}: {said}") })
        }
    }
}

/// The child's side: compile `input` to `output`.
///
/// # Errors
/// The exit code by which the host knows whose fault it is, and what is wrong.
pub(crate) fn compile_file(input: &Path, output: &Path) -> Result<(), (u8, String)> {
    let io = |what: &str, error: &io::Error| {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        (if full { EXIT_NO_ROOM } else { EXIT_IO }, format!("{what}: {error}"))
    };
    let bytes = std::fs::read(input).map_err(|e| io("the component cannot be read", &e))?;
    let engine = engine::compiler().map_err(|e| (EXIT_OTHER, format!("the engine: {e:#}")))?;
    let code = engine.precompile_component(&bytes).map_err(|e| (EXIT_BAD_COMPONENT, format!("{e:#}")))?;
    let written = File::create(output).and_then(|mut file| file.write_all(&code));
    written.map_err(|e| io("the compiled code cannot be written", &e))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such_by_the_child_and_understood_by_the_host() {
        let directory = tempfile::tempdir().unwrap();
        let component = directory.path().join("empty.wasm");
        std::fs::write(&component, b"\0asm\x0d\0\x01\0").unwrap();
        // A device that is always full.
        let (code, said) = compile_file(&component, Path::new("/dev/full")).unwrap_err();
        assert_eq!(code, EXIT_NO_ROOM);
        assert!(said.contains("the compiled code cannot be written: No space left"), "{said}");
        let limits = CompileLimits::default();
        let error = verdict(Some(ExitStatus::from_raw(i32::from(code) << 8)), &said, &limits).unwrap_err();
        let LoadError::Storage { error: io, .. } = &error else { panic!("{error:?}") };
        assert_eq!(io.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), "writing to the compiled-code cache failed: the host's disk is full");
    }

    #[test]
    fn of_many_words_the_last_are_kept_and_of_none_that_is_said() {
        let said = last_words(io::Cursor::new([vec![b'x'; 100_000], b"the end".to_vec()].concat()));
        assert!(said.len() == WORDS_MAX && said.ends_with("xthe end"));
        let error = verdict(Some(ExitStatus::from_raw(101 << 8)), "", &CompileLimits::default()).unwrap_err();
        assert!(error.to_string().ends_with("exit status: 101: it said nothing"), "{error}");
    }
}
