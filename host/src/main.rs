//! heddle

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use heddle::cli::compile::{self, OwnLimits};

#[derive(Parser)]
#[command(name = "heddle", version)]
enum Command {
    /// Compile a component in this process. The host starts it; not for people.
    #[command(hide = true)]
    CompilePlugin {
        /// The component
        #[arg(long)]
        input: PathBuf,
        /// Where the compiled code goes
        #[arg(long)]
        output: PathBuf,
        /// Private writable memory that the process may have, in bytes
        #[arg(long)]
        memory_bytes: u64,
        /// Processor time that it may use, in seconds
        #[arg(long)]
        cpu_seconds: u64,
        /// Process id of the host
        #[arg(long)]
        parent: u32,
    },
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::CompilePlugin { input, output, memory_bytes, cpu_seconds, parent } => {
            compile::run(&input, &output, OwnLimits { memory_bytes, cpu_seconds, parent })
        }
    }
}
