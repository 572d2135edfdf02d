//! The command line: what a person types becomes calls of the engine, or of a server's API.
//!
//! Exit codes: 0 done, 1 the run (or the host) failed, 2 the command or its input is wrong.

mod access;
mod approvals;
mod backup;
mod client;
pub mod compile;
mod data_dir;
mod gc;
mod here;
mod history;
mod json_outline;
mod logging;
mod output;
mod plugin;
mod run;
mod run_input;
mod run_output;
mod run_progress;
mod run_source;
mod run_steer;
mod runs;
mod schedule;
mod serve;
mod span;
mod start;
mod stats;
mod steer;
mod token;
mod umask;
mod workflow;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::error::{Code, Error};

/// The workflow host whose workflows you need not trust
#[derive(Debug, Parser)]
#[command(name = "heddle", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How the log on standard error is written
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: logging::Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP API
    Serve(serve::Args),
    /// Run a workflow in this process, and save what it makes
    Run(run::Args),
    /// The plugins that bring phases and workflows
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Workflow definitions: check, save, list, show
    #[command(subcommand)]
    Workflow(workflow::Command),
    /// Runs: those of a server, or of a data directory
    #[command(subcommand)]
    Runs(runs::Command),
    /// How often, how well and how fast workflows and phases run
    Stats(stats::Args),
    /// Schedules: runs that start by themselves
    #[command(subcommand)]
    Schedule(schedule::Command),
    /// API tokens: those of a server, or of a data directory
    #[command(subcommand)]
    Token(token::Command),
    /// What waits for somebody to decide
    #[command(subcommand)]
    Approvals(approvals::Command),
    /// Send an event from outside to the run that waits for it
    Signal(approvals::Signal),
    /// Write everything into one file, while runs go on
    Backup(backup::BackupArgs),
    /// Make a new data directory of a backup. Runs that were under way go on when it is served
    Restore(backup::RestoreArgs),
    /// Delete what is kept no longer, and remove files that nothing names
    Gc(gc::Args),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Compile a component in this process. The host starts it; not for people
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

impl Cli {
    /// Do what was asked for.
    ///
    /// # Errors
    /// What went wrong, for [`report`].
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let work = match self.command {
            Command::CompilePlugin { input, output, memory_bytes, cpu_seconds, parent } => {
                let limits = compile::OwnLimits { memory_bytes, cpu_seconds, parent };
                return Ok(compile::run(&input, &output, limits));
            }
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "heddle", &mut std::io::stdout());
                return Ok(ExitCode::SUCCESS);
            }
            work => work,
        };
        umask::make_private();
        let quiet = !matches!(work, Command::Serve(_));
        logging::start(self.log_format, quiet)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let result = runtime.block_on(async {
            // On the heap: together the commands' futures are larger than a thread's stack should hold.
            match work {
                Command::Serve(args) => Box::pin(serve::run(args)).await,
                Command::Run(args) => Box::pin(run::run(args)).await,
                Command::Plugin(command) => Box::pin(plugin::run(command)).await,
                Command::Workflow(command) => Box::pin(workflow::run(command)).await,
                Command::Runs(command) => Box::pin(runs::run(command)).await,
                Command::Stats(args) => Box::pin(stats::run(args)).await,
                Command::Schedule(command) => Box::pin(schedule::run(command)).await,
                Command::Token(command) => Box::pin(token::run(command)).await,
                Command::Approvals(command) => Box::pin(approvals::run(command)).await,
                Command::Signal(signal) => Box::pin(approvals::signal(signal)).await,
                Command::Backup(args) => Box::pin(backup::backup(args)).await,
                Command::Gc(args) => Box::pin(gc::run(args)).await,
                Command::Restore(args) => Box::pin(backup::run_restore(args)).await,
                Command::CompilePlugin { .. } | Command::Completions { .. } => Ok(ExitCode::SUCCESS),
            }
        });
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        result
    }
}

/// Say what went wrong on standard error: the message, every single problem, and the causes below it.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let mut message = String::new();
    for (depth, cause) in error.chain().enumerate() {
        // Storage's own words below an engine's error are for the log.
        let text = match cause.downcast_ref::<Error>() {
            Some(error) => error.long(),
            None => cause.to_string(),
        };
        if depth == 0 {
            message = text;
        } else if !message.contains(&text) {
            message.push_str("\n  because: ");
            message.push_str(&text);
        }
    }
    eprintln!("error: {message}");
    exit_code(error)
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    let code = error.chain().find_map(|cause| cause.downcast_ref::<Error>()).map(Error::code);
    match code {
        Some(Code::Unavailable | Code::Internal) => ExitCode::FAILURE,
        _ => ExitCode::from(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn causes_are_told_once_and_the_exit_code_says_whose_fault_it_is() {
        let bad = anyhow::Error::from(Error::invalid("bad")).context("while reading");
        assert_eq!(format!("{:?}", exit_code(&bad)), format!("{:?}", ExitCode::from(2)));
        let down = anyhow::Error::from(Error::unavailable("down", "disk"));
        assert_eq!(format!("{:?}", exit_code(&down)), format!("{:?}", ExitCode::FAILURE));
    }
}
