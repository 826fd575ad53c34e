//! A durable step that is pure Wasm: what a whole process takes longer for many of them than for one, shared among
//! them. The start of the process, of the store and of the first instance are so left out, and nothing else is.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::dags::{self, Action};
use super::report::{Figure, Report};
use super::sample::Series;
use super::side::Side;
use crate::workspace;

/// The two lengths of a chain by which one sees whether a step's cost depends on the length.
const LENGTHS: [usize; 2] = [50, 500];
/// How many steps stand side by side.
const WIDTH: usize = 500;

/// Milliseconds a step, in a chain and in a fan-out; of the action that computes. `noop` stands beside it.
const CHAIN: f64 = 0.5;
const FANOUT: f64 = 0.2;

/// A DAG, and its runs.
struct Shape {
    what: String,
    file: PathBuf,
    /// Beyond the one of the DAG that it is held against.
    more: usize,
    target: Option<f64>,
    series: Series,
}

/// Measures both actions on Pintle, which is the first side.
pub(super) fn run(sides: &[Side], runs: u32, scratch: &Path, report: &mut Report) -> Result<()> {
    let pintle = sides.first().context("there is no program to measure")?;
    for action in [Action::Jq, Action::Noop] {
        let mut shapes = shapes(action, scratch)?;
        // The first run in a directory makes it: it is nobody's figure.
        for shape in &shapes {
            pintle.run(&shape.file, scratch)?;
        }
        for _ in 0..runs {
            for shape in &mut shapes {
                shape.series.push(pintle.run(&shape.file, scratch)?);
            }
        }
        let [one, many @ ..] = shapes.as_slice() else { continue };
        report.add(one.series.times(&one.what));
        many.iter().filter_map(|shape| shape.figure(&one.series)).for_each(|figure| report.add(figure));
    }
    Ok(())
}

/// A run of one step first; targets are for the action that computes.
fn shapes(action: Action, scratch: &Path) -> Result<Vec<Shape>> {
    let name = action.name();
    let judged = |target: f64| (action == Action::Jq).then_some(target);
    let mut dags = vec![(format!("{name}: a run of one step"), dags::chain(action, 1), 0, None)];
    for length in LENGTHS {
        let what = format!("{name}: a step in a chain of {length}");
        dags.push((what, dags::chain(action, length), length - 1, judged(CHAIN)));
    }
    let what = format!("{name}: a step in a fan-out of {WIDTH}");
    dags.push((what, dags::fanout(action, WIDTH), WIDTH + 1, judged(FANOUT)));
    let mut shapes = Vec::with_capacity(dags.len());
    for (number, (what, dag, more, target)) in dags.into_iter().enumerate() {
        let file = scratch.join(format!("{name}-{number}.yaml"));
        workspace::write_if_changed(&file, dag.as_bytes())?;
        shapes.push(Shape { what, file, more, target, series: Series::default() });
    }
    Ok(shapes)
}

impl Shape {
    /// Milliseconds a step, beyond the median run of one.
    fn figure(&self, one: &Series) -> Option<Figure> {
        let (least, median, most) = self.series.spread()?;
        let (_, base, _) = one.spread()?;
        let a_step = |whole: f64| (whole - base) / self.more as f64;
        let figure = Figure::new(&self.what, "ms")
            .value("median", a_step(median))
            .value("min", a_step(least))
            .value("max", a_step(most))
            .of(self.series.len());
        Some(match self.target {
            Some(target) => figure.at_most(target),
            None => figure,
        })
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_its_share_of_what_many_take_longer() {
        let series = |times: &[u64]| times.iter().copied().collect::<Series>();
        let shape = Shape {
            what: "a step".into(),
            file: PathBuf::new(),
            more: 100,
            target: Some(0.3),
            series: series(&[50, 60, 40]),
        };
        let figure = shape.figure(&series(&[10, 9, 30])).expect("a figure");
        let wanted = Figure::new("a step", "ms").value("median", 0.4).value("min", 0.3).value("max", 0.5).of(3);
        assert_eq!(figure, wanted.at_most(0.3));
    }

    #[test]
    fn each_action_is_held_against_its_own_run_of_one_step() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        for (action, judged) in [(Action::Jq, 3), (Action::Noop, 0)] {
            let shapes = shapes(action, scratch.path()).expect("it writes");
            let more: Vec<usize> = shapes.iter().map(|shape| shape.more).collect();
            assert_eq!(more, [0, 49, 499, 501]);
            assert_eq!(shapes.iter().filter(|shape| shape.target.is_some()).count(), judged);
            for shape in &shapes {
                let dag = std::fs::read_to_string(&shape.file).expect("it was written");
                assert_eq!(dag.matches("- name:").count(), shape.more + 1, "{}", shape.what);
            }
        }
    }
}
