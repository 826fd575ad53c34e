//! `archive.create`, `archive.extract` and `archive.list`: zip, tar, tar.gz and (to read) tar.zst.
//!
//! The danger is the archive of a stranger: names that lead elsewhere, links, a few bytes that unpack to a whole disk.
//! The rule: all names are looked at before the first file is written; links are never made; entries and bytes are
//! counted as they come, whatever the archive says of itself. What is not promised: that an archive which breaks off in
//! its middle leaves nothing behind (whole files that came before stay).

mod create;
mod entries;
mod extract;
mod filter;
mod format;
mod names;
mod pieces;

pub(crate) use create::create;
pub(crate) use extract::{extract, list};

/// Entries of one archive, where the step says nothing.
pub(crate) const ENTRIES: u64 = 10_000;
/// Bytes that one archive unpacks to, where the step says nothing.
pub(crate) const BYTES: u64 = 1 << 30;
