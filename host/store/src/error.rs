//! Why a store did not do what it was asked.

use std::path::PathBuf;
use std::sync::Arc;

use pintle_core::counter::Version;
use pintle_core::ids::RunId;

/// What lies below an error. Shared, because one failed commit answers everybody whose work was in it.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a store did not do what it was asked: what is wrong, where, and what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The directory or a file in it belongs to somebody else.
    #[error(
        "no permission to write {}: run as its owner, or choose another directory with --home or PINTLE_HOME",
        path.display()
    )]
    NoPermission {
        /// What could not be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// The file system or the file takes no writes.
    #[error(
        "{} is read-only: make it writable, or choose another directory with --home or PINTLE_HOME",
        path.display()
    )]
    ReadOnly {
        /// What could not be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// Something else lies in the place of the data directory.
    #[error("{} is not a directory: choose another with --home or PINTLE_HOME", path.display())]
    NotADirectory {
        /// What lies there.
        path: PathBuf,
    },
    /// No room is left. What was acknowledged is kept, and a later write succeeds once there is room again.
    #[error("no space is left for {}: free some; everything acknowledged so far is kept", path.display())]
    DiskFull {
        /// What could not grow.
        path: PathBuf,
        /// What the system said. No source: it is the same in other words.
        cause: Cause,
    },
    /// The database is not one, or is damaged. Nothing was deleted.
    #[error(
        "the database {} is damaged: set it aside (`mkdir {1}/damaged && mv {1}/pintle.db* {1}/damaged/`) and start \
         again, or restore a copy; nothing was deleted",
        path.display(),
        path.parent().unwrap_or(path).display()
    )]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// What the database engine said, for whoever looks into it. No source: the sentence is whole without.
        cause: Cause,
    },
    /// A file of that name holds somebody else's tables.
    #[error("{} is a database of another program: move it away, or choose another directory", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Locks and shared memory cannot be trusted there.
    #[error(
        "{} is on a network file system ({kind}), where locks cannot be trusted: choose a directory on a local disk",
        path.display()
    )]
    NetworkFileSystem {
        /// The data directory.
        path: PathBuf,
        /// `NFS`, `SMB`, ...
        kind: &'static str,
    },
    /// A later release wrote this database.
    #[error(
        "the database {} has schema {found} and this program knows {known}: use the newer pintle that wrote it",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: u32,
        /// What this program can read.
        known: u32,
    },
    /// A migration that ran then is not the one that this program carries.
    #[error(
        "migration {number} of the database {} is not the one this program was built with: use the release that wrote it",
        path.display()
    )]
    ChangedMigration {
        /// The file.
        path: PathBuf,
        /// Which migration.
        number: u32,
    },
    /// Another process held the write lock for longer than anybody may. Nothing was written.
    #[error(
        "another process has held the write lock {} for {waited_ms} ms: see whether a stopped pintle holds it (`fuser {0}`)",
        path.display()
    )]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// More work waits than is good. Nothing was written; try again.
    #[error("the store has more work waiting than it takes: try again in a moment")]
    Unavailable,
    /// Writes failed twice in a row, or the store was closed. Nothing is written any more.
    #[error("the store has stopped: {reason}; start the process again")]
    Stopped {
        /// Why.
        reason: String,
    },
    /// The device failed. Of a commit: whether it happened is not known before the run was loaded again.
    #[error(
        "cannot {doing} {}: the device or file system reported an error; the system's log says more (`dmesg`)",
        path.display()
    )]
    Io {
        /// `read`, `write`, ...
        doing: &'static str,
        /// What.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// The system gives this user no more threads. Nothing was written.
    #[error("no thread can be started for {}: end other processes of this user, or raise `ulimit -u`", path.display())]
    NoThread {
        /// What it was to work on.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// An event or row that this program does not understand: written by a later release, or damaged.
    #[error(
        "{what} of run {run} cannot be read: a newer pintle wrote it, then use that one, or it is damaged, then restore \
         a copy of the data directory"
    )]
    Unreadable {
        /// Whose.
        run: RunId,
        /// `event 12`, `step 3`, ...
        what: String,
        /// What was expected.
        #[source]
        source: Cause,
    },
    /// A log chunk that would leave a hole.
    #[error("log {log} has {have} bytes and the chunk begins at {offset}: send what is missing first")]
    LogGap {
        /// Which log.
        log: String,
        /// What is stored.
        have: u64,
        /// Where the chunk wants to go.
        offset: u64,
    },
    /// A row or statement broke a rule of the schema: a fault of this program. Nothing was written.
    #[error("the store refused a write that breaks a rule of its schema: this is a fault in pintle, please report it")]
    Rule {
        /// Which rule.
        #[source]
        source: Cause,
    },
}

impl Error {
    /// Whether the same request may succeed later without anybody's help but time or space.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::DiskFull { .. } | Self::Busy { .. } | Self::Unavailable | Self::NoThread { .. } => true,
            Self::NoPermission { .. }
            | Self::ReadOnly { .. }
            | Self::NotADirectory { .. }
            | Self::Corrupt { .. }
            | Self::Foreign { .. }
            | Self::NetworkFileSystem { .. }
            | Self::NewerSchema { .. }
            | Self::ChangedMigration { .. }
            | Self::Stopped { .. }
            | Self::Io { .. }
            | Self::Unreadable { .. }
            | Self::LogGap { .. }
            | Self::Rule { .. } => false,
        }
    }

    /// The words for an event of a run's log.
    #[must_use]
    pub fn unreadable_event(run: &RunId, version: Version, source: Cause) -> Self {
        Self::Unreadable { run: run.clone(), what: format!("event {version}"), source }
    }
}
