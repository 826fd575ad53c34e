//! `cargo xtask bench`: every figure that the house holds itself to, each with what is to be reached.
//!
//! | figure | what | by |
//! |---|---|---|
//! | `start`, `chain`, `fanout` | Pintle and its peer on DAGs that both run unchanged | [`race`] |
//! | `step` | a durable step that is pure Wasm | [`step`] |
//! | `instance` | a fresh instance and a call, and a warm call, of each embedded plugin | an example of the runtime |
//! | `append` | an append to the store | an example of the store |
//! | `spawn` | a program started by the worker, beside a bare one | an example of the worker |
//!
//! What the machine, its load and its disk were like is printed and kept with a figure: without them it says nothing.
//! Beside the printed lines each figure leaves `target/bench/<figure>.json`.

mod dags;
mod example;
mod machine;
mod peer;
mod race;
mod report;
mod sample;
mod side;
mod step;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::workspace::Workspace;
use crate::{demo, plugins, setup};
use example::Example;
use machine::Machine;
use race::Race;
use report::Report;
use side::Side;

/// What is measured, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which figures; all without one.
    figures: Vec<Figure>,
    /// Runs of each DAG; the examples repeat what they measure by themselves.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(5..))]
    runs: u32,
    /// Pintle alone.
    #[arg(long)]
    alone: bool,
}

/// A figure, or a few that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// One command step, the whole process.
    Start,
    /// 100 commands, one after the other.
    Chain,
    /// One command, then 100 at once, then one.
    Fanout,
    /// A durable step that is pure Wasm, in a chain and in a fan-out of 500.
    Step,
    /// A fresh instance and a call, and a warm call, of each embedded plugin.
    Instance,
    /// An append to the store.
    Append,
    /// A program started by the worker.
    Spawn,
}

/// How a figure is measured.
enum Way {
    Race(Race),
    Step,
    Example(Example),
}

impl Figure {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Chain => "chain",
            Self::Fanout => "fanout",
            Self::Step => "step",
            Self::Instance => "instance",
            Self::Append => "append",
            Self::Spawn => "spawn",
        }
    }

    fn way(self) -> Way {
        match self {
            Self::Start => Way::Race(Race::START),
            Self::Chain => Way::Race(Race::CHAIN),
            Self::Fanout => Way::Race(Race::FANOUT),
            Self::Step => Way::Step,
            Self::Instance => Way::Example(Example::INSTANCE),
            Self::Append => Way::Example(Example::APPEND),
            Self::Spawn => Way::Example(Example::SPAWN),
        }
    }
}

/// Measures, prints and keeps. Everything is built and fetched before the first figure is taken.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let figures = if options.figures.is_empty() { Figure::value_variants() } else { options.figures.as_slice() };
    let ways: Vec<(Figure, Way)> = figures.iter().map(|figure| (*figure, figure.way())).collect();
    setup::guests(workspace)?;
    plugins::build(workspace)?;
    demo::build(workspace)?;
    let examples: Vec<Example> = ways.iter().filter_map(|(_, way)| way.example()).collect();
    example::build(workspace, &examples)?;
    let sides = sides(workspace, options, ways.iter().any(|(_, way)| matches!(way, Way::Race(_))))?;
    let kept = workspace.target.join("bench");
    let scratch = Scratch::beside(kept.join("scratch"))?;
    let machine = Machine::look(&scratch.directory)?;
    println!("{machine}");
    for (figure, way) in ways {
        let mut report = Report::begin(figure.name(), way.title());
        match way {
            Way::Race(race) => race.run(&sides, options.runs, &scratch.directory, &mut report)?,
            Way::Step => step::run(&sides, options.runs, &scratch.directory, &mut report)?,
            Way::Example(example) => example.run(workspace, &scratch.directory, &mut report)?,
        }
        report.keep(&kept, &machine)?;
    }
    scratch.remove_old()
}

impl Way {
    fn title(&self) -> &'static str {
        match self {
            Self::Race(race) => race.title,
            Self::Step => "step: a durable step that is pure Wasm, whole processes less that of one step",
            Self::Example(example) => example.title,
        }
    }

    fn example(&self) -> Option<Example> {
        match self {
            Self::Example(example) => Some(*example),
            Self::Race(_) | Self::Step => None,
        }
    }
}

/// Pintle, and its peer where there is a race.
fn sides(workspace: &Workspace, options: &Options, race: bool) -> Result<Vec<Side>> {
    let mut sides = vec![Side { name: "pintle", program: workspace.pintle(), home: "PINTLE_HOME" }];
    if race && !options.alone {
        let program = peer::fetch(workspace, &workspace.target.join("bench-cache"))?;
        sides.push(Side { name: "dagu", program, home: "DAGU_HOME" });
    }
    Ok(sides)
}

/// A directory of this bench's own. It stays for a while, and what earlier ones left goes at the end: for some minutes
/// after many files were deleted, ext4 looks at each of their inodes whenever it makes a file, and that would be measured
/// by this bench, and by the next.
struct Scratch {
    all: PathBuf,
    directory: PathBuf,
    begun: Duration,
}

/// How long what a bench made stays at least.
const KEPT: Duration = Duration::from_secs(60 * 60);

impl Scratch {
    fn beside(all: PathBuf) -> Result<Self> {
        let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let directory = all.join(begun.as_millis().to_string());
        fs::create_dir_all(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        Ok(Self { all, directory, begun })
    }

    /// Removes what was made long ago; its name says when.
    fn remove_old(self) -> Result<()> {
        let old = self.begun.saturating_sub(KEPT).as_millis();
        for entry in fs::read_dir(&self.all).with_context(|| format!("{} cannot be read", self.all.display()))? {
            let path = entry?.path();
            let made = path.file_name().and_then(|name| name.to_str()?.parse::<u128>().ok());
            if path.is_dir() && made.is_none_or(|made| made < old) {
                fs::remove_dir_all(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
            }
        }
        Ok(())
    }
}
