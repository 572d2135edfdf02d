//! `heddle compile-plugin`: what the sandbox starts to compile a component. Not for people.

use std::{path::Path, process::ExitCode};

use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit};

use crate::sandbox::compiler::{CODE_MAX, compile_file};

/// What the process allows itself, before it reads anything of the component's.
#[derive(Debug, Clone, Copy)]
pub struct OwnLimits {
    /// Private writable memory, in bytes.
    pub memory_bytes: u64,
    /// Processor time, in seconds.
    pub cpu_seconds: u64,
    /// Process id of the host, without which nobody needs the result.
    pub parent: u32,
}

/// Compile the component `input` to `output`. What goes wrong is said on standard error.
pub fn run(input: &Path, output: &Path, limits: OwnLimits) -> ExitCode {
    if let Err(error) = confine(limits) {
        eprintln!("the compiling process cannot be confined: {error}");
        return ExitCode::FAILURE;
    }
    match compile_file(input, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, message)) => {
            eprintln!("{message}");
            ExitCode::from(code)
        }
    }
}

fn confine(limits: OwnLimits) -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The host may have died before the line above.
    if getppid().map(Pid::as_raw_nonzero).and_then(|pid| u32::try_from(pid.get()).ok()) != Some(limits.parent)
    {
        return Err(std::io::Error::other("the host is gone"));
    }
    let set = |resource, soft: u64, hard: u64| {
        setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) })
    };
    set(Resource::Data, limits.memory_bytes, limits.memory_bytes)?;
    // The first signal says why; the second one cannot be ignored.
    set(Resource::Cpu, limits.cpu_seconds, limits.cpu_seconds + 1)?;
    set(Resource::Fsize, CODE_MAX, CODE_MAX)?;
    set(Resource::Core, 0, 0)?;
    Ok(())
}
