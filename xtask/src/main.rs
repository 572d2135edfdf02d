//! The project's own commands: `cargo xtask build-plugins | build | demo | test | soak | bench | bench-trial`.
//!
//! What a shell script would do, in the language of the project, so that it runs wherever the project builds.
//! Nothing here knows the host's code: the binary is run and the API is asked, as a user would.

mod bench;
mod bundle;
mod command;
mod demo;
mod guest;
mod postgres;
mod soak;
mod test;
mod toolchain;
mod trial;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use toolchain::Choice;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, shows and tests Heddle", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile the plugins to components: <target dir>/plugins/*.wasm, examples in plugins/examples/
    BuildPlugins {
        /// The compiler for WebAssembly: rustup's, Debian's, or whichever is there
        #[arg(long, value_enum, default_value_t = Choice::Auto)]
        wasm_toolchain: Choice,
    },
    /// Build the plugins, and the host that carries them
    Build {
        /// Build the host in the dev profile instead of the release profile
        #[arg(long)]
        debug: bool,
    },
    /// Build everything, analyse sample tickets and a sample trial, contain a hostile plugin, survive a kill -9
    Demo,
    /// Build everything and run all tests
    Test,
    /// Build everything, and kill the host again and again with many runs in flight: nothing is lost or done twice
    Soak(soak::Arguments),
    /// Measure whole workloads on the release host, beside what the machine itself can do
    Bench(bench::Arguments),
    /// Measure a large clinical trial in the sandbox, beside the same statistics in Python
    BenchTrial(trial::Arguments),
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let workspace = workspace::Workspace::find()?;
    match &arguments.command {
        Command::BuildPlugins { wasm_toolchain } => {
            guest::build(&workspace, *wasm_toolchain)?;
        }
        Command::Build { debug } => {
            guest::build(&workspace, Choice::Auto)?;
            let host = workspace.build_host(*debug)?;
            println!("Built {}", workspace.shown(&host));
        }
        Command::Demo => demo::run(&workspace)?,
        Command::Test => test::run(&workspace)?,
        Command::Soak(arguments) => soak::run(&workspace, arguments)?,
        Command::Bench(arguments) => bench::run(&workspace, arguments)?,
        Command::BenchTrial(arguments) => trial::run(&workspace, arguments)?,
    }
    Ok(())
}
