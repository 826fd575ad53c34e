//! `file.write`, `file.delete` and `file.mkdir`.

use pintle_guest::files::Kind;
use pintle_guest::prelude::*;
use serde_json::{Value, json};

use crate::input::{Delete, Mkdir, Mode, Write};
use crate::paths::{Place, was_lost};
use crate::told;

pub(crate) fn write(task: &Task, input: &Write) -> Result<Done, Error> {
    let place = Place::of(task, &input.path)?;
    let content = content(&input.content)?;
    let mode = input.mode.as_ref().map(bits).transpose()?;
    let there = place.look()?;
    // A link is written through, as an editor would; where it leads is the host's to judge.
    if there.as_ref().is_some_and(|metadata| matches!(metadata.kind, Kind::Directory | Kind::Other)) {
        return Err(Error::conflict(format!("`{}` is not a regular file: it cannot be written", place.shown)));
    }
    let report = |changed: bool| told(json!({ "path": place.shown, "size": content.len(), "changed": changed }));
    if there.is_some() && !input.append.0 && !input.overwrite.0 {
        return if holds(&place, content.as_bytes())? { Ok(report(false)) } else { Err(stands(&place)) };
    }
    if task.is_dry_run() || input.dry_run.0 {
        return Ok(would(format_args!("write {} bytes to {}", content.len(), place.shown)));
    }
    if input.create_dirs.0 {
        make_parents(&place)?;
    }
    let written = if input.append.0 {
        files::append(&place.host, content.as_bytes())
    } else {
        files::write(&place.host, content.as_bytes(), mode)
    };
    written.map_err(|error| place.unmade(error))?;
    Ok(report(true))
}

pub(crate) fn content(value: &Value) -> Result<String, Error> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => Ok(format!("{}\n", serde_json::to_string_pretty(other)?)),
    }
}

pub(crate) fn bits(mode: &Mode) -> Result<u32, Error> {
    let digits = match mode {
        Mode::Octal(text) => text.trim_start_matches("0o").to_owned(),
        Mode::Digits(number) => number.to_string(),
    };
    u32::from_str_radix(&digits, 8)
        .ok()
        .filter(|bits| *bits <= 0o777)
        .ok_or_else(|| Error::invalid(format!("`mode` of `{digits}` is not octal permission bits: write \"0644\"")))
}

/// The file holds these bytes already: an earlier run of this step, or somebody else, wrote them.
pub(crate) fn holds(place: &Place, bytes: &[u8]) -> Result<bool, Error> {
    match files::read(&place.host, bytes.len() as u64) {
        Ok(there) => Ok(there == bytes),
        Err(error) if error.fault == Fault::Exhausted => Ok(false),
        Err(error) => Err(place.blame(error)),
    }
}

pub(crate) fn stands(place: &Place) -> Error {
    Error::conflict(format!("`{}` exists already: set `overwrite: true` to replace it", place.shown))
}

/// The answer of a dry run.
pub(crate) fn would(what: impl std::fmt::Display) -> Done {
    output::print(&format!("would {what}\n"));
    Done::new().output("changed", false)
}

/// Makes the directories above a place.
pub(crate) fn make_parents(place: &Place) -> Result<(), Error> {
    let mut missing = Vec::new();
    let mut above = place.parent();
    while let Some(directory) = above {
        match directory.look()? {
            Some(metadata) if metadata.kind == Kind::File => {
                return Err(directory.no_directory());
            }
            Some(_) => break,
            None => {
                above = directory.parent();
                missing.push(directory);
            }
        }
    }
    missing.iter().rev().try_for_each(make_one)
}

/// Another step may make the same directory at the same time: it is there, and that is what counts.
fn make_one(directory: &Place) -> Result<(), Error> {
    match files::make_dir(&directory.host) {
        Err(error) if error.fault == Fault::Conflict => Ok(()),
        other => other.map_err(|error| directory.blame(error)),
    }
}

pub(crate) fn make_dir(task: &Task, input: &Mkdir) -> Result<Done, Error> {
    let place = Place::of(task, &input.path)?;
    let report = |changed: bool| told(json!({ "path": place.shown, "changed": changed }));
    match place.look()?.map(|metadata| metadata.kind) {
        Some(Kind::Directory) => return Ok(report(false)),
        Some(Kind::Link) if files::list(&place.host).is_ok() => return Ok(report(false)),
        Some(_) => return Err(Error::conflict(format!("`{}` exists already, and is no directory", place.shown))),
        None => {}
    }
    if task.is_dry_run() || input.dry_run.0 {
        return Ok(would(format_args!("make directory {}", place.shown)));
    }
    if input.parents.0 {
        make_parents(&place)?;
    }
    make_one(&place)?;
    Ok(report(true))
}

pub(crate) fn delete(task: &Task, input: &Delete) -> Result<Done, Error> {
    let place = Place::of(task, &input.path)?;
    if place.parent().is_none() {
        return Err(Error::invalid("`/` is not deleted"));
    }
    let report = |changed: bool| told(json!({ "path": place.shown, "changed": changed }));
    let Some(metadata) = place.look()? else {
        return if input.missing_ok.0 || was_lost(task) {
            Ok(report(false))
        } else {
            Err(Error::not_found(format!("`{}` does not exist (`missing_ok: true` takes that)", place.shown)))
        };
    };
    if metadata.kind == Kind::Directory && !input.recursive.0 && !files::list(&place.host)?.is_empty() {
        return Err(Error::conflict(format!("directory `{}` is not empty: set `recursive: true`", place.shown)));
    }
    if task.is_dry_run() || input.dry_run.0 {
        return Ok(would(format_args!("delete {}", place.shown)));
    }
    files::remove(&place.host, input.recursive.0).map_err(|error| place.blame(error))?;
    Ok(report(true))
}
