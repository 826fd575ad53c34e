//! The result of a step that fanned out, in the forms that files written for Dagu read.
//!
//! It is written straight from the ends: ten thousand of them as JSON values would take twenty times the memory of the
//! text.

use pintle_core::plan::{Fan, FanForm, Json};
use pintle_core::run::RunStatus;
use pintle_core::run::children::is_good;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::FanItem;

/// What a child amounted to.
#[derive(Debug, Clone)]
pub struct ItemEnd<'a> {
    /// Which child.
    pub item: &'a FanItem,
    /// Id of its run.
    pub run: String,
    /// How it ended.
    pub status: RunStatus,
    /// What it left: [`super::run_outputs`], or [`super::collect`] where the fan-out collects.
    pub outputs: Map<String, Value>,
    /// Why it did not succeed.
    pub error: Option<String>,
}

/// What the children of a step amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// The step's result as JSON text, as its `output:` gets it.
    pub text: String,
    /// The step's outputs, each as JSON on one line: those of the one child of `dag.run`; of the other forms the parts
    /// of the result.
    pub outputs: Vec<(String, Json)>,
}

/// What a step is told of a run that it queued, in place of the run's outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedRun {
    /// The queue that it stands in.
    pub queue: String,
    /// Where it stands.
    pub status: String,
    /// An earlier try of the step had queued it.
    #[serde(rename = "alreadyExists")]
    pub already_exists: bool,
}

/// `outputs` holds those of the children that succeeded, in the order of the items.
///
/// - `dag.run`, with two spaces: `{name, dagRunId, params, outputs, status}` of its one child;
/// - `parallel`, with two spaces: `{summary: {total, succeeded, failed}, results: [as above], outputs: [..]}`;
/// - `foreach`, on one line: `{summary, items: [{index, key, status, outputs, error}], outputs: [..]}`, with `error`
///   only where there is one;
/// - `dag.enqueue`, with two spaces: `{summary: {total, queued}, runs: [{name, dagRunId, params, queue, status,
///   alreadyExists}]}` of those that were accepted.
#[must_use]
pub fn aggregate(fan: &Fan, ends: &[ItemEnd<'_>]) -> Aggregate {
    let good = ends.iter().filter(|end| is_good(end.status));
    let succeeded = good.clone().count();
    let summary = Summary { total: ends.len(), succeeded, failed: ends.len() - succeeded };
    if fan.queued {
        let summary = QueuedSummary { total: ends.len(), queued: succeeded };
        let runs = Each(good.map(Entry::of));
        let parts = [part("summary", &summary), part("runs", &runs)];
        return Aggregate { text: pretty(&Queued { summary, runs }), outputs: parts.into() };
    }
    let outputs = Each(good.map(|end| &end.outputs));
    match fan.form {
        FanForm::Dag => {
            let Some(end) = ends.first() else { return Aggregate { text: "{}".to_owned(), outputs: Vec::new() } };
            let outputs = end.outputs.iter().map(|(name, value)| (name.clone(), Json(value.to_string())));
            Aggregate { text: pretty(&Child::of(end)), outputs: outputs.collect() }
        }
        FanForm::Parallel => {
            let results = Each(ends.iter().map(Child::of));
            let parts = [part("summary", &summary), part("results", &results), part("outputs", &outputs)];
            Aggregate { text: pretty(&Parallel { summary, results, outputs }), outputs: parts.into() }
        }
        FanForm::Foreach => {
            let items = Each(ends.iter().enumerate().map(Item::of));
            let parts = [part("summary", &summary), part("items", &items), part("outputs", &outputs)];
            Aggregate { text: line(&Foreach { summary, items, outputs }), outputs: parts.into() }
        }
    }
}

#[derive(Serialize)]
struct Summary {
    total: usize,
    succeeded: usize,
    failed: usize,
}

#[derive(Serialize)]
struct QueuedSummary {
    total: usize,
    queued: usize,
}

#[derive(Serialize)]
struct Queued<R: Serialize> {
    summary: QueuedSummary,
    runs: R,
}

/// A run that a step queued.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    #[serde(rename = "dagRunId")]
    run: &'a str,
    params: String,
    queue: Option<&'a Value>,
    status: Option<&'a Value>,
    #[serde(rename = "alreadyExists")]
    already_exists: Option<&'a Value>,
}

impl<'a> Entry<'a> {
    fn of(end: &'a ItemEnd<'a>) -> Self {
        Self {
            name: end.item.dag.as_deref().unwrap_or_default(),
            run: &end.run,
            params: end.item.params_text(),
            queue: end.outputs.get("queue"),
            status: end.outputs.get("status"),
            already_exists: end.outputs.get("alreadyExists"),
        }
    }
}

#[derive(Serialize)]
struct Parallel<R: Serialize, O: Serialize> {
    summary: Summary,
    results: R,
    outputs: O,
}

#[derive(Serialize)]
struct Foreach<I: Serialize, O: Serialize> {
    summary: Summary,
    items: I,
    outputs: O,
}

/// A list whose elements are made while it is written.
struct Each<I>(I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for Each<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

#[derive(Serialize)]
struct Child<'a> {
    name: &'a str,
    #[serde(rename = "dagRunId")]
    run: &'a str,
    params: String,
    outputs: &'a Map<String, Value>,
    status: &'static str,
}

impl<'a> Child<'a> {
    fn of(end: &'a ItemEnd<'a>) -> Self {
        Self {
            name: end.item.dag.as_deref().unwrap_or_default(),
            run: &end.run,
            params: end.item.params_text(),
            outputs: &end.outputs,
            status: end.status.as_str(),
        }
    }
}

#[derive(Serialize)]
struct Item<'a> {
    index: usize,
    key: &'a str,
    status: &'static str,
    outputs: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> Item<'a> {
    fn of((index, end): (usize, &'a ItemEnd<'a>)) -> Self {
        Self {
            index,
            key: &end.item.key,
            status: end.status.as_str(),
            outputs: &end.outputs,
            error: end.error.as_deref(),
        }
    }
}

fn part(name: &str, value: &impl Serialize) -> (String, Json) {
    (name.to_owned(), Json(line(value)))
}

/// Names and texts only: nothing that JSON cannot hold.
fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
