//! Fan-out: `dag.run`, `dag.enqueue`, `parallel` and `foreach`, from what is written to what comes back.
//!
//! | module | holds |
//! |---|---|
//! | `read`, `body` | the fields of a step, and the steps of a `foreach` |
//! | `expand` | a claimed step: its children |
//! | `aggregate`, `outputs` | finished children: what the step amounts to |
//!
//! The danger is number: a few bytes of text name a hundred thousand children. The rule: items, their bytes and the
//! work of evaluating them are bounded before the first child is made.

mod aggregate;
mod body;
mod expand;
mod outputs;
mod read;

pub use aggregate::{Aggregate, ItemEnd, QueuedRun, aggregate};
pub use expand::expand;
pub use outputs::{collect, run_outputs};

pub(crate) use body::{dress, fans};
pub(crate) use read::{read_call_form, read_dag_run, read_dag_step, read_foreach};

use pintle_core::plan::{Child, Fan, FanForm, Plan};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bind::GivenParams;
use crate::eval::{EvalError, Fan as ItemForm, ItemFacts};
use crate::limits::{MAX_FAN_BYTES, MAX_KEY_BYTES};

/// One child, as the fan-out's items say. Stored as JSON with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FanItem {
    /// Tells it apart from its siblings, in this and every other try: of `foreach` its key, else the DAG and its
    /// parameters.
    pub key: String,
    /// The item itself; null where nothing is fanned out.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub value: Value,
    /// Which DAG it runs; none: the body of a `foreach`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dag: Option<String>,
    /// Its parameters: text, a list of words and maps, or a map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
}

/// Why a step cannot become children, or its children no result: it fails with this sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FanError {
    /// The plan has no such step.
    #[error("the plan has no step {0}; submit the DAG again")]
    NoStep(u32),
    /// The step is of another kind.
    #[error("the step `{0}` has no children; submit the DAG again")]
    NoFan(String),
    /// A text has no value.
    #[error("`{field}` of the step `{step}`: {source}")]
    Eval {
        /// Name of the step.
        step: String,
        /// Which of its fields.
        field: &'static str,
        /// Why.
        #[source]
        source: EvalError,
    },
    /// The text of `foreach.items` came to something else.
    #[error("foreach.items string must resolve to a JSON array, and that of the step `{step}` is {found}")]
    NoArray {
        /// Name of the step.
        step: String,
        /// What it is.
        found: &'static str,
    },
    /// The text of `parallel` cannot be cut into items.
    #[error("`parallel` of the step `{step}`: {reason}")]
    NoItems {
        /// Name of the step.
        step: String,
        /// Why.
        reason: String,
    },
    /// More children than a step may have.
    #[error("`{form}` of the step `{step}` has {count} items and may have {most}; split the list")]
    TooMany {
        /// `parallel` or `foreach`.
        form: &'static str,
        /// Name of the step.
        step: String,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// Children that could not be told apart.
    #[error("duplicate foreach item key `{key}` in the step `{step}`: items {first} and {second} have it")]
    DuplicateKey {
        /// Name of the step.
        step: String,
        /// The key.
        key: String,
        /// Place of the first, from 0.
        first: usize,
        /// Place of the second.
        second: usize,
    },
    /// A key that is none.
    #[error("the key of item {at} in the step `{step}` has {bytes} bytes and may have 1 to {MAX_KEY_BYTES}")]
    BadKey {
        /// Name of the step.
        step: String,
        /// Place of the item, from 0.
        at: usize,
        /// Length of its key.
        bytes: usize,
    },
    /// A DAG that did not come with the plan.
    #[error("the step `{step}` runs the DAG `{dag}`, which did not come with this run; {hint}")]
    NoDag {
        /// Name of the step.
        step: String,
        /// Name of the DAG.
        dag: String,
        /// What to do.
        hint: String,
    },
    /// Items and parameters are stored with the run.
    #[error(
        "the items and parameters of the step `{0}` have more than {MAX_FAN_BYTES} bytes in all; pass names of files"
    )]
    TooLarge(String),
    /// The plan holds JSON that is none.
    #[error("the items of the step `{step}` are not JSON: {error}; submit the DAG again")]
    NotJson {
        /// Name of the step.
        step: String,
        /// Why.
        error: String,
    },
}

impl FanItem {
    /// What the texts of a `foreach` body see of their item. None where the child is a DAG of its own, which sees only
    /// its parameters.
    #[must_use]
    pub fn facts(&self, fan: &Fan, index: usize) -> Option<ItemFacts> {
        match fan.form {
            FanForm::Dag | FanForm::Parallel => None,
            FanForm::Foreach => {
                let fan = ItemForm::Foreach { key: self.key.clone(), alias: fan.alias.clone() };
                Some(ItemFacts { fan, index, value: self.value.clone() })
            }
        }
    }

    /// What the child's plan is given as parameters. None for a body: the parameters of the run around it are its own,
    /// and they are bound already.
    #[must_use]
    pub fn given(&self) -> GivenParams {
        match &self.params {
            None => GivenParams::None,
            Some(Value::String(text)) => GivenParams::Text(text.clone()),
            Some(Value::Array(items)) => GivenParams::Words(items.iter().flat_map(words).collect()),
            Some(other) => GivenParams::Text(other.to_string()),
        }
    }

    /// The plan of the child, ready to be a run's: it brings the DAGs along that its own steps may run.
    #[must_use]
    pub fn plan(&self, parent: &Plan, fan: &Fan) -> Option<Plan> {
        match &fan.child {
            Child::Dag(_) => parent.dag(self.dag.as_deref()?),
            Child::Body(body) => Some(Plan { dags: parent.dags.clone(), ..Plan::clone(body) }),
        }
    }

    /// Its parameters as one text, which `--params` would read as the same.
    fn params_text(&self) -> String {
        match &self.params {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(items)) => {
                let words: Vec<String> = items.iter().flat_map(words).map(|word| quoted(&word)).collect();
                words.join(" ")
            }
            Some(other) => other.to_string(),
        }
    }
}

/// An item of a list of parameters: a word, or a map of names and values.
fn words(item: &Value) -> Vec<String> {
    match item {
        Value::Object(fields) => fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect(),
        other => vec![text(other)],
    }
}

/// Text as it is, everything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A word that is read as one word again.
fn quoted(word: &str) -> String {
    // Text that begins with a brace is read as a JSON object.
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\' | '{');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    match word.split_once('=').filter(|(name, _)| crate::words::is_name(name)) {
        Some((name, value)) => format!("{name}={}", quote(value)),
        None => quote(word),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words::{Word, split};

    proptest! {
        #[test]
        fn parameters_that_are_shown_are_read_as_the_same(words in prop::collection::vec("[A-B{]{0,2}=?[a-b \"'\\\\=\n]{0,4}", 0..4)) {
            let params = Some(words.iter().map(String::as_str).collect::<Value>());
            let item = FanItem { key: String::new(), value: Value::Null, dag: None, params };
            let given: Vec<Word> = words.iter().map(|word| Word::from_argument(word)).collect();
            let shown = item.params_text();
            prop_assert!(!shown.starts_with('{'), "{}", shown);
            prop_assert_eq!(split(&shown), Ok(given), "{}", shown);
        }
    }
}
