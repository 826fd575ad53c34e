//! Files below the roots that the operator mapped: `root/path`. Needs the `files` grant.

use super::all_pages;
use crate::bindings::wire::files as wire;
use crate::error::Error;

pub use crate::bindings::pintle::host::files::{Entry, Kind, Metadata};

/// Largest piece that crosses at once, in bytes.
pub const PIECE: u32 = 1 << 20;

/// At most `limit` bytes from `offset`, at most [`PIECE`]; fewer only at the end of the file.
///
/// # Errors
/// `not-found`, `denied`, or `invalid` for what is no regular file.
pub fn read_piece(path: &str, offset: u64, limit: u32) -> Result<Vec<u8>, Error> {
    Ok(wire::read(path, offset, limit.min(PIECE))?)
}

/// The whole file, at most `limit` bytes.
///
/// # Errors
/// As [`read_piece`]; `exhausted` when the file is larger.
pub fn read(path: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    loop {
        let offset = bytes.len() as u64;
        let piece = read_piece(path, offset, PIECE)?;
        let last = piece.len() < PIECE as usize;
        bytes.extend(piece);
        if bytes.len() as u64 > limit {
            return Err(Error::exhausted(format!("`{path}` is larger than {limit} bytes")));
        }
        if last {
            return Ok(bytes);
        }
    }
}

/// Replaces the whole file in one step: readers see the old or the new one.
///
/// # Errors
/// `not-found` when its directory is missing, `denied`, or `exhausted` beyond [`PIECE`] (use a blob).
pub fn write(path: &str, bytes: &[u8], mode: Option<u32>) -> Result<(), Error> {
    Ok(wire::write(path, bytes, mode)?)
}

/// Adds to the end of a file, which is made if missing.
///
/// # Errors
/// As [`write`].
pub fn append(path: &str, bytes: &[u8]) -> Result<(), Error> {
    Ok(wire::append(path, bytes)?)
}

/// A whole file as a blob, whatever its size.
///
/// # Errors
/// As [`read_piece`].
pub fn load(path: &str) -> Result<String, Error> {
    Ok(wire::load(path)?)
}

/// A blob as a whole file, in one step.
///
/// # Errors
/// As [`write`].
pub fn store(path: &str, blob: &str, mode: Option<u32>) -> Result<(), Error> {
    Ok(wire::store(path, blob, mode)?)
}

/// What stands there; a link is told as a link.
///
/// # Errors
/// `not-found`, `denied`.
pub fn inspect(path: &str) -> Result<Metadata, Error> {
    Ok(wire::inspect(path)?)
}

/// All entries of a directory.
///
/// # Errors
/// `not-found`, `denied`, or `invalid` for what is no directory.
pub fn list(path: &str) -> Result<Vec<Entry>, Error> {
    all_pages(|request| {
        let page = wire::list_entries(path, request)?;
        Ok((page.entries, page.next))
    })
}

/// Makes a directory; its parent must exist.
///
/// # Errors
/// `conflict` when something stands there, `not-found` without the parent.
pub fn make_dir(path: &str) -> Result<(), Error> {
    Ok(wire::make_dir(path)?)
}

/// Removes a file, an empty directory, or with `recursive` all that is in it.
///
/// # Errors
/// `not-found`, `denied`, or `conflict` for a directory that is not empty.
pub fn remove(path: &str, recursive: bool) -> Result<(), Error> {
    Ok(wire::remove(path, recursive)?)
}

/// Moves a file or directory within its root, over what stands there.
///
/// # Errors
/// `not-found`, `denied`; `unsupported` between roots or file systems.
pub fn rename(path: &str, to: &str) -> Result<(), Error> {
    Ok(wire::rename(path, to)?)
}
