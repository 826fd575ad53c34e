//! Arguments of the commands that are about schedules.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  pintle scheduler preview flow.yaml
  pintle scheduler preview dags/*.yaml --from 2026-03-28 --zone Europe/Berlin")]
pub(crate) enum Scheduler {
    /// Show the next instants at which DAGs start, stop or restart by their schedules; nothing is started
    Preview(Preview),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pintle scheduler preview nightly.yaml
  pintle scheduler preview dags/*.yaml --count 20
  pintle scheduler preview nightly.yaml --from 2026-03-28 --zone Europe/Berlin
  pintle scheduler preview nightly.yaml --from 2026-03-28T00:00:00Z --output json

Instants are those behind --from, of all files together, in their order. Each is shown as clocks of its schedule's zone \
show it, with that zone's distance from UTC. With --from, and with --zone or zones in the files, the answer is the same \
on every machine: the rules of time zones are part of the program. Ends with 1 if a file is not a valid DAG.")]
pub(crate) struct Preview {
    /// DAG files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Behind a day (2026-03-28), a local time (2026-03-28T08:00) or an instant (2026-03-28T08:00:00Z) [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// How many instants
    #[arg(long, short = 'n', default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    pub(crate) count: u32,
    /// Time zone of schedules that name none, and of --from [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}
