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
use crate::model::{Digest, Failure};

/// How the child says that the component is at fault (EX_DATAERR of sysexits.h).
pub(crate) const EXIT_BAD_COMPONENT: u8 = 65;
/// Threads of one compilation.
const THREADS: &str = "2";
/// As much of the child's last words is read, in bytes.
const WORDS_MAX: u64 = 8 << 10;
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
    let storage = |error| LoadError::Storage { what: "the compiled-code cache", error };
    let mut input = cache.scratch().map_err(storage)?;
    input.write_all(component).and_then(|()| input.flush()).map_err(storage)?;
    let output = cache.scratch().map_err(storage)?;
    let words = cache.scratch().map_err(storage)?;
    let stderr = words.reopen().map_err(storage)?;
    let started = Instant::now();
    let child = Command::new(compiler)
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
        .stderr(stderr)
        .spawn()
        .map_err(|error| LoadError::Compiler {
            message: format!("{} could not be started: {error}", compiler.display()),
        })?;
    let status = wait(child, limits.wall).map_err(storage)?;
    let mut said = String::new();
    let read = words.reopen().and_then(|file| file.take(WORDS_MAX).read_to_string(&mut said));
    let said = if read.is_ok() { said.trim() } else { "" };
    verdict(status, said, limits)?;
    tracing::info!(%digest, ms = started.elapsed().as_millis(), "compiled");
    cache.put(digest, output).map_err(storage)
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
    match (status.code(), status.signal()) {
        (Some(code), _) if code == i32::from(EXIT_BAD_COMPONENT) => {
            Err(LoadError::Invalid { message: said.to_owned() })
        }
        (_, Some(signal)) if OUT_OF_CPU.contains(&signal) => {
            Err(over("compile_cpu_seconds", limits.cpu_seconds))
        }
        _ => {
            Err(LoadError::Compiler { message: format!("the compiling process ended with {status}: {said}") })
        }
    }
}

/// The child's side: compile `input` to `output`.
///
/// # Errors
/// Whether the component is at fault, and what is wrong.
pub(crate) fn compile_file(input: &Path, output: &Path) -> Result<(), (bool, String)> {
    let host = |what: &str, error: &dyn std::fmt::Display| (false, format!("{what}: {error}"));
    let bytes = std::fs::read(input).map_err(|e| host(&input.display().to_string(), &e))?;
    let engine = engine::compiler().map_err(|e| host("the engine", &e))?;
    let code = engine.precompile_component(&bytes).map_err(|e| (true, format!("{e:#}")))?;
    let written = File::create(output).and_then(|mut file| file.write_all(&code));
    written.map_err(|e| host(&output.display().to_string(), &e))
}
