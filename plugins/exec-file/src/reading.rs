//! `file.stat` and `file.read`.

use pintle_guest::files::Metadata;
use pintle_guest::output::Channel;
use pintle_guest::prelude::*;
use serde_json::{Value, json};

use crate::input::{Read, ReadFormat, Stat};
use crate::paths::Place;
use crate::{kind_name, told};

/// Largest `max_bytes`.
const READ_LIMIT: u64 = 16 << 20;

/// Largest content that becomes an output; more is on standard output alone.
const OUTPUT_LIMIT: usize = 512 << 10;

pub(crate) fn stat(task: &Task, input: &Stat) -> Result<Done, Error> {
    let place = Place::of(task, &input.path)?;
    match place.look()? {
        Some(metadata) => Ok(told(described(&place, &metadata))),
        None if input.missing_ok.0 => Ok(told(json!({ "path": place.shown, "exists": false }))),
        None => Err(Error::not_found(format!("`{}` does not exist (`missing_ok: true` takes that)", place.shown))),
    }
}

fn described(place: &Place, metadata: &Metadata) -> Value {
    json!({
        "path": place.shown,
        "exists": true,
        "type": kind_name(metadata.kind),
        "size": metadata.size,
        "mode": format!("{:04o}", metadata.mode & 0o7777),
        "modified_ms": metadata.modified_ms,
    })
}

pub(crate) fn read(task: &Task, input: &Read) -> Result<Done, Error> {
    let limit = input.max_bytes.0;
    if limit > READ_LIMIT {
        return Err(Error::invalid(format!(
            "`max_bytes` of {limit} is more than the {READ_LIMIT} that a step may read"
        )));
    }
    let place = Place::of(task, &input.path)?;
    let bytes = files::read(&place.host, limit).map_err(|error| match error.fault {
        Fault::Exhausted => error.context("raise `max_bytes`"),
        _ => place.blame(error),
    })?;
    let size = bytes.len();
    let text = String::from_utf8(bytes).map_err(|error| error.into_bytes());
    if input.quiet.0 {
        check_quiet(&place, &text)?;
    } else {
        print(&place, input.format, &text)?;
    }
    let done = Done::new().output("path", &place.shown).output("size", size);
    Ok(match text {
        Ok(text) if text.len() <= OUTPUT_LIMIT => done.output("content", text),
        Ok(_) | Err(_) => done,
    })
}

fn print(place: &Place, format: ReadFormat, text: &Result<String, Vec<u8>>) -> Result<(), Error> {
    match (format, text) {
        (ReadFormat::Raw, Ok(text)) => output::print(text),
        (ReadFormat::Raw, Err(bytes)) => output::write(Channel::Stdout, bytes),
        (ReadFormat::Json, Ok(text)) => {
            output::print(&format!("{}\n", json!({ "path": place.shown, "size": text.len(), "content": text })));
        }
        (ReadFormat::Json, Err(_)) => {
            return Err(Error::invalid(format!("`{}` is not UTF-8 text: read it with `format: raw`", place.shown)));
        }
    }
    Ok(())
}

/// What is not printed must be an output: else the step would have read for nothing.
fn check_quiet(place: &Place, text: &Result<String, Vec<u8>>) -> Result<(), Error> {
    match text {
        Ok(text) if text.len() <= OUTPUT_LIMIT => Ok(()),
        Ok(text) => Err(Error::exhausted(format!(
            "`{}` has {} bytes, and the output `content` may have {OUTPUT_LIMIT}: leave out `quiet`, so that it is printed",
            place.shown,
            text.len()
        ))),
        Err(_) => Err(Error::invalid(format!(
            "`{}` is not UTF-8 text, which alone can be the output `content`: leave out `quiet`, so that it is printed",
            place.shown
        ))),
    }
}
