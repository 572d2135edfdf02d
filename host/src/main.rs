//! The `heddle` binary: parses the command line, runs it, and says what went wrong.

use std::process::ExitCode;

use clap::Parser as _;
use heddle::cli::{Cli, report};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}
