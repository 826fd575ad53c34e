//! What a step knows of the push-backs that made it run again: variables, and `${context.pushback.*}`.

use std::collections::BTreeMap;

use pintle_core::plan::Step;
use pintle_core::time::Timestamp;
use serde_json::{Value, json};

/// Bytes of the history that one variable holds: what is longest ago is left out first.
const MAX_HISTORY: usize = 30 << 10;

/// The push-backs of one step in this attempt of its run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushBackFacts {
    /// The first first.
    pub history: Vec<PushBackFact>,
    /// The log of what the step printed before the last of them.
    pub previous_stdout_file: Option<String>,
}

/// One push-back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushBackFact {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, if that was said.
    pub reason: Option<String>,
    /// What was given with it.
    pub inputs: Vec<(String, String)>,
}

impl PushBackFacts {
    /// When the last one came.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.history.last().map(|last| last.at)
    }

    /// What the last one gave, as far as the step wants it.
    pub(super) fn inputs<'f>(&'f self, step: &'f Step) -> impl Iterator<Item = &'f (String, String)> {
        self.history.last().into_iter().flat_map(|last| shown(last, step))
    }

    /// Dagu's names with their values.
    pub(super) fn variables(&self, step: &Step) -> [(&'static str, Option<String>); 3] {
        let some = !self.history.is_empty();
        [
            ("DAG_PUSHBACK", some.then(|| self.payload(step).to_string())),
            ("DAG_PUSHBACK_ITERATION", some.then(|| self.history.len().to_string())),
            ("DAG_PUSHBACK_PREVIOUS_STDOUT_FILE", self.previous_stdout_file.clone()),
        ]
    }

    /// The number is there before the first one too: it is 0.
    pub(super) fn context(&self, step: &Step) -> BTreeMap<&'static str, String> {
        let last = self.history.last();
        let facts = [
            ("pushback.iteration", Some(self.history.len().to_string())),
            ("pushback.by", last.map(|last| last.by.clone())),
            ("pushback.at", last.map(|last| instant(last.at))),
            ("pushback.reason", last.and_then(|last| last.reason.clone())),
            ("pushback.inputs", last.map(|last| inputs(last, step).to_string())),
            ("pushback.previous_stdout_file", self.previous_stdout_file.clone()),
        ];
        facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn payload(&self, step: &Step) -> Value {
        let mut left = MAX_HISTORY;
        let mut kept = Vec::new();
        for (place, fact) in self.history.iter().enumerate().rev() {
            let entry = entry(place + 1, fact, step);
            let Some(rest) = left.checked_sub(entry.to_string().len()) else { break };
            left = rest;
            kept.push(entry);
        }
        kept.reverse();
        let mut payload = self.history.last().map(|last| entry(self.history.len(), last, step)).unwrap_or_default();
        if let Some(object) = payload.as_object_mut() {
            object.insert("history".to_owned(), kept.into());
        }
        payload
    }
}

fn entry(number: usize, fact: &PushBackFact, step: &Step) -> Value {
    let mut entry = json!({ "iteration": number, "by": fact.by, "at": instant(fact.at), "inputs": inputs(fact, step) });
    if let (Some(object), Some(reason)) = (entry.as_object_mut(), &fact.reason) {
        object.insert("reason".to_owned(), reason.as_str().into());
    }
    entry
}

fn inputs(fact: &PushBackFact, step: &Step) -> Value {
    shown(fact, step).map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect()
}

/// A step that lists its inputs is given no others.
fn shown<'f>(fact: &'f PushBackFact, step: &'f Step) -> impl Iterator<Item = &'f (String, String)> {
    let listed = step.approval.as_ref().map(|approval| approval.input.as_slice()).unwrap_or_default();
    fact.inputs.iter().filter(move |(name, _)| listed.is_empty() || listed.contains(name))
}

/// RFC 3339, in UTC, to the second.
#[must_use]
pub fn instant(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_millis() / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}
