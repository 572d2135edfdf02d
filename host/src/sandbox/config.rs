//! What a sandbox is set up with.

use std::{path::PathBuf, thread, time::Duration};

/// Set-up of a [`super::Sandbox`].
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where compiled code is kept. Made with mode 0700 if it is not there.
    pub cache_dir: PathBuf,
    /// The program that is started as `PROGRAM compile-plugin …` to compile in a process of its own.
    pub compiler: PathBuf,
    /// The largest component that is accepted, in bytes.
    pub max_component_bytes: u64,
    /// What one compilation may use.
    pub compile: CompileLimits,
    /// Attempts that may be live at once; the others wait.
    pub max_instances: u32,
    /// Threads that guests run on.
    pub guest_threads: usize,
    /// Time between two looks at a guest that does not return: how exactly limits of time hold.
    pub tick: Duration,
}

/// What the compilation of one component may use.
#[derive(Debug, Clone, Copy)]
pub struct CompileLimits {
    /// From start to end.
    pub wall: Duration,
    /// Processor time of all its threads, in whole seconds.
    pub cpu_seconds: u64,
    /// Private writable memory (`RLIMIT_DATA`), in bytes.
    pub memory_bytes: u64,
    /// Compilations at once; the others wait.
    pub parallel: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { wall: Duration::from_secs(120), cpu_seconds: 120, memory_bytes: 2 << 30, parallel: 2 }
    }
}

impl SandboxConfig {
    /// With the defaults: 64 MiB components, 512 attempts at once, a guest thread for each core, 5 ms ticks.
    pub fn new(cache_dir: impl Into<PathBuf>, compiler: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            compiler: compiler.into(),
            max_component_bytes: 64 << 20,
            compile: CompileLimits::default(),
            max_instances: 512,
            guest_threads: thread::available_parallelism().map_or(2, usize::from),
            tick: Duration::from_millis(5),
        }
    }
}
