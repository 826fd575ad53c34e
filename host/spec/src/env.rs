//! `env`, `consts` and `dotenv`: what is set, in order.

use std::collections::HashSet;

use pintle_core::plan::{Json, Template};

use crate::document::ScalarKind;
use crate::eval::{is_managed, is_of_try};
use crate::reader::{At, Reader};
use crate::source::Place;
use crate::words::is_name;

/// A map, a list of maps, or a list of `NAME=value`: variables in the order in which they are written.
pub(crate) fn read_env(reader: &mut Reader<'_>, owner: &At<'_>, of: Owner) -> Vec<(String, Template)> {
    let Some(env) = owner.get("env") else { return Vec::new() };
    let mut variables = Vec::new();
    if env.scalar().is_some() {
        reader.mismatch(&env, "a map of names and values, or a list of `NAME=value`");
        return variables;
    }
    for item in env.items() {
        if item.is_map() {
            for (entry, value) in item.fields() {
                let text = if value.node.is_null() { Some(String::new()) } else { reader.text(&value) };
                let at = Named { place: entry.key_place, path: value.path.to_string() };
                push(reader, (at, of), entry.key.clone(), text, &mut variables);
            }
        } else if let Some(text) = reader.text(&item) {
            match text.split_once('=') {
                Some((name, value)) => {
                    let at = Named { place: item.place(), path: item.path.to_string() };
                    push(reader, (at, of), name.trim().to_owned(), Some(value.to_owned()), &mut variables);
                }
                None => reader.fault(&item, format!("`{text}` sets nothing; write `{text}=value`")),
            }
        }
    }
    variables
}

/// Whose `env` it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// What Pintle sets of the run is laid over it.
    Dag,
    /// It is over what Pintle sets of the run, and below what it sets of the try.
    Step,
}

impl Owner {
    fn is_overridden(self, name: &str) -> bool {
        match self {
            Self::Dag => is_managed(name),
            Self::Step => is_of_try(name),
        }
    }
}

/// Where a name stands.
struct Named {
    place: Place,
    path: String,
}

fn push(
    reader: &mut Reader<'_>,
    (at, of): (Named, Owner),
    name: String,
    value: Option<String>,
    variables: &mut Vec<(String, Template)>,
) {
    if !is_name(&name) {
        reader.findings.fault(
            at.place,
            at.path,
            format!("`{name}` is not a name of a variable; use letters, digits and `_`, not beginning with a digit"),
        );
        return;
    }
    if of.is_overridden(&name) {
        let message = format!("`{name}` is set by Pintle itself; the value written here is not used");
        reader.findings.notice(at.place, at.path.clone(), message);
    }
    match value {
        Some(text) if text.contains('\0') => {
            let message = format!("the value of `{name}` holds a NUL character; remove it");
            reader.findings.fault(at.place, at.path, message);
        }
        Some(text) => variables.push((name, Template(text))),
        None => {}
    }
}

/// A list of single-key maps with literal scalars.
pub(crate) fn read_consts(reader: &mut Reader<'_>, dag: &At<'_>) -> Vec<(String, Json)> {
    let Some(consts) = dag.get("consts") else { return Vec::new() };
    let mut made: Vec<(String, Json)> = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    if !consts.is_list() {
        reader.mismatch(&consts, "a list of single values such as `- region: eu`");
        return made;
    }
    for item in consts.items() {
        let [entry] = item.entries() else {
            reader.fault(&item, "each constant is an item of its own, one name with one value: `- region: eu`");
            continue;
        };
        let Some(value) = item.get_even_null(&entry.key) else { continue };
        if !is_name(&entry.key) {
            reader.fault_key(&item, &entry.key, format!("`{}` is not a name; use letters, digits and `_`", entry.key));
        } else if !seen.insert(entry.key.as_str()) {
            reader.fault_key(
                &item,
                &entry.key,
                format!("the constant `{}` is already defined; keep one of the two", entry.key),
            );
        } else if value.scalar().is_some_and(|scalar| scalar.kind != ScalarKind::Null) {
            made.push((entry.key.clone(), Json(value.node.to_json().to_string())));
        } else {
            reader.mismatch(&value, "text, a number, `true` or `false`");
        }
    }
    made
}

/// Files of variables; `.env` is always among them unless the list is empty.
pub(crate) fn read_dotenv(reader: &mut Reader<'_>, dag: &At<'_>) -> Vec<Template> {
    const USUAL: &str = ".env";
    let Some(dotenv) = dag.get("dotenv") else { return vec![Template(USUAL.to_owned())] };
    let mut files: Vec<String> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    for file in dotenv.items().iter().filter_map(|item| reader.word(item)) {
        if seen.insert(file.clone()) {
            files.push(file);
        }
    }
    if !files.is_empty() && !files.iter().any(|file| file == USUAL) {
        files.insert(0, USUAL.to_owned());
    }
    files.into_iter().map(Template).collect()
}
