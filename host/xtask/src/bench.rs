//! `cargo xtask bench`: Pintle and its peer, in turn, in the same run, on DAGs that both run unchanged.
//!
//! A figure is the median of whole processes, from start to exit, with the least and the greatest beside it. What the
//! machine, its load and its disk were like is printed with it: without them a figure says nothing.

mod dags;
mod machine;
mod peer;
mod sample;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::workspace::{self, Workspace};
use crate::{demo, plugins, setup, shell};
use sample::{Sample, Series};

/// What is measured, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which figures; all without one.
    figures: Vec<Figure>,
    /// Runs of each side.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    /// Pintle alone.
    #[arg(long)]
    alone: bool,
}

/// A DAG, and how its times are held against the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// One command step, the whole process.
    Start,
    /// 100 commands, one after the other.
    Chain,
    /// One command, then 100 at once, then one.
    Fanout,
}

impl Figure {
    const ALL: [Self; 3] = [Self::Start, Self::Chain, Self::Fanout];

    fn title(self) -> &'static str {
        match self {
            Self::Start => "start: one command step, whole process",
            Self::Chain => "chain: 100 commands, one after the other",
            Self::Fanout => "fanout: 1 -> 100 -> 1 commands",
        }
    }

    fn dag(self) -> String {
        match self {
            Self::Start => dags::hello(),
            Self::Chain => dags::chain(100),
            Self::Fanout => dags::fanout(100),
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Start => "hello.yaml",
            Self::Chain => "chain.yaml",
            Self::Fanout => "fanout.yaml",
        }
    }

    /// How much of the peer's time is to be reached.
    fn target(self) -> f64 {
        match self {
            Self::Start => 0.6,
            Self::Chain => 0.3,
            Self::Fanout => 0.2,
        }
    }
}

/// One of the two sides.
struct Side {
    name: &'static str,
    program: PathBuf,
    /// The variable that names its data directory.
    home: &'static str,
}

impl Side {
    fn start(&self, dag: &Path, home: &Path) -> Command {
        let mut command = shell::program(home, &self.program);
        command.arg("start").arg(dag).env(self.home, home);
        command
    }
}

/// Measures, and prints.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::guests(workspace)?;
    plugins::build(workspace)?;
    demo::build(workspace)?;
    let cache = workspace.target.join("bench-cache");
    let mut sides = vec![Side { name: "pintle", program: workspace.pintle(), home: "PINTLE_HOME" }];
    if !options.alone {
        sides.push(Side { name: "dagu", program: peer::fetch(workspace, &cache)?, home: "DAGU_HOME" });
    }
    let scratch = workspace.target.join("bench");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).with_context(|| format!("{} cannot be removed", scratch.display()))?;
    }
    fs::create_dir_all(&scratch).with_context(|| format!("{} cannot be made", scratch.display()))?;
    machine::describe(&scratch)?;
    let figures = if options.figures.is_empty() { Figure::ALL.to_vec() } else { options.figures.clone() };
    for figure in figures {
        measure(figure, &sides, options.runs, &scratch)?;
    }
    Ok(())
}

/// Each side in turn, so that what disturbs the machine disturbs both.
fn measure(figure: Figure, sides: &[Side], runs: u32, scratch: &Path) -> Result<()> {
    println!("\n{}", figure.title());
    let dag = scratch.join(figure.file());
    workspace::write_if_changed(&dag, figure.dag().as_bytes())?;
    let mut series: Vec<Series> = Vec::new();
    for side in sides {
        let first = once(side, &dag, scratch)?;
        println!("  {:<8} first start in an empty directory {}", side.name, first.shown());
        series.push(Series::default());
    }
    for _ in 0..runs {
        for (side, series) in sides.iter().zip(&mut series) {
            series.push(once(side, &dag, scratch)?);
        }
    }
    for (side, series) in sides.iter().zip(&series) {
        println!("  {:<8} {}", side.name, series.shown());
    }
    if let [ours, theirs] = series.as_slice()
        && let Some(ratio) = ours.ratio(theirs)
    {
        let target = figure.target();
        let word = if ratio <= target { "reached" } else { "MISSED" };
        println!("  pintle / dagu = {ratio:.2}; to reach: {target:.1}: {word}");
    }
    Ok(())
}

/// One run that must succeed.
fn once(side: &Side, dag: &Path, scratch: &Path) -> Result<Sample> {
    let home = scratch.join(side.name);
    fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
    let mut command = side.start(dag, &home);
    let (sample, status) = sample::take(&mut command)?;
    if !status.success() {
        bail!("`{}` failed ({status}): a figure of a failure says nothing", shell::shown(&command));
    }
    Ok(sample)
}
