//! `output`, `outputs`, `stdout` and `stderr`: what remains of a step.

mod field;

use std::collections::HashSet;

use pintle_core::plan::{Action, DeclaredOutput, Json, Output, OutputField, OutputKind, Template};

use crate::artifacts::read_stream_artifact;
use crate::fields::{OUTPUT, STDERR, STDOUT};
use crate::nearest::did_you_mean;
use crate::reader::{At, Reader};
use crate::schema::read_law;
use crate::words::is_name;
use field::{read_fields, read_published};

/// What remains of a step.
#[derive(Debug, Default)]
pub(crate) struct Left {
    pub(crate) output: Option<Output>,
    pub(crate) published: Vec<OutputField>,
    pub(crate) schema: Option<Json>,
    pub(crate) outputs: Vec<DeclaredOutput>,
    pub(crate) stdout: Option<Template>,
    pub(crate) stderr: Option<Template>,
    pub(crate) stdout_artifact: Option<Template>,
    pub(crate) stderr_artifact: Option<Template>,
}

/// Everything that a step leaves behind; no output of it is given a value twice.
pub(crate) fn read_left(reader: &mut Reader<'_>, step: &At<'_>, action: &Action) -> Left {
    let output = read_output(reader, step);
    let (stdout, stdout_artifact, published) = read_stdout(reader, step);
    let schema = step.get("output_schema").and_then(|at| read_law(reader, &at));
    let (stderr, stderr_artifact) = read_stderr(reader, step);
    let outputs = read_outputs(reader, step);
    let left = Left { output, published, schema, outputs, stdout, stderr, stdout_artifact, stderr_artifact };
    let fields = left.output.as_ref().map(Output::fields).unwrap_or_default();
    if action.fan().is_some() {
        for (key, _) in [("output", fields), ("stdout", &left.published)].iter().filter(|(_, all)| !all.is_empty()) {
            let message = format!(
                "`{key}` of a step that runs other DAGs cannot be taken apart here; write `output: NAME`, and read it in a step behind"
            );
            reader.fault_key(step, key, message);
        }
    }
    if step.get("id").is_none() && !(fields.is_empty() && left.published.is_empty()) {
        let key = if fields.is_empty() { "stdout" } else { "output" };
        reader.notice_key(step, key, "nothing can refer to these outputs, for the step has no `id:`");
    }
    let mut seen: HashSet<&str> = left.outputs.iter().map(|output| output.name.as_str()).collect();
    for (key, all) in [("output", fields), ("stdout", left.published.as_slice())] {
        for name in all.iter().filter_map(|field| field.name.as_deref()) {
            if !seen.insert(name) {
                let message = format!("the output `{name}` is given a value twice in this step; keep one of the two");
                reader.fault_key(step, key, message);
            }
        }
    }
    left
}

/// `output: NAME`, or a map.
fn read_output(reader: &mut Reader<'_>, step: &At<'_>) -> Option<Output> {
    let at = step.get("output")?;
    if at.is_map() {
        return Some(Output::Fields(read_fields(reader, &at)));
    }
    let text = reader.word(&at)?;
    let name = text.strip_prefix('$').unwrap_or(&text);
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    if !is_name(name) {
        reader.fault(&at, format!("`{text}` is not a name of a variable; use letters, digits and `_`"));
        return None;
    }
    Some(Output::Variable(name.to_owned()))
}

/// `outputs:`, a list of names and types.
fn read_outputs(reader: &mut Reader<'_>, step: &At<'_>) -> Vec<DeclaredOutput> {
    let Some(at) = step.get("outputs") else { return Vec::new() };
    if !at.is_list() {
        reader.mismatch(&at, "a list such as `- name: count`");
        return Vec::new();
    }
    if step.get("id").is_none() {
        reader.fault_key(
            step,
            "outputs",
            "`outputs` needs `id:` on the step, by which `${steps.ID.outputs.NAME}` finds them",
        );
    }
    let mut made: Vec<DeclaredOutput> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    for item in at.items() {
        let Some(output) = read_declared(reader, &item) else { continue };
        if !seen.insert(output.name.clone()) {
            reader.fault(&item, format!("the output `{}` is declared twice; keep one of the two", output.name));
        } else {
            made.push(output);
        }
    }
    made
}

fn read_declared(reader: &mut Reader<'_>, item: &At<'_>) -> Option<DeclaredOutput> {
    if !reader.expect_map(item, "name: count") {
        return None;
    }
    reader.check_fields(item, &OUTPUT);
    let kind = match item.get("type") {
        None => OutputKind::String,
        Some(at) => match reader.text(&at)?.as_str() {
            "string" => OutputKind::String,
            "json" => OutputKind::Json,
            other => {
                let hint = did_you_mean(other, ["string", "json"], "use `string` or `json`");
                reader.fault(&at, format!("`{other}` is not a type of an output; {hint}"));
                return None;
            }
        },
    };
    let Some(at) = item.get("name") else {
        reader.fault(item, "the output has no `name:`; give it one");
        return None;
    };
    let name = reader.word(&at)?;
    if !is_name(&name) {
        reader.fault(&at, format!("`{name}` is not a name of an output; use letters, digits and `_`"));
        return None;
    }
    Some(DeclaredOutput { name, kind })
}

/// `stdout`: the path of a file, or a map of what becomes of it.
fn read_stdout(reader: &mut Reader<'_>, step: &At<'_>) -> (Option<Template>, Option<Template>, Vec<OutputField>) {
    let Some(at) = step.get("stdout") else { return (None, None, Vec::new()) };
    if !at.is_map() {
        return (reader.word(&at).map(Template), None, Vec::new());
    }
    reader.check_fields(&at, &STDOUT);
    if at.entries().is_empty() {
        reader.fault(&at, "`stdout` is empty; write the path of a file, `artifact:` or `outputs:`");
    }
    (None, read_stream_artifact(reader, &at), read_published(reader, &at))
}

/// `stderr`: the path of a file, or of an artifact.
fn read_stderr(reader: &mut Reader<'_>, step: &At<'_>) -> (Option<Template>, Option<Template>) {
    let Some(at) = step.get("stderr") else { return (None, None) };
    if !at.is_map() {
        return (reader.word(&at).map(Template), None);
    }
    reader.check_fields(&at, &STDERR);
    if at.entries().is_empty() {
        reader.fault(&at, "`stderr` is empty; write the path of a file, or `artifact:`");
    }
    (None, read_stream_artifact(reader, &at))
}
