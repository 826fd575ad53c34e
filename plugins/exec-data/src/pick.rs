//! `data.pick`.

use std::collections::BTreeMap;

use pintle_guest::prelude::*;
use serde_json::Value;

use crate::format::{Format, Rows};
use crate::jq::{Program, from_json, line};
use crate::source::Source;

/// Of `data.pick`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// How the data is written, where it is text.
    #[serde(default = "json")]
    from: Format,
    #[serde(flatten)]
    source: Source,
    /// A jq path (`.user.name`), a list of them, or a mapping from output names to them.
    select: Select,
    /// Print text without quotes, and null as an empty line.
    #[serde(default)]
    raw: Lenient<bool>,
}

fn json() -> Format {
    Format::Json
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a path, a list of them, or a mapping from names to them")]
enum Select {
    /// One value.
    One(String),
    /// One line each.
    Many(Vec<String>),
    /// An output each, and one object on standard output.
    Named(BTreeMap<String, String>),
}

pub(crate) fn run(task: &Task, input: Input) -> Result<Done, Error> {
    let value = match input.source.take()? {
        Value::String(text) => input.from.read(&text, &Rows { headers: true, names: None, delimiter: None })?,
        value => value,
    };
    let pick = |path: &str| pick(task, path, &value);
    let raw = input.raw.0;
    match input.select {
        Select::One(path) => {
            let picked = pick(&path)?;
            output::print(&line(&picked, raw));
            Ok(Done::new().output("result", picked))
        }
        Select::Many(paths) => {
            let picked = paths.iter().map(|path| pick(path)).collect::<Result<Vec<_>, _>>()?;
            picked.iter().for_each(|one| output::print(&line(one, raw)));
            Ok(Done::new().output("result", picked))
        }
        Select::Named(paths) => {
            let picked = paths.iter().map(|(name, path)| Ok((name.clone(), pick(path)?)));
            let picked = picked.collect::<Result<serde_json::Map<_, _>, Error>>()?;
            output::print(&line(&Value::Object(picked.clone()), raw));
            let done = Done::new().output("result", &picked);
            Ok(picked.into_iter().fold(done, |done, (name, value)| done.output(&name, value)))
        }
    }
}

/// What a path finds: nothing is null, several are a list.
fn pick(task: &Task, path: &str, value: &Value) -> Result<Value, Error> {
    let mut found = Program::compile(path, &task.env, BTreeMap::new())?.apply(from_json(value)?)?;
    Ok(match found.len() {
        0 | 1 => found.pop().unwrap_or_default(),
        _ => Value::Array(found),
    })
}
