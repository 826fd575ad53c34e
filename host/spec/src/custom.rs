//! Custom actions: steps that a document describes once (`actions:`), and calls with inputs of their own.
//!
//! A call becomes the step that its template describes, with the inputs put in, before anything else is read of it: the
//! plan holds what runs, and nothing of how it was written. So a template may hold whatever a step may, a fault in it is
//! shown where it stands and where it was called from, and no action is made of another one, so that every document ends.

mod render;

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value as Json;

use crate::document::{Entry, Node, Scalar, Value};
use crate::fields::{CUSTOM, LATER_ACTIONS};
use crate::known::input_schema;
use crate::limits::MAX_DEFAULTS_BYTES;
use crate::nearest::nearest;
use crate::reader::{At, Reader};
use crate::schema::{Into, fit, follow, read_law};
use crate::source::Place;

/// The actions of a document, and what became of their calls.
#[derive(Debug, Default)]
pub(crate) struct Customs {
    actions: HashMap<String, Rc<Custom>>,
    /// Steps that were made of calls, by the calls' places.
    made: HashMap<(u32, u32), Rc<Node>>,
    /// Bytes that calls may still be made into.
    left: usize,
}

#[derive(Debug)]
struct Custom {
    place: Place,
    description: Option<Node>,
    schema: Json,
    output_schema: Option<Node>,
    /// The kind of step that an old definition says beside its template.
    kind: Option<Entry>,
    template: Node,
}

/// What a step turns out to be.
pub(crate) enum Called {
    /// No call.
    Not,
    /// The step that it stands for.
    Made(Rc<Node>),
    /// A faulty call, without what it was to run.
    Faulty(Node),
}

/// Fields of a step that say what runs: a call has none beside its action.
const RUNS: [&str; 17] = [
    "run",
    "command",
    "script",
    "call",
    "exec",
    "executor",
    "type",
    "action",
    "foreach",
    "parallel",
    "params",
    "shell",
    "shell_args",
    "config",
    "value",
    "routes",
    "messages",
];
/// Fields of a step that belong to the call.
const CALLS: [&str; 3] = ["id", "name", "depends"];

/// `actions`, and `step_types`, its old name.
pub(crate) fn read_customs(reader: &mut Reader<'_>, dag: &At<'_>) -> Customs {
    let mut customs = Customs { left: MAX_DEFAULTS_BYTES, ..Customs::default() };
    for key in ["actions", "step_types"] {
        let Some(at) = dag.get(key) else { continue };
        if key == "step_types" {
            reader.notice_key(dag, key, "`step_types` is an old name; write `actions`");
        }
        if !reader.expect_map(&at, "greet: {input_schema: {type: object}, template: {run: ...}}") {
            continue;
        }
        for (entry, definition) in at.fields() {
            let Some(custom) = read_custom(reader, entry, &definition, key == "step_types") else { continue };
            if let Some(first) = customs.actions.insert(entry.key.clone(), Rc::new(custom)) {
                let message = format!("the action `{}` is defined twice; keep one of the two", entry.key);
                let path = definition.path.to_string();
                reader.findings.conflict(entry.key_place, path, message, (first.place, "first defined here"));
            }
        }
    }
    let names: Vec<&str> = customs.actions.keys().map(String::as_str).collect();
    for custom in customs.actions.values() {
        let template = At::root(&custom.template);
        let Some(action) = template.get("action") else { continue };
        let name = action.scalar().map(Scalar::as_text).unwrap_or_default();
        if names.contains(&name.as_str()) {
            let message = format!("an action of the document is not made of another, `{name}`; write out what runs");
            reader.findings.fault(action.place(), "actions".to_owned(), message);
        }
    }
    customs
}

fn read_custom(reader: &mut Reader<'_>, entry: &Entry, at: &At<'_>, old: bool) -> Option<Custom> {
    let named = check_name(reader, entry, at);
    if !reader.expect_map(at, "input_schema: {type: object}, template: {run: ...}") {
        return None;
    }
    reader.check_fields(at, &CUSTOM);
    let schema = match at.get("input_schema") {
        Some(schema) => read_input_schema(reader, &schema),
        None => {
            let message =
                "the action has no `input_schema:`; describe its inputs, or write `input_schema: {type: object}`";
            reader.fault(at, message);
            None
        }
    };
    let output_schema = at.get("output_schema").and_then(|schema| {
        read_law(reader, &schema)?;
        Some(schema.node.clone())
    });
    let kind = at.entry("type").filter(|entry| !entry.node.is_null()).cloned();
    if kind.is_some() && !old {
        reader.notice_key(
            at,
            "type",
            "`type` is of old definitions; the template says what runs with `run:` or `action:`",
        );
    }
    let template = read_template(reader, at, kind.is_some());
    let (schema, template) = (schema?, template?);
    named.then(|| Custom {
        place: entry.key_place,
        description: at.get("description").map(|at| at.node.clone()),
        schema,
        output_schema,
        kind,
        template,
    })
}

fn check_name(reader: &mut Reader<'_>, entry: &Entry, at: &At<'_>) -> bool {
    let name = entry.key.as_str();
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    let path = at.path.to_string();
    if !name.split('.').all(word) {
        let message = format!(
            "`{name}` is not a name of an action; each word of it begins with a letter and holds letters, digits, `_` and `-`: `team.notify`"
        );
        reader.findings.fault(entry.key_place, path, message);
        return false;
    }
    let taken =
        matches!(name, "run" | "exec") || LATER_ACTIONS.contains(&name) || input_schema(reader.known, name).is_some();
    if taken {
        let message = format!("the action `{name}` is there already; choose another name, such as `my.{name}`");
        reader.findings.fault(entry.key_place, path, message);
    }
    !taken
}

fn read_input_schema(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Json> {
    let law = read_law(reader, at)?;
    let schema: Json = serde_json::from_str(&law.0).ok()?;
    let names_type = |schema: &Json| schema.get("type").is_some_and(|kind| kind != "object");
    let target = schema.get("$ref").and_then(Json::as_str).map(|target| follow(&schema, target));
    if names_type(&schema) || target.is_some_and(names_type) {
        reader.fault(at, "the inputs of an action are a map; write `type: object`");
        return None;
    }
    Some(schema)
}

/// `with_kind`: an old definition says beside it what kind of step it is.
fn read_template(reader: &mut Reader<'_>, at: &At<'_>, with_kind: bool) -> Option<Node> {
    let Some(template) = at.get("template") else {
        reader
            .fault(at, "the action has no `template:`; describe the step that it stands for with `run:` or `action:`");
        return None;
    };
    if !reader.expect_map(&template, "run: echo hello") {
        return None;
    }
    let mut sound = true;
    for key in CALLS.into_iter().filter(|key| template.entry(key).is_some()) {
        reader.fault_key(&template, key, format!("`{key}` belongs to the step that calls the action; remove it here"));
        sound = false;
    }
    let foreign = ["call", "exec", "executor", "type", "foreach", "value", "routes", "messages"];
    let old = ["command", "script", "config"].into_iter().filter(|_| !with_kind);
    for key in foreign.into_iter().chain(old).filter(|key| template.entry(key).is_some()) {
        let message = format!("`{key}` does not stand in a template; it says what runs with `run:` or `action:`");
        reader.fault_key(&template, key, message);
        sound = false;
    }
    if sound && !with_kind && template.entry("run").is_none() && template.entry("action").is_none() {
        reader.fault(&template, "the template runs nothing; give it `run:` or `action:`");
        sound = false;
    }
    sound.then(|| template.node.clone())
}

/// What a step stands for, if it calls one of the document's actions.
pub(crate) fn expand(reader: &mut Reader<'_>, step: &At<'_>) -> Called {
    let Some((field, custom)) = called(reader, step) else { return Called::Not };
    let name = step.get(field).and_then(|at| at.scalar().map(Scalar::as_text)).unwrap_or_default();
    let mut sound = true;
    for key in RUNS.into_iter().filter(|key| *key != field && step.get(key).is_some()) {
        if key == "config" && field == "type" && step.get("with").is_none() {
            continue;
        }
        let message =
            format!("`{key}` stands beside `{field}: {name}`, which says itself what runs; remove one of the two");
        reader.fault_key(step, key, message);
        sound = false;
    }
    if field == "type" {
        let message = format!("`type: {name}` is an old form; write `action: {name}` with its `with:`");
        reader.notice_key(step, field, message);
    }
    let made = inputs(reader, step, field, &name, &custom).filter(|_| sound);
    let made = made.and_then(|inputs| make(reader, step, &custom, &inputs, field));
    match made {
        Some(node) => {
            let node = Rc::new(node);
            reader.customs.made.insert(key_of(step.place()), Rc::clone(&node));
            Called::Made(node)
        }
        None => Called::Faulty(without_action(step, field)),
    }
}

/// The field that names the action, and the action.
fn called(reader: &Reader<'_>, step: &At<'_>) -> Option<(&'static str, Rc<Custom>)> {
    ["action", "type"].into_iter().find_map(|field| {
        let name = step.get(field)?.scalar()?.as_text();
        Some((field, Rc::clone(reader.customs.actions.get(name.trim())?)))
    })
}

/// The inputs with the defaults of their schema, if they fit it.
fn inputs(reader: &mut Reader<'_>, step: &At<'_>, field: &str, name: &str, custom: &Custom) -> Option<Json> {
    let with = step.get("with").or_else(|| step.get("config").filter(|_| field == "type"));
    if let Some(with) = with.as_ref().filter(|with| !with.is_map()) {
        reader.mismatch(with, &format!("a map with the inputs of the action `{name}`"));
        return None;
    }
    let mut inputs = with.as_ref().map_or_else(|| Json::Object(serde_json::Map::new()), |with| with.node.to_json());
    fill(&custom.schema, &custom.schema, &mut inputs, 0);
    let Err(misfit) = fit(&custom.schema, &inputs, true) else { return Some(inputs) };
    let (mut place, mut path) = match &with {
        Some(with) => (with.place(), with.path.to_string()),
        None => (step.entry(field).map_or(step.place(), |entry| entry.node.place), step.path.key(field).to_string()),
    };
    let mut node = with.as_ref().map(|with| with.node);
    for step in &misfit.at {
        node = match (node.map(|node| &node.value), step) {
            (Some(Value::Map(entries)), Into::Key(key)) => {
                let entry = entries.iter().find(|entry| entry.key == *key);
                entry.map(|entry| {
                    (place, path) = (entry.node.place, format!("{path}.{key}"));
                    &entry.node
                })
            }
            (Some(Value::List(items)), Into::Index(index)) => items.get(*index).inspect(|item| {
                (place, path) = (item.place, format!("{path}[{index}]"));
            }),
            _ => None,
        };
    }
    let hint = match misfit.at.last() {
        Some(Into::Key(key)) if misfit.what == "is not expected there" => {
            let known = custom.schema.get("properties").and_then(Json::as_object);
            let names = known.into_iter().flat_map(|fields| fields.keys().map(String::as_str));
            nearest(key, names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
        }
        _ => String::new(),
    };
    let message = format!("the inputs of the action `{name}` do not fit: {misfit}{hint}");
    reader.findings.conflict(place, path, message, (custom.place, "the action is defined here"));
    None
}

/// Puts in what the schema says where nothing is written.
fn fill(root: &Json, schema: &Json, value: &mut Json, depth: usize) {
    let schema = schema.get("$ref").and_then(Json::as_str).map_or(schema, |target| follow(root, target));
    let (Some(properties), Json::Object(fields)) = (schema.get("properties").and_then(Json::as_object), value) else {
        return;
    };
    for (name, schema) in properties {
        if let (None, Some(usual)) = (fields.get(name), schema.get("default")) {
            fields.insert(name.clone(), usual.clone());
        }
        if let Some(value) = fields.get_mut(name).filter(|_| depth < crate::limits::MAX_SCHEMA_DEPTH) {
            fill(root, schema, value, depth + 1);
        }
    }
}

/// The template with the inputs in it, below the fields of the call.
fn make(reader: &mut Reader<'_>, step: &At<'_>, custom: &Custom, inputs: &Json, field: &str) -> Option<Node> {
    let left = reader.customs.left;
    let mut render = render::Render { inputs, left, faults: Vec::new() };
    let rendered = render.node(&custom.template);
    let (faults, left) = (render.faults, render.left);
    reader.customs.left = left;
    if !faults.is_empty() {
        let called = step.entry(field).map_or(step.place(), |entry| entry.node.place);
        for (place, message) in faults {
            let path = step.path.to_string();
            reader.findings.conflict(place, path, message, (called, "called from here"));
        }
        return None;
    }
    let action = At::root(&rendered).get("action").and_then(|at| Some((at.scalar()?.as_text(), at.place())));
    if let Some((name, place)) = action.filter(|(name, _)| reader.customs.actions.contains_key(name.trim())) {
        let called = step.entry(field).map_or(step.place(), |entry| entry.node.place);
        let message = format!("an action of the document is not made of another, `{name}`; write out what runs");
        reader.findings.conflict(place, step.path.to_string(), message, (called, "called from here"));
        return None;
    }
    let Value::Map(template) = rendered.value else { return None };
    let own = |key: &str| step.entry(key).is_some() && key != field && !matches!(key, "with" | "config");
    let mut entries: Vec<Entry> = template.into_iter().filter(|entry| !own(&entry.key)).collect();
    let has = |entries: &[Entry], key: &str| own(key) || entries.iter().any(|entry| entry.key == key);
    let says = |entries: &[Entry]| entries.iter().any(|entry| matches!(entry.key.as_str(), "run" | "action"));
    if let Some(kind) = custom.kind.clone().filter(|_| !says(&entries)) {
        entries.push(kind);
    }
    for (key, node) in [("description", &custom.description), ("output_schema", &custom.output_schema)] {
        if let Some(node) = node.clone().filter(|_| !has(&entries, key)) {
            entries.push(Entry { key: key.to_owned(), key_place: node.place, node });
        }
    }
    let calls = step.entries().iter().filter(|entry| own(&entry.key));
    entries.extend(calls.cloned());
    Some(Node { place: step.place(), value: Value::Map(entries) })
}

/// The step as it is but for what it runs, so that those behind it are not blamed for it.
fn without_action(step: &At<'_>, field: &str) -> Node {
    let kept = |entry: &&Entry| !RUNS.contains(&entry.key.as_str()) && entry.key != "with";
    let mut entries: Vec<Entry> = step.entries().iter().filter(kept).cloned().collect();
    let place = step.entry(field).map_or(step.place(), |entry| entry.node.place);
    let noop = Node { place, value: Value::Scalar(Scalar::text("noop")) };
    entries.push(Entry { key: "action".to_owned(), key_place: place, node: noop });
    Node { place: step.place(), value: Value::Map(entries) }
}

fn key_of(place: Place) -> (u32, u32) {
    (place.start, place.end)
}

impl Customs {
    /// The step that was made of the call at a place.
    pub(crate) fn made(&self, call: Place) -> Option<Rc<Node>> {
        self.made.get(&key_of(call)).cloned()
    }

    /// Names of the document's actions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.actions.keys().map(String::as_str)
    }
}

/// Reads a step that was made of a call: what is faulty in it is also shown where it was called from.
pub(crate) fn read_made<T>(reader: &mut Reader<'_>, call: Place, read: impl FnOnce(&mut Reader<'_>) -> T) -> T {
    reader.findings.enter(call);
    let made = read(reader);
    reader.findings.leave();
    made
}
