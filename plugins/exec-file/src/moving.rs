//! `file.copy` and `file.move`.

use pintle_guest::files::{Kind, Metadata};
use pintle_guest::prelude::*;
use serde_json::json;

use crate::input::Transfer;
use crate::paths::{NOT_A_DIRECTORY, Place, is, was_lost};
use crate::told;
use crate::writing::{make_parents, stands, would};

/// Deepest tree that is copied: a guard against mounts that contain themselves.
const DEPTH_LIMIT: usize = 128;

/// The host's word for a move that would have to copy.
const OTHER_FILE_SYSTEM: &str = "CrossesDevices";

fn ends(task: &Task, input: &Transfer) -> Result<(Place, Place), Error> {
    let (source, destination) = (Place::of(task, &input.source)?, Place::of(task, &input.destination)?);
    if destination.is_within(&source) {
        let message = format!("`{}` is `{}` or lies in it: name another destination", destination.shown, source.shown);
        return Err(Error::invalid(message));
    }
    Ok((source, destination))
}

fn check_directory(source: &Place, metadata: &Metadata, input: &Transfer) -> Result<(), Error> {
    match metadata.kind {
        Kind::Directory if !input.recursive.0 => {
            Err(Error::invalid(format!("`{}` is a directory: set `recursive: true`", source.shown)))
        }
        Kind::Directory | Kind::File | Kind::Link => Ok(()),
        Kind::Other => Err(Error::unsupported(format!("`{}` is neither a regular file nor a directory", source.shown))),
    }
}

pub(crate) fn copy(task: &Task, input: &Transfer) -> Result<Done, Error> {
    let (source, destination) = ends(task, input)?;
    let metadata = source.must_exist()?;
    check_directory(&source, &metadata, input)?;
    // A directory that stands is filled up; a run of this step that was lost may have copied some of it.
    let may_stand = input.overwrite.0 || was_lost(task);
    if destination.look()?.is_some() && !may_stand {
        return Err(stands(&destination));
    }
    if task.is_dry_run() || input.dry_run.0 {
        return Ok(would(format_args!("copy {} to {}", source.shown, destination.shown)));
    }
    if input.create_dirs.0 {
        make_parents(&destination)?;
    }
    let copied = copy_tree(&source, &destination, &metadata, DEPTH_LIMIT)?;
    Ok(told(json!({ "source": source.shown, "destination": destination.shown, "files": copied, "changed": true })))
}

/// Copies what stands at `source`; returns how many files that were.
fn copy_tree(source: &Place, destination: &Place, metadata: &Metadata, depth: usize) -> Result<u64, Error> {
    call::check()?;
    if metadata.kind != Kind::Directory {
        // What a link leads to is copied; the bits of the link itself mean nothing.
        let mode = (metadata.kind == Kind::File).then_some(metadata.mode);
        let blob = files::load(&source.host).map_err(|error| source.blame(error))?;
        files::store(&destination.host, &blob, mode).map_err(|error| destination.unmade(error))?;
        return Ok(1);
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::exhausted(format!("`{}` lies deeper than {DEPTH_LIMIT} directories", source.shown)));
    };
    if destination.look()?.is_none() {
        files::make_dir(&destination.host).map_err(|error| destination.unmade(error))?;
    }
    let mut copied = 0;
    for entry in files::list(&source.host).map_err(|error| source.blame(error))? {
        let (from, to) = (source.join(&entry.name), destination.join(&entry.name));
        match entry.kind {
            Kind::File | Kind::Directory => copied += copy_tree(&from, &to, &from.must_exist()?, depth)?,
            Kind::Link | Kind::Other => {
                output::eprint(&format!("{} is neither a regular file nor a directory: left out\n", from.shown));
            }
        }
    }
    Ok(copied)
}

pub(crate) fn rename(task: &Task, input: &Transfer) -> Result<Done, Error> {
    let (source, destination) = ends(task, input)?;
    let report =
        |changed: bool| told(json!({ "source": source.shown, "destination": destination.shown, "changed": changed }));
    let there = destination.look()?;
    let Some(metadata) = source.look()? else {
        return if there.is_some() && was_lost(task) {
            Ok(report(false))
        } else {
            Err(Error::not_found(format!("`{}` does not exist", source.shown)))
        };
    };
    match there {
        Some(there) if there.kind == Kind::Directory || metadata.kind == Kind::Directory => {
            return Err(Error::conflict(format!("`{}` exists already: delete it first", destination.shown)));
        }
        Some(_) if !input.overwrite.0 => return Err(stands(&destination)),
        Some(_) | None => {}
    }
    if task.is_dry_run() || input.dry_run.0 {
        return Ok(would(format_args!("move {} to {}", source.shown, destination.shown)));
    }
    if input.create_dirs.0 {
        make_parents(&destination)?;
    }
    files::rename(&source.host, &destination.host).map_err(|error| unmoved(&source, &destination, error))?;
    Ok(report(true))
}

/// Why a move was not made: the source stands, so mostly for where it was to go.
fn unmoved(source: &Place, destination: &Place, error: Error) -> Error {
    if is(&error, OTHER_FILE_SYSTEM) {
        let (from, to) = (&source.shown, &destination.shown);
        return Error::unsupported(format!(
            "`{from}` and `{to}` are on different file systems: use `file.copy`, then `file.delete`"
        ));
    }
    // The host names the source, whichever of the two it is.
    let why = error.message.strip_prefix(&format!("`{}`: ", source.host)).filter(|_| !is(&error, NOT_A_DIRECTORY));
    match why {
        Some(why) => {
            let message = format!("`{}` cannot be moved to `{}`: {why}", source.shown, destination.shown);
            Error { message, ..error }
        }
        None => destination.unmade(error),
    }
}
