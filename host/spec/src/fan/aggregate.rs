//! The result of a step that fanned out, in the forms that files written for Dagu read.

use pintle_core::plan::{Fan, FanForm};
use pintle_core::run::RunStatus;
use pintle_core::run::children::is_good;
use serde_json::{Map, Value, json};

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

/// The step's result as JSON text. `outputs` holds those of the children that succeeded, in the order of the items.
///
/// - `dag.run`, with two spaces: `{name, dagRunId, params, outputs, status}` of its one child;
/// - `parallel`, with two spaces: `{summary: {total, succeeded, failed}, results: [as above], outputs: [..]}`;
/// - `foreach`, on one line: `{summary, items: [{index, key, status, outputs, error}], outputs: [..]}`, with `error`
///   only where there is one.
#[must_use]
pub fn aggregate(fan: &Fan, ends: &[ItemEnd<'_>]) -> String {
    let good = || ends.iter().filter(|end| is_good(end.status));
    let succeeded = good().count();
    let summary = json!({ "total": ends.len(), "succeeded": succeeded, "failed": ends.len() - succeeded });
    let outputs = || good().map(|end| Value::Object(end.outputs.clone())).collect::<Value>();
    match fan.form {
        FanForm::Dag => format!("{:#}", ends.first().map_or_else(|| json!({}), result)),
        FanForm::Parallel => {
            let results: Value = ends.iter().map(result).collect();
            format!("{:#}", json!({ "summary": summary, "results": results, "outputs": outputs() }))
        }
        FanForm::Foreach => {
            let items: Value = ends.iter().enumerate().map(item).collect();
            json!({ "summary": summary, "items": items, "outputs": outputs() }).to_string()
        }
    }
}

fn result(end: &ItemEnd<'_>) -> Value {
    json!({
        "name": end.item.dag.as_deref().unwrap_or_default(),
        "dagRunId": end.run,
        "params": end.item.params_text(),
        "outputs": end.outputs,
        "status": end.status.as_str(),
    })
}

fn item((index, end): (usize, &ItemEnd<'_>)) -> Value {
    let mut item = json!({
        "index": index,
        "key": end.item.key,
        "status": end.status.as_str(),
        "outputs": end.outputs,
    });
    if let (Value::Object(fields), Some(error)) = (&mut item, &end.error) {
        fields.insert("error".to_owned(), error.as_str().into());
    }
    item
}
