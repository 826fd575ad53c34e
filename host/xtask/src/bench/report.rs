//! Figures as they are printed and as they are kept.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::machine::Machine;
use crate::workspace;

/// One thing that was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    what: String,
    unit: &'static str,
    /// The first is the one that is judged.
    values: Vec<(&'static str, f64)>,
    /// From how many.
    of: Option<usize>,
    /// What the first value may be at most.
    target: Option<f64>,
}

impl Figure {
    pub(super) fn new(what: impl Into<String>, unit: &'static str) -> Self {
        Self { what: what.into(), unit, values: Vec::new(), of: None, target: None }
    }

    pub(super) fn value(mut self, name: &'static str, value: f64) -> Self {
        self.values.push((name, value));
        self
    }

    pub(super) fn of(mut self, count: usize) -> Self {
        self.of = Some(count);
        self
    }

    pub(super) fn at_most(mut self, target: f64) -> Self {
        self.target = Some(target);
        self
    }

    pub(super) fn what(&self) -> &str {
        &self.what
    }

    /// The same, said to be of something.
    pub(super) fn named(mut self, whose: &str) -> Self {
        self.what = format!("{whose}: {}", self.what);
        self
    }

    fn is_reached(&self) -> Option<bool> {
        let (_, judged) = self.values.first()?;
        self.target.map(|target| *judged <= target)
    }

    fn json(&self) -> Value {
        let values = self.values.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        let values: Map<String, Value> = values.collect();
        json!({
            "what": self.what, "unit": self.unit, "values": values, "of": self.of,
            "target": self.target, "reached": self.is_reached(),
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<44}", self.what)?;
        for (name, value) in &self.values {
            write!(f, "  {name} {}", number(*value))?;
        }
        write!(f, " {}", self.unit)?;
        if let Some(of) = self.of {
            write!(f, ", of {of}")?;
        }
        if let (Some(target), Some(reached)) = (self.target, self.is_reached()) {
            write!(f, "; to reach: {}: {}", number(target), if reached { "reached" } else { "MISSED" })?;
        }
        Ok(())
    }
}

/// Three digits or more that say something.
fn number(value: f64) -> String {
    match value.abs() {
        small if small < 1.0 => format!("{value:.3}"),
        middle if middle < 10.0 => format!("{value:.2}"),
        _ => format!("{value:.1}"),
    }
}

/// The figures of one name.
#[derive(Debug)]
pub(super) struct Report {
    name: &'static str,
    title: &'static str,
    figures: Vec<Figure>,
}

impl Report {
    pub(super) fn begin(name: &'static str, title: &'static str) -> Self {
        println!("\n{title}");
        Self { name, title, figures: Vec::new() }
    }

    pub(super) fn add(&mut self, figure: Figure) {
        println!("  {figure}");
        self.figures.push(figure);
    }

    /// Writes `<name>.json` into a directory.
    pub(super) fn keep(&self, directory: &Path, machine: &Machine) -> Result<()> {
        let path = directory.join(format!("{}.json", self.name));
        let figures: Vec<Value> = self.figures.iter().map(Figure::json).collect();
        let kept = json!({ "name": self.name, "title": self.title, "machine": machine, "figures": figures });
        workspace::write_if_changed(&path, format!("{kept:#}\n").as_bytes())?;
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_figure_says_whether_it_reached_its_target() {
        let figure = Figure::new("step", "ms").value("median", 0.45).value("max", 12.0).of(7);
        let line = |figure: &Figure| figure.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(line(&figure), "step median 0.450 max 12.0 ms, of 7");
        let (reached, missed) = (figure.clone().at_most(0.5), figure.at_most(0.4));
        assert!(line(&reached).ends_with("of 7; to reach: 0.500: reached"), "{reached}");
        assert!(line(&missed).ends_with("of 7; to reach: 0.400: MISSED"), "{missed}");
        assert_eq!(missed.json()["reached"], false);
        assert_eq!(missed.json()["values"]["median"], 0.45);
    }

    #[test]
    fn what_is_kept_has_the_machine_with_it() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let machine = Machine::look(directory.path()).expect("a machine");
        let mut report = Report::begin("append", "append: one");
        report.add(Figure::new("a", "us").value("p50", 1.0));
        report.keep(directory.path(), &machine).expect("it writes");
        let kept = std::fs::read_to_string(directory.path().join("append.json")).expect("it is there");
        let kept: Value = serde_json::from_str(&kept).expect("it is JSON");
        assert_eq!(kept["figures"][0]["values"]["p50"], 1.0);
        assert!(kept["machine"]["fsync_p50_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{kept}");
    }
}
