//! What a document says of itself, and what it says for parts of Pintle that are not there yet: the first is kept, the
//! second checked, so that a file that is taken today is taken tomorrow.

use crate::fields::RETRY;
use crate::nearest::did_you_mean;
use crate::reader::{At, Reader};

/// Labels of a DAG.
const MAX_LABELS: usize = 100;

/// `labels`, and `tags`, its old name: words, or names with values; as text with commas, as a list or as a map.
pub(crate) fn read_labels(reader: &mut Reader<'_>, dag: &At<'_>) -> Vec<(String, String)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    for key in ["labels", "tags"] {
        let Some(at) = dag.get(key) else { continue };
        if key == "tags" {
            reader.notice_key(dag, key, "`tags` is an old name; write `labels`");
        }
        let before = labels.len();
        if at.is_map() {
            for (entry, value) in at.fields() {
                let value = if value.node.is_null() { Some(String::new()) } else { reader.text(&value) };
                labels.extend(value.map(|value| (entry.key.trim().to_owned(), value)));
            }
        } else {
            for text in reader.texts(&at) {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                labels.extend(words.map(|word| {
                    let (name, value) = word.split_once('=').unwrap_or((word, ""));
                    (name.trim().to_owned(), value.trim().to_owned())
                }));
            }
        }
        if labels.iter().skip(before).any(|(name, _)| name.is_empty()) {
            reader.fault(&at, "a label has no name; write a word, or `name=value`");
        }
    }
    if labels.len() > MAX_LABELS {
        let count = labels.len();
        reader.fault_key(
            dag,
            "labels",
            format!("a DAG has {count} labels and may have {MAX_LABELS}; keep the useful ones"),
        );
        labels.clear();
    }
    labels
}

/// Fields that nothing uses yet, held to their forms.
pub(crate) fn check_idle(reader: &mut Reader<'_>, dag: &At<'_>) {
    reader.word_field(dag, "queue");
    reader.word_field(dag, "log_dir");
    reader.seconds_field(dag, "restart_wait_sec");
    reader.count_field(dag, "max_active_runs", u64::from(u32::MAX));
    check_retention(reader, dag);
    check_selector(reader, dag);
    if let Some(policy) = dag.get("retry_policy").filter(|at| reader.expect_map(at, "limit: 2")) {
        reader.check_fields(&policy, &RETRY);
    }
}

fn check_retention(reader: &mut Reader<'_>, dag: &At<'_>) {
    if let Some(days) = dag.get("hist_retention_days") {
        reader.whole(&days, i128::from(i32::MIN), i128::from(i32::MAX));
    }
    if let Some(runs) = dag.get("hist_retention_runs") {
        reader.whole(&runs, 1, i128::from(u32::MAX));
        if dag.get("hist_retention_days").is_some() {
            let message = "`hist_retention_runs` and `hist_retention_days` exclude each other; keep one of the two";
            reader.fault_key(dag, "hist_retention_runs", message);
        }
    }
}

/// Labels of workers, or `local`.
fn check_selector(reader: &mut Reader<'_>, dag: &At<'_>) {
    let Some(at) = dag.get("worker_selector") else { return };
    if at.is_map() {
        at.fields().for_each(|(_, value)| drop(reader.text(&value)));
    } else if let Some(word) = reader.word(&at).filter(|word| word != "local") {
        let hint = did_you_mean(&word, ["local"], "use `local`, or a map of labels such as `gpu: a100`");
        reader.fault(&at, format!("`worker_selector` does not know `{word}`; {hint}"));
    }
}
