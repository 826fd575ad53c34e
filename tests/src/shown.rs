//! A run as `pintle status RUN --output json` shows it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The whole object.
#[derive(Debug, Clone)]
pub struct Shown(pub Value);

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `succeeded`, `failed`, ...
    pub status: String,
    /// Which try.
    pub attempt: u64,
    /// When that try was claimed; empty if it never was.
    pub started_at: String,
    /// When it ended; empty if it did not.
    pub finished_at: String,
    /// Of its program.
    pub exit_code: Option<i64>,
    /// Why it stands so.
    pub message: String,
}

impl Shown {
    /// Of the run.
    #[must_use]
    pub fn status(&self) -> &str {
        text(&self.0, "status")
    }

    /// Its id.
    #[must_use]
    pub fn run(&self) -> &str {
        text(&self.0, "run")
    }

    /// All steps by name.
    #[must_use]
    pub fn steps(&self) -> BTreeMap<String, Step> {
        let steps = self.0.get("steps").and_then(Value::as_array).into_iter().flatten();
        steps.map(|step| (text(step, "name").to_owned(), Step::of(step))).collect()
    }

    /// One step.
    pub fn step(&self, name: &str) -> Result<Step> {
        self.steps().remove(name).with_context(|| format!("no step {name} in {}", self.0))
    }

    /// Fails unless every one of these steps stands as said.
    pub fn expect(&self, statuses: &[(&str, &str)]) -> Result<&Self> {
        for (name, status) in statuses {
            let step = self.step(name)?;
            ensure!(step.status == *status, "{name} is {} instead of {status}: {}", step.status, self.0);
        }
        Ok(self)
    }
}

impl Step {
    fn of(step: &Value) -> Self {
        let owned = |key: &str| text(step, key).to_owned();
        Self {
            status: owned("status"),
            attempt: step.get("attempt").and_then(Value::as_u64).unwrap_or_default(),
            started_at: owned("started_at"),
            finished_at: owned("finished_at"),
            exit_code: step.get("exit_code").and_then(Value::as_i64),
            message: owned("message"),
        }
    }
}

/// A field that is text; empty where it is not.
#[must_use]
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
