//! The fields of a step that runs other plans: `dag.run`, `dag.enqueue`, `parallel`, `foreach`, and the older `call`.

use pintle_core::plan::{Action, Child, Fan, FanForm, Json, Role, Template};
use serde_json::Value;

use super::body::read_body;
use crate::fields::{FOREACH, PARALLEL};
use crate::limits::{MAX_CONCURRENT, MAX_FOREACH_ITEMS, MAX_PARALLEL_ITEMS, USUAL_CONCURRENT};
use crate::reader::{At, Reader};
use crate::step::Around;
use crate::words::is_name;

/// `action: dag.run`, or `dag.enqueue` (`queued`). `checked` is its `with` as the schema wants it; faults in it were
/// reported.
pub(crate) fn read_dag_run(
    reader: &mut Reader<'_>,
    step: &At<'_>,
    with: Option<&At<'_>>,
    checked: &Value,
    queued: bool,
) -> Option<Action> {
    let with = with?;
    if let Some(at) = with.get("dag") {
        reader.word(&at)?;
    }
    let dag = checked.get("dag").and_then(Value::as_str)?;
    let params = with.get("params").and_then(|at| read_params(reader, &at));
    Some(Action::Fan(Box::new(Fan { queued, ..read_fan(reader, step, dag, params) })))
}

/// `call` and `params`, the older form of `dag.run`.
pub(crate) fn read_call_form(reader: &mut Reader<'_>, step: &At<'_>) -> Option<Action> {
    reader.notice_key(
        step,
        "call",
        "`call` is an old form; write `action: dag.run` with `with: {dag: ..., params: ...}`",
    );
    if step.get("with").is_some() {
        reader.fault_key(step, "with", "`with` belongs to `run` or `action`; this step has neither");
    }
    let Some(at) = step.get("call") else {
        reader.fault_key(step, "call", "`call` is empty; name a DAG");
        return None;
    };
    let dag = reader.word(&at)?;
    Some(read_dag_step(reader, step, &dag))
}

/// A DAG with the `params` that an older form has on the step itself.
pub(crate) fn read_dag_step(reader: &mut Reader<'_>, step: &At<'_>, dag: &str) -> Action {
    let params = step.get("params").and_then(|at| read_params(reader, &at));
    Action::Fan(Box::new(read_fan(reader, step, dag, params)))
}

fn read_fan(reader: &mut Reader<'_>, step: &At<'_>, dag: &str, params: Option<Json>) -> Fan {
    let mut fan = Fan {
        form: FanForm::Dag,
        child: Child::Dag(Template(dag.trim().to_owned())),
        queued: false,
        params,
        items: None,
        alias: None,
        key: None,
        max_concurrent: USUAL_CONCURRENT,
        collect: Vec::new(),
    };
    if let Some(at) = step.get("parallel") {
        fan.form = FanForm::Parallel;
        read_parallel(reader, &at, &mut fan);
        let refers = |text: &str| text.contains("${ITEM");
        if !refers(dag) && !fan.params.as_ref().is_some_and(|params| refers(&params.0)) {
            let message =
                "neither `dag` nor `params` refers to `${ITEM}`, so that all items are one child, which runs once";
            reader.notice_key(step, "parallel", message);
        }
    } else if step.entry("parallel").is_some() {
        reader.fault_key(step, "parallel", "`parallel` is empty; give it items, or remove it");
    }
    fan
}

/// Text, a list, or a map, as JSON.
fn read_params(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Json> {
    if at.is_list() {
        for item in at.items().iter().filter(|item| item.is_list()) {
            reader.mismatch(item, "`NAME=value`, or a map such as `NAME: value`");
        }
    }
    let json = match at.scalar() {
        Some(scalar) => Value::String(scalar.as_text()),
        None => at.node.to_json(),
    };
    Some(Json(json.to_string()))
}

/// A text, a list, or a map with both.
fn read_parallel(reader: &mut Reader<'_>, at: &At<'_>, fan: &mut Fan) {
    if !at.is_map() {
        fan.items = read_items(reader, at, MAX_PARALLEL_ITEMS);
        return;
    }
    reader.check_fields(at, &PARALLEL);
    match at.get("items") {
        Some(items) => fan.items = read_items(reader, &items, MAX_PARALLEL_ITEMS),
        None => reader.fault(at, "`parallel` has no `items:`; give it a list, or text that becomes one"),
    }
    fan.max_concurrent = read_max_concurrent(reader, at);
}

fn read_max_concurrent(reader: &mut Reader<'_>, at: &At<'_>) -> u32 {
    let Some(field) = at.get("max_concurrent") else { return USUAL_CONCURRENT };
    let read = reader.whole(&field, 1, i128::from(MAX_CONCURRENT));
    read.and_then(|most| u32::try_from(most).ok()).unwrap_or(USUAL_CONCURRENT)
}

fn read_items(reader: &mut Reader<'_>, at: &At<'_>, most: usize) -> Option<Json> {
    if at.is_map() {
        reader.mismatch(at, "a list, or text that becomes one");
        return None;
    }
    if at.is_list() {
        let count = at.items().len();
        if count > most {
            reader.fault(at, format!("{} has {count} items and may have {most}; split it", at.path.last()));
            return None;
        }
        return Some(Json(at.node.to_json().to_string()));
    }
    reader.word(at).map(|text| Json(Value::String(text).to_string()))
}

/// `foreach`, with the steps of its body.
pub(crate) fn read_foreach(reader: &mut Reader<'_>, step: &At<'_>, role: Role, around: Around<'_>) -> Option<Action> {
    if step.get("with").is_some() {
        reader.fault_key(step, "with", "`with` belongs to `run` or `action`; this step has neither");
    }
    if role != Role::Main {
        let message = "a handler has no `foreach`; run a DAG that has one, with `action: dag.run`";
        reader.fault_key(step, "foreach", message);
        return None;
    }
    let at = step.get_even_null("foreach")?;
    if !reader.expect_map(&at, "{items: [a, b], steps: [...]}") {
        return None;
    }
    reader.check_fields(&at, &FOREACH);
    let items = match at.get("items") {
        Some(items) => read_items(reader, &items, MAX_FOREACH_ITEMS),
        None => {
            reader.fault(&at, "`foreach` has no `items:`; give it a list, or text that becomes one");
            None
        }
    };
    let body = read_body(reader, &at, around);
    Some(Action::Fan(Box::new(Fan {
        form: FanForm::Foreach,
        child: Child::Body(Box::new(body)),
        queued: false,
        params: None,
        items,
        alias: read_alias(reader, &at),
        key: reader.word_field(&at, "key").map(Template),
        max_concurrent: read_max_concurrent(reader, &at),
        collect: read_collect(reader, &at),
    })))
}

/// What texts call the item; `item` is what they call it anyway.
fn read_alias(reader: &mut Reader<'_>, foreach: &At<'_>) -> Option<String> {
    let at = foreach.get("as")?;
    let name = reader.word(&at)?;
    if !is_name(&name) {
        reader.fault(&at, format!("`{name}` is not a name of an item; use letters, digits and `_`"));
        return None;
    }
    if matches!(name.as_str(), "index" | "key") {
        reader.fault(&at, format!("`${{foreach.{name}}}` means something else already; choose another name"));
        return None;
    }
    Some(name).filter(|name| name != "item")
}

/// A map of names and texts.
fn read_collect(reader: &mut Reader<'_>, foreach: &At<'_>) -> Vec<(String, Template)> {
    let Some(at) = foreach.get("collect") else { return Vec::new() };
    if !reader.expect_map(&at, "size: ${steps.ID.outputs.size}") {
        return Vec::new();
    }
    let mut collect = Vec::new();
    for (entry, value) in at.fields() {
        if !is_name(&entry.key) {
            let message = format!("`{}` is not a name of an output; use letters, digits and `_`", entry.key);
            reader.findings.fault(entry.key_place, value.path.to_string(), message);
        } else if let Some(text) = reader.text(&value) {
            collect.push((entry.key.clone(), Template(text)));
        }
    }
    collect
}
