//! Development commands: `cargo xtask demo`, `cargo xtask test`, and the parts that they are made of.
//!
//! | module | holds |
//! |---|---|
//! | [`setup`], [`toolchain`] | what must be installed, and the one place that knows how guests are compiled |
//! | [`plugins`] | guests -> components -> staged rows, in `target/plugins` |
//! | [`demo`], [`test`], [`readme`] | the two commands of the README |
//! | [`fuzz`] | searching for inputs that break a promise |
//! | [`bench`] | the figures that the house holds itself to |
//! | [`tidy`] | the rules of the house, as programs |
//! | [`workspace`], [`shell`], [`stamp`] | where things are, running programs, doing nothing twice |

mod bench;
mod demo;
mod fuzz;
mod plugins;
mod readme;
mod setup;
mod shell;
mod stamp;
mod test;
mod tidy;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use workspace::Workspace;

/// Builds, checks and shows Pintle.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing.
    Setup,
    /// Set up, build everything, and run examples/etl.yaml live.
    Demo,
    /// Set up, build, and run the whole suite.
    Test,
    /// Take the figures, each with what is to be reached; some in turn with the peer.
    Bench(bench::Options),
    /// Search for inputs that break a promise: DAG files, expressions, schedules, output files, commands to runs.
    Fuzz(fuzz::Options),
    /// Check the rules of the house.
    Tidy,
    /// Build the first-party plugins into target/plugins.
    Plugins,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Setup => setup::everything(&workspace).map(drop),
        Command::Demo => demo::run(&workspace),
        Command::Test => test::run(&workspace),
        Command::Bench(options) => bench::run(&workspace, options),
        Command::Fuzz(options) => fuzz::run(&workspace, options),
        Command::Tidy => tidy::run(&workspace),
        Command::Plugins => {
            setup::guests(&workspace)?;
            plugins::build(&workspace)
        }
    }
}
