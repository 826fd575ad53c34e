//! Golden tables of what an action's `with` becomes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::error::Error;
use crate::executor::{Executor, Task};

/// Holds a table against what a plugin reads. A row begins with `== ACTION: what it shows`; of its lines `gets:` is the
/// JSON that the plugin is given, and `holds:` what `read` makes of it, or, after `refused: `, the error's message. Every
/// field of every action must be given in a row. The variable `UPDATE` writes the lines `holds:` anew.
///
/// # Errors
/// The lines that are not so, and the fields that no row gives.
pub fn hold_inputs<E: Executor>(table: &Path, read: impl Fn(&Task) -> Result<String, Error>) -> Result<(), String> {
    let unread = |error: std::io::Error| format!("{}: {error}", table.display());
    let text = fs::read_to_string(table).map_err(unread)?;
    let (mut made, mut given, mut action) = (String::new(), BTreeSet::new(), "");
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            action = title.split(':').next().unwrap_or_default();
        }
        if line.starts_with("holds: ") {
            continue;
        }
        made.push_str(line);
        made.push('\n');
        if let Some(gets) = line.strip_prefix("gets: ") {
            let input: Value = serde_json::from_str(gets).map_err(|error| format!("{line}: {error}"))?;
            let names = input.as_object().into_iter().flat_map(|fields| fields.keys());
            given.extend(names.map(|name| (action.to_owned(), name.clone())));
            let held = read(&Task::new(action, input)).unwrap_or_else(|error| format!("refused: {}", error.message));
            made.push_str(&format!("holds: {held}\n"));
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(table, &made).map_err(unread)?;
    }
    let text = fs::read_to_string(table).map_err(unread)?;
    let differ = |one: &str, other: &str| -> Vec<String> {
        one.lines().filter(|line| !other.lines().any(|l| l == *line)).map(|line| format!("  {line}")).collect()
    };
    if text != made {
        let (lost, new) = (differ(&text, &made).join("\n"), differ(&made, &text).join("\n"));
        return Err(format!("only in {}:\n{lost}\nonly now:\n{new}\nUPDATE=1 writes it", table.display()));
    }
    let missing: Vec<String> =
        fields::<E>().difference(&given).map(|(action, name)| format!("{action} {name}")).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no row gives {}", missing.join(", "))) }
}

/// Every field of every action.
fn fields<E: Executor>() -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for action in E::actions() {
        let schema: Value = serde_json::from_str(&action.input_schema).unwrap_or_default();
        let names = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|fields| fields.keys());
        all.extend(names.map(|name| (action.name.clone(), name.clone())));
    }
    all
}
