//! How a store is opened.

use std::path::PathBuf;
use std::time::Duration;

/// What an acknowledged commit survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Loss of power too: every commit is synced to the disk. The server's default.
    Power,
    /// The death of every process, `kill -9` included; loss of power may take the last commits. `pintle start`'s
    /// default.
    #[default]
    Process,
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory, `$PINTLE_HOME`. Made, for its owner alone, if it does not exist.
    pub dir: PathBuf,
    /// What an acknowledged commit survives.
    pub mode: Mode,
    /// How long a write waits for other processes' writes before it is refused.
    pub patience: Duration,
    /// Requests that may wait for the writer; the next is refused with [`crate::Error::Unavailable`].
    pub queue: usize,
    /// No more than so many pages of 4 KiB in the database file; more is a full disk. None: what the disk holds.
    pub page_limit: Option<u32>,
    /// Commits are made on the threads that ask for them where nobody else writes. For a process that has one run and
    /// so gains nothing by gathering; only in [`Mode::Process`], whose commits do not wait for the disk.
    pub alone: bool,
    /// Takes the directory to be on a file system of this `statfs` type. For tests of what is refused.
    pub pretend_file_system: Option<u64>,
}

impl Options {
    /// With everything but the directory as it is for `pintle start`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            mode: Mode::default(),
            patience: Duration::from_secs(10),
            queue: 1024,
            page_limit: None,
            alone: false,
            pretend_file_system: None,
        }
    }

    /// For a process that has one run.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// In another mode.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}
