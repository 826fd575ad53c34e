//! Bytes too large for a guest's memory stay with the host, under a name. Needs the `blobs` grant.

use crate::bindings::wire::blobs as wire;
use crate::error::Error;

/// Largest piece that crosses at once, in bytes.
pub const PIECE: u32 = 1 << 20;

/// How many bytes a blob has.
///
/// # Errors
/// `not-found` when there is none of that name.
pub fn size(blob: &str) -> Result<u64, Error> {
    Ok(wire::size(blob)?)
}

/// At most `limit` bytes from `offset`, at most [`PIECE`].
///
/// # Errors
/// `not-found` when there is none of that name.
pub fn read(blob: &str, offset: u64, limit: u32) -> Result<Vec<u8>, Error> {
    Ok(wire::read(blob, offset, limit.min(PIECE))?)
}

/// A new blob; its name is good for this call only.
///
/// # Errors
/// `exhausted` when there is no room.
pub fn create() -> Result<String, Error> {
    Ok(wire::create()?)
}

/// Adds bytes; returns the new size.
///
/// # Errors
/// `invalid` for a blob that was not created in this call, `exhausted` when there is no room.
pub fn append(blob: &str, mut bytes: &[u8]) -> Result<u64, Error> {
    loop {
        let (piece, rest) = bytes.split_at(bytes.len().min(PIECE as usize));
        let size = wire::append(blob, piece)?;
        if rest.is_empty() {
            return Ok(size);
        }
        bytes = rest;
    }
}

/// SHA-256 of a slice, as lower-case hex.
///
/// # Errors
/// `not-found` when there is none of that name.
pub fn sha256(blob: &str, offset: u64, length: u64) -> Result<String, Error> {
    Ok(wire::sha256(blob, offset, length)?)
}
