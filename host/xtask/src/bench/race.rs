//! Pintle and its peer, in turn, in the same run, on DAGs that both run unchanged.
//!
//! A figure is the median of whole processes, from start to exit, with the least and the greatest beside it.

use std::path::Path;

use anyhow::Result;

use super::dags::{self, Action};
use super::report::{Figure, Report};
use super::sample::Series;
use super::side::Side;
use crate::workspace;

/// A DAG, and how its times are held against the peer's.
pub(super) struct Race {
    pub(super) title: &'static str,
    file: &'static str,
    dag: fn() -> String,
    /// How much of the peer's time is to be reached.
    share: f64,
    /// What Pintle may hold at most, in MiB.
    memory: Option<f64>,
}

impl Race {
    pub(super) const START: Self = Self {
        title: "start: one command step, whole process",
        file: "hello.yaml",
        dag: dags::hello,
        share: 0.6,
        memory: Some(32.0),
    };
    pub(super) const CHAIN: Self = Self {
        title: "chain: 100 commands, one after the other",
        file: "chain.yaml",
        dag: || dags::chain(Action::Command, 100),
        share: 0.3,
        memory: None,
    };
    pub(super) const FANOUT: Self = Self {
        title: "fanout: 1 -> 100 -> 1 commands",
        file: "fanout.yaml",
        dag: || dags::fanout(Action::Command, 100),
        share: 0.2,
        memory: None,
    };

    /// Each side in turn, so that what disturbs the machine disturbs both.
    pub(super) fn run(&self, sides: &[Side], runs: u32, scratch: &Path, report: &mut Report) -> Result<()> {
        let dag = scratch.join(self.file);
        workspace::write_if_changed(&dag, (self.dag)().as_bytes())?;
        let mut series: Vec<Series> = Vec::new();
        for side in sides {
            let first = side.run(&dag, scratch)?;
            let what = format!("{}: first start in an empty directory", side.name);
            report.add(Figure::new(what, "ms").value("once", first.milliseconds()));
            series.push(Series::default());
        }
        for _ in 0..runs {
            for (side, series) in sides.iter().zip(&mut series) {
                series.push(side.run(&dag, scratch)?);
            }
        }
        for (side, series) in sides.iter().zip(&series) {
            report.add(series.times(side.name));
            let memory = Figure::new(format!("{}: memory", side.name), "MiB").value("most", series.memory());
            report.add(match self.memory.filter(|_| side.name == "pintle") {
                Some(most) => memory.at_most(most),
                None => memory,
            });
        }
        if let [ours, theirs] = series.as_slice()
            && let Some(ratio) = ours.ratio(theirs)
        {
            report.add(Figure::new("pintle / dagu", "x").value("ratio", ratio).at_most(self.share));
        }
        Ok(())
    }
}
