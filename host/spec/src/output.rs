//! `output`, `outputs`, `stdout` and `stderr`: what remains of a step.

use std::collections::HashSet;

use pintle_core::plan::{DeclaredOutput, Output, OutputKind, Template};

use crate::fields::OUTPUT;
use crate::nearest::did_you_mean;
use crate::reader::{At, Reader};
use crate::words::is_name;

/// `output: NAME`.
pub(crate) fn read_output(reader: &mut Reader<'_>, step: &At<'_>) -> Option<Output> {
    let at = step.get("output")?;
    if at.is_map() {
        reader.fault(
            &at,
            "`output` as a map is not read by this version; write the name of a variable, or declare `outputs:`",
        );
        return None;
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
pub(crate) fn read_outputs(reader: &mut Reader<'_>, step: &At<'_>) -> Vec<DeclaredOutput> {
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

/// `stdout` or `stderr`: a path.
pub(crate) fn read_stream(reader: &mut Reader<'_>, step: &At<'_>, key: &str) -> Option<Template> {
    let at = step.get(key)?;
    if at.is_map() {
        reader.fault(&at, format!("`{key}` as a map is not read by this version; write the path of a file"));
        return None;
    }
    reader.word(&at).map(Template)
}
