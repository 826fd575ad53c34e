//! `artifact.write`, `artifact.read` and `artifact.list`: files that a run leaves for people, below its own directory.
//!
//! The environment names the directory. A path stays below it by the letter; what links lead to is the host's to judge.

use glob::Pattern;
use pintle_guest::files::{Kind, Metadata};
use pintle_guest::output::Channel;
use pintle_guest::prelude::*;
use serde_json::{Value, json};

use crate::input::{Mode, ReadFormat};
use crate::paths::Place;
use crate::writing::{bits, content, holds, make_parents, would};
use crate::{kind_name, told};

/// Names the run's directory.
const DIR: &str = "DAG_RUN_ARTIFACTS_DIR";
/// Largest artifact that is read.
const READ_LIMIT: u64 = 16 << 20;
/// Largest content that becomes an output; more is on standard output alone.
const OUTPUT_LIMIT: usize = 512 << 10;
/// More entries are an error.
const ENTRIES: usize = 10_000;
/// Permission bits of an artifact that says nothing else.
const MODE: u32 = 0o600;

/// Of `artifact.write`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    /// Relative to the run's directory of artifacts; directories that are missing are made.
    path: String,
    /// Text is written as it is; anything else as indented JSON.
    content: Value,
    /// Permission bits; without them `0600`.
    #[serde(default)]
    mode: Option<Mode>,
    /// Replaces what stands there. Without it another content there is a conflict.
    #[serde(default)]
    overwrite: Lenient<bool>,
    /// Readers see the old artifact or the new one; `overwrite` needs it.
    #[serde(default = "yes")]
    atomic: Lenient<bool>,
}

/// Of `artifact.read`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    /// Relative to the run's directory of artifacts.
    path: String,
    /// What is printed: the bytes, or an object with the text and what is known of the file.
    #[serde(default)]
    format: ReadFormat,
    /// A larger artifact is an error; 0: 16 MiB, which is the most.
    #[serde(default)]
    max_bytes: Lenient<u64>,
}

/// Of `artifact.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// A directory of artifacts; without it, all of them.
    #[serde(default)]
    path: Option<String>,
    /// With all that is below.
    #[serde(default)]
    recursive: Lenient<bool>,
    /// Only paths that match, such as `**/*.log`.
    #[serde(default)]
    pattern: Option<String>,
    /// Directories too.
    #[serde(default)]
    include_dirs: Lenient<bool>,
}

fn yes() -> Lenient<bool> {
    Lenient(true)
}

/// Where a path stands, and what it is called below the directory.
fn place(task: &Task, path: &str) -> Result<(Place, String), Error> {
    let Some((_, dir)) = task.env.iter().find(|(name, _)| name == DIR) else {
        return Err(Error::invalid("this run has no artifacts: remove `artifacts: {enabled: false}` from its DAG"));
    };
    if path.starts_with(['/', '~']) {
        return Err(Error::invalid(format!("`{path}`: an artifact path must be relative, to the run's artifacts")));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(Error::invalid(format!("`{path}`: an artifact path must not contain `..`")));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let name = parts.join("/");
    Ok((Place::of(task, &format!("{dir}/{name}"))?, name))
}

pub(crate) fn write(task: &Task, input: &Write) -> Result<Done, Error> {
    if input.overwrite.0 && !input.atomic.0 {
        return Err(Error::invalid("`overwrite: true` needs `atomic: true`: readers never see half an artifact"));
    }
    let (place, name) = place(task, &input.path)?;
    if name.is_empty() {
        return Err(Error::invalid("`path` names no artifact"));
    }
    let content = content(&input.content)?;
    let mode = input.mode.as_ref().map(bits).transpose()?.unwrap_or(MODE);
    let report = |changed: bool| told(json!({ "path": name, "size": content.len(), "changed": changed }));
    match place.look()?.map(|metadata| metadata.kind) {
        None => {}
        Some(Kind::File) if input.overwrite.0 => {}
        // An earlier try of this step wrote it.
        Some(Kind::File) if holds(&place, content.as_bytes())? => return Ok(report(false)),
        Some(Kind::File) => {
            return Err(Error::conflict(format!("`{name}`: file exists: set `overwrite: true` to replace it")));
        }
        Some(Kind::Directory | Kind::Link | Kind::Other) => {
            return Err(Error::conflict(format!("`{name}` is not a regular file: it cannot be written")));
        }
    }
    if task.is_dry_run() {
        return Ok(would(format_args!("write {} bytes to the artifact {name}", content.len())));
    }
    make_parents(&place)?;
    files::write(&place.host, content.as_bytes(), Some(mode)).map_err(|error| place.blame(error))?;
    Ok(report(true))
}

pub(crate) fn read(task: &Task, input: &Read) -> Result<Done, Error> {
    let limit = match input.max_bytes.0 {
        0 => READ_LIMIT,
        limit => limit.min(READ_LIMIT),
    };
    let (place, name) = place(task, &input.path)?;
    let Some(metadata) = place.look()? else {
        return Err(Error::not_found(format!("there is no artifact `{name}`")));
    };
    if metadata.kind == Kind::Directory {
        return Err(Error::invalid(format!("`{name}`: cannot read a directory: list it with `artifact.list`")));
    }
    if metadata.size > limit {
        return Err(Error::exhausted(format!(
            "`{name}` has {} bytes, which exceeds max_bytes of {limit}",
            metadata.size
        )));
    }
    let bytes = files::read(&place.host, limit).map_err(|error| place.blame(error))?;
    let text = String::from_utf8(bytes).map_err(|error| error.into_bytes());
    match (input.format, &text) {
        (ReadFormat::Raw, Ok(text)) => output::print(text),
        (ReadFormat::Raw, Err(bytes)) => output::write(Channel::Stdout, bytes),
        (ReadFormat::Json, Ok(text)) => {
            let mut told = described(&name, &metadata);
            if let Value::Object(fields) = &mut told {
                fields.insert("content".to_owned(), text.as_str().into());
            }
            output::print(&format!("{told}\n"));
        }
        (ReadFormat::Json, Err(_)) => {
            return Err(Error::invalid(format!("`{name}` is not UTF-8 text: read it with `format: raw`")));
        }
    }
    let done = Done::new().output("path", &name).output("size", metadata.size);
    Ok(match text {
        Ok(text) if text.len() <= OUTPUT_LIMIT => done.output("content", text),
        Ok(_) | Err(_) => done,
    })
}

pub(crate) fn list(task: &Task, input: &List) -> Result<Done, Error> {
    let (place, name) = place(task, input.path.as_deref().unwrap_or(""))?;
    let pattern = input.pattern.as_deref().map(Pattern::new).transpose();
    let pattern = pattern.map_err(|error| Error::invalid(format!("`pattern` is faulty: {error}")))?;
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let mut found = Vec::new();
    let there = place.look()?.is_some();
    if !there && !name.is_empty() {
        return Err(Error::not_found(format!("there is no directory `{name}` of artifacts")));
    }
    let mut open = if there { vec![(place, name, String::new())] } else { Vec::new() };
    while let Some((directory, shown, within)) = open.pop() {
        call::check()?;
        for entry in files::list(&directory.host).map_err(|error| directory.blame(error))? {
            let join =
                |above: &str| if above.is_empty() { entry.name.clone() } else { format!("{above}/{}", entry.name) };
            let (at, shown, within) = (directory.join(&entry.name), join(&shown), join(&within));
            if entry.kind == Kind::Directory && input.recursive.0 {
                open.push((at.clone(), shown.clone(), within.clone()));
            }
            let wanted = entry.kind == Kind::File || (entry.kind == Kind::Directory && input.include_dirs.0);
            let matches = pattern.as_ref().is_none_or(|glob| glob.matches_with(&within, options));
            if let Some(metadata) = at.look()?.filter(|_| wanted && matches) {
                found.push((shown.clone(), described(&shown, &metadata)));
            }
            if found.len() > ENTRIES {
                return Err(Error::exhausted(format!("there are more than {ENTRIES} artifacts: narrow `pattern`")));
            }
        }
    }
    found.sort_by(|(left, _), (right, _)| left.cmp(right));
    let entries: Vec<Value> = found.into_iter().map(|(_, entry)| entry).collect();
    Ok(told(json!({ "count": entries.len(), "entries": entries })))
}

fn described(name: &str, metadata: &Metadata) -> Value {
    json!({
        "path": name,
        "type": kind_name(metadata.kind),
        "size": metadata.size,
        "mode": format!("{:04o}", metadata.mode & 0o7777),
        "modified_ms": metadata.modified_ms,
    })
}
