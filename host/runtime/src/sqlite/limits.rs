//! Bounds of one step on a database. Each has a test in which it bites, in `tests.rs`.

use std::time::Duration;

use crate::limits::MIB;

/// Bytes printed, where `max_bytes` says nothing else.
pub(super) const OUTPUT_BYTES: u64 = 64 * MIB as u64;
/// Longest text, blob or row, in bytes.
pub(super) const VALUE_BYTES: i32 = 32 * MIB as i32;
/// Longest statement, and longest file of statements, in bytes.
pub(super) const SQL_BYTES: usize = MIB;
/// Longest pattern of `LIKE` and `GLOB`, in bytes: they cannot be interrupted.
pub(super) const PATTERN_BYTES: i32 = 1024;
/// How deep triggers start each other.
pub(super) const TRIGGER_DEPTH: i32 = 100;
/// Pages of a database in memory; of 4 KiB each.
pub(super) const MEMORY_PAGES: u32 = 64 * 1024;
/// Memory for pages of a file and for sorting, in KiB; what is more goes to temporary files.
pub(super) const CACHE_KIB: u32 = 16 * 1024;
/// Longest row of a file that is imported, in bytes.
pub(super) const ROW_BYTES: usize = 32 * MIB;
/// Printed bytes that are handed over at once, about.
pub(super) const CHUNK: usize = 32 * 1024;
/// Chunks that wait to be printed; a query waits for its reader then.
pub(super) const CHUNKS: usize = 16;
/// Longest that a row waits for others to be printed with.
pub(super) const FLUSH: Duration = Duration::from_millis(200);
/// Steps of SQLite's machine between two looks at the clock and the stop signal: well below a millisecond.
pub(super) const LOOK: i32 = 2000;
/// Longest sleep between two tries for a lock.
pub(super) const LOCK_SLEEP: Duration = Duration::from_millis(50);
/// From when on it is told that a lock is waited for.
pub(super) const LOCK_TOLD: Duration = Duration::from_secs(1);
/// Stack of the thread, in bytes: SQLite's parser recurses.
pub(super) const STACK: usize = 8 * MIB;
