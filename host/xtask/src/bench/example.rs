//! Figures that an example of a crate takes, of what only that crate can see. It prints lines of one form,
//! `WHAT p50 12.3 us p99 45.6 us (3000 times)`; other lines are shown as they are.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::report::{Figure, Report};
use crate::shell;
use crate::workspace::{self, Workspace};

/// An example, and what is to be reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Example {
    pub(super) title: &'static str,
    name: &'static str,
    /// It is run once for each embedded plugin, and is told its files.
    each_plugin: bool,
    /// The figure that is judged, and its p50 in microseconds.
    target: Option<(&'static str, f64)>,
}

impl Example {
    pub(super) const INSTANCE: Self = Self {
        title: "instance: each embedded plugin in the worker engine, all limits set",
        name: "bench_instance",
        each_plugin: true,
        target: Some(("fresh instance + call, worker engine", 45.0)),
    };
    pub(super) const APPEND: Self = Self {
        title: "append: a settle and a claim in one transaction, through the whole async path",
        name: "bench_append",
        each_plugin: false,
        target: Some(("Process: append, one after another", 100.0)),
    };
    pub(super) const SPAWN: Self = Self {
        title: "spawn: `sh -c true` by the worker, beside a bare one (no target: it is part of chain and fanout)",
        name: "spawn_cost",
        each_plugin: false,
        target: None,
    };

    /// Runs it to its end.
    pub(super) fn run(self, workspace: &Workspace, scratch: &Path, report: &mut Report) -> Result<()> {
        if !self.each_plugin {
            return self.once(workspace, scratch, &[], None, report);
        }
        let out = workspace.plugins_out();
        let index: Vec<Plugin> = serde_json::from_str(&workspace::read(&out.join("index.json"))?)
            .with_context(|| format!("{} is no list of plugins", out.join("index.json").display()))?;
        for plugin in index {
            let files = [out.join(&plugin.wasm), out.join(&plugin.manifest)];
            self.once(workspace, scratch, &files, Some(&plugin.name), report)?;
        }
        Ok(())
    }

    fn once(
        self,
        workspace: &Workspace,
        scratch: &Path,
        arguments: &[std::path::PathBuf],
        whose: Option<&str>,
        report: &mut Report,
    ) -> Result<()> {
        let program = workspace.release("examples").join(self.name);
        for line in shell::output(shell::program(scratch, program).args(arguments))?.lines() {
            match self.read(line) {
                Some(figure) => report.add(match whose {
                    Some(whose) => figure.named(whose),
                    None => figure,
                }),
                None => println!("  {line}"),
            }
        }
        Ok(())
    }

    fn read(self, line: &str) -> Option<Figure> {
        let figure = read(line)?;
        Some(match self.target {
            Some((what, target)) if what == figure.what() => figure.at_most(target),
            _ => figure,
        })
    }
}

/// A line of `index.json`, as far as it is wanted here.
#[derive(Debug, Deserialize)]
struct Plugin {
    name: String,
    wasm: String,
    manifest: String,
}

/// Builds examples as everything in release is built: with the whole workspace, so that what is large is compiled once.
pub(super) fn build(workspace: &Workspace, examples: &[Example]) -> Result<()> {
    if examples.is_empty() {
        return Ok(());
    }
    let mut cargo = shell::cargo(&workspace.root);
    cargo.args(["build", "--locked", "--release", "--workspace"]);
    for example in examples {
        cargo.args(["--example", example.name]);
    }
    shell::run(&mut cargo)
}

/// `WHAT p50 12.3 us p99 45.6 us (3000 times)`.
fn read(line: &str) -> Option<Figure> {
    let (what, rest) = line.split_once(" p50 ")?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let [p50, "us", "p99", p99, "us", of, "times)"] = words.as_slice() else { return None };
    let of = of.strip_prefix('(')?.parse().ok()?;
    Some(Figure::new(what.trim(), "us").value("p50", p50.parse().ok()?).value("p99", p99.parse().ok()?).of(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_examples_are_read_and_judged() {
        let line = "Process: append, one after another           p50     84.1 us  p99    143.7 us  (3000 times)";
        let figure = Figure::new("Process: append, one after another", "us").value("p50", 84.1).value("p99", 143.7);
        assert_eq!(Example::APPEND.read(line), Some(figure.clone().of(3000).at_most(100.0)));
        assert_eq!(Example::SPAWN.read(line), Some(figure.of(3000)));
    }

    #[test]
    fn other_lines_are_no_figures() {
        for line in ["component of 14 KiB", "submissions by 64 at once  4800/s", "x p50 a us p99 1 us (1 times)", ""] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
