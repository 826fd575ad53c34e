//! What `--output json` prints: one object a line.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shown::{Shown, text};

/// All objects of one command, in order.
#[derive(Debug, Clone)]
pub struct Lines(pub Vec<Value>);

impl Lines {
    /// Every line must be an object with `event` and `run`.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(|line| {
            let value: Value = serde_json::from_str(line).with_context(|| format!("not a line of JSON: {line}"))?;
            let whole = ["event", "run"].iter().all(|key| value.get(key).is_some_and(Value::is_string));
            anyhow::ensure!(whole, "no `event`, or no `run`: {line}");
            Ok(value)
        });
        lines.collect::<Result<_>>().map(Self)
    }

    /// As [`Lines::parse`], of a process that may have been killed in the middle of a line.
    pub fn parse_cut(text: &str) -> Result<Self> {
        Self::parse(text.rfind('\n').and_then(|end| text.get(..=end)).unwrap_or_default())
    }

    /// The objects of one kind of event.
    pub fn of<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |line| text(line, "event") == event)
    }

    /// The steps of one kind of event, in order.
    #[must_use]
    pub fn steps(&self, event: &str) -> Vec<String> {
        self.of(event).map(|line| text(line, "step").to_owned()).collect()
    }

    /// What one step printed on a channel.
    #[must_use]
    pub fn printed(&self, step: &str, channel: &str) -> Vec<String> {
        let lines = self.of("output").filter(|line| text(line, "step") == step && text(line, "channel") == channel);
        lines.map(|line| text(line, "line").to_owned()).collect()
    }

    /// The last line, which says how the run ended.
    pub fn result(&self) -> Result<Shown> {
        let last = self.0.last().context("nothing was printed")?;
        anyhow::ensure!(text(last, "event") == "result", "the last line is no result: {last}");
        Ok(Shown(last.clone()))
    }
}
