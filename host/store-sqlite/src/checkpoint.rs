//! When the write-ahead log goes into the database.
//!
//! Nobody's commit waits for it: the writer does it when it has nothing else to do, or when the log has grown past a
//! bound, after the answers went out. The first process that opens a log reads all of it, so a log is not left long
//! either: past [`IDLE_PAGES`] a short pause is enough, and past [`EXIT_PAGES`] the end of the process is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};

use crate::limits::BUSY_TIMEOUT;

/// 1 MiB: reading that much again costs an opener well below a millisecond.
const IDLE_PAGES: u32 = 256;
/// 4 MiB.
const EXIT_PAGES: u32 = 1024;
/// 16 MiB.
const PASSIVE_PAGES: u32 = 4096;
/// 64 MiB.
const TRUNCATE_PAGES: u32 = 16_384;
/// A pause, once the log is worth it.
const SHORT_PAUSE: Duration = Duration::from_millis(2);
/// A pause after which any log is.
const LONG_PAUSE: Duration = Duration::from_secs(1);
/// How long a truncation waits for readers.
const TRUNCATE_PATIENCE: Duration = Duration::from_millis(3);
/// A checkpoint that readers kept from finishing is not tried again before this.
const AGAIN: Duration = Duration::from_millis(200);

/// Pages in the write-ahead log, as the last commit told.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pages: Arc<AtomicU32>,
    last: Option<Instant>,
    /// It was told that it cannot be done; until it was done again, that is no news.
    told: bool,
}

impl Log {
    /// Has the connection tell us. Replaces SQLite's automatic checkpoint, which is done by such a hook itself.
    pub(crate) fn watch(&self, conn: &mut Connection) -> rusqlite::Result<()> {
        let pages = Arc::clone(&self.pages);
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count: std::ffi::c_int| {
            pages.store(u32::try_from(count).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))
    }

    fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }

    /// How long the writer may wait for work before it checkpoints; none: as long as it likes.
    pub(crate) fn pause(&self) -> Option<Duration> {
        match self.pages() {
            0 => None,
            1..IDLE_PAGES => Some(LONG_PAUSE),
            _ if self.last.is_some_and(|at| at.elapsed() < AGAIN) => Some(AGAIN),
            _ => Some(SHORT_PAUSE),
        }
    }

    /// Whether the log must shrink although there is work.
    pub(crate) fn is_large(&self) -> bool {
        self.pages() >= PASSIVE_PAGES && self.last.is_none_or(|at| at.elapsed() >= AGAIN)
    }

    /// Whether only starting it anew helps; that needs the write lock.
    pub(crate) fn is_huge(&self) -> bool {
        self.pages() >= TRUNCATE_PAGES
    }

    /// Whether the next process would pay for it.
    pub(crate) fn is_worth_an_exit(&self) -> bool {
        self.pages() >= EXIT_PAGES
    }

    /// Brings what it can into the database. A failure is no one's loss: the log has everything.
    pub(crate) fn run(&mut self, conn: &Connection, truncate: bool, path: &Path) {
        self.last = Some(Instant::now());
        let mode = if truncate { CheckpointMode::TRUNCATE } else { CheckpointMode::PASSIVE };
        // A truncation waits for readers under the write lock, so not for long: another one comes.
        let hurried = conn.busy_timeout(TRUNCATE_PATIENCE);
        let done = hurried.and_then(|()| conn.wal_checkpoint_v2(None::<&str>, mode));
        match conn.busy_timeout(BUSY_TIMEOUT).and(done) {
            Ok((total, done)) if total == done => {
                self.pages.store(0, Ordering::Relaxed);
                self.told = false;
            }
            Ok((total, done)) => tracing::debug!(total, done, "readers kept the log from being checked in"),
            // Another process is at it, or readers held out: as good as done, and no news for anybody.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                tracing::debug!("another process is checking the log in");
            }
            Err(error) if self.told => tracing::debug!(%error, "the log can still not be checked in"),
            Err(error) => {
                self.told = true;
                tracing::warn!(database = %path.display(), %error, "the log could not be checked in; it is tried again");
            }
        }
    }
}
