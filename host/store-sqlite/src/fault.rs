//! Errors of the engine and of the system, in our words.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use pintle_core::ids::RunId;
use pintle_store::Error;
use rusqlite::ErrorCode;

use crate::limits::BUSY_TIMEOUT;

/// What goes wrong inside a statement, before anybody knows which file to name.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The engine's.
    Sql(rusqlite::Error),
    /// Ours already.
    Store(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// In our words, naming the database.
    pub(crate) fn named(self, database: &Path) -> Error {
        match self {
            Self::Sql(error) => sql(error, database),
            Self::Store(error) => error,
        }
    }
}

/// An engine's error about the database at `path`.
pub(crate) fn sql(error: rusqlite::Error, path: &Path) -> Error {
    let code = error.sqlite_error_code();
    let path = path.to_owned();
    let source = Arc::new(error);
    match code {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt { path, cause: source },
        Some(ErrorCode::DiskFull) => Error::DiskFull { path, cause: source },
        Some(ErrorCode::ReadOnly) => Error::ReadOnly { path, source },
        Some(ErrorCode::PermissionDenied) => Error::NoPermission { path, source },
        Some(ErrorCode::CannotOpen) => cannot_open(&path, source),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            let waited_ms = u64::try_from(BUSY_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
            Error::Busy { path, waited_ms }
        }
        Some(ErrorCode::SystemIoFailure) if is_full(&path) => Error::DiskFull { path, cause: source },
        Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory | ErrorCode::NoLargeFileSupport) => {
            Error::Io { doing: "use", path, source }
        }
        Some(_) | None => Error::Rule { source },
    }
}

/// The engine does not say why it could not open a file. Asking the system opens none (see the crate's page).
fn cannot_open(path: &Path, source: pintle_store::Cause) -> Error {
    use rustix::fs::{Access, access};
    let wanted = Access::READ_OK | Access::WRITE_OK;
    let beside = path.parent().unwrap_or(path);
    let refused = access(path, wanted).err().filter(|e| *e != rustix::io::Errno::NOENT);
    let path = path.to_owned();
    match refused.or_else(|| access(beside, wanted).err()) {
        Some(rustix::io::Errno::ROFS) => Error::ReadOnly { path, source },
        Some(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => Error::NoPermission { path, source },
        Some(_) | None => Error::Io { doing: "open", path, source },
    }
}

/// Whether the file system has not a block left: the engine reports a full disk in its shared memory as a fault.
fn is_full(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|fs| fs.f_bavail == 0)
}

/// A system's error about `path`.
pub(crate) fn io(error: std::io::Error, doing: &'static str, path: &Path) -> Error {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied => Error::NoPermission { path, source: Arc::new(error) },
        ErrorKind::ReadOnlyFilesystem => Error::ReadOnly { path, source: Arc::new(error) },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::DiskFull { path, cause: Arc::new(error) },
        ErrorKind::NotADirectory => Error::NotADirectory { path },
        // Nothing here is opened to be asked again later, so this is said of a thread alone.
        ErrorKind::WouldBlock => Error::NoThread { path, source: Arc::new(error) },
        _ => Error::Io { doing, path, source: Arc::new(error) },
    }
}

/// Something in a run's rows that this release does not know.
pub(crate) fn unreadable(run: &RunId, what: &str, found: &str) -> Error {
    let source = Arc::new(std::io::Error::other(format!("`{found}` is not known")));
    Error::Unreadable { run: run.clone(), what: what.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the engine answers with this code, as an error of ours and all that lies below it.
    fn said(code: std::ffi::c_int, text: &str) -> String {
        let engine = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(text.to_owned()));
        let error = sql(engine, Path::new("/data/pintle.db"));
        let below = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{error}{below}")
    }

    #[test]
    fn a_full_disk_and_a_damaged_database_are_said_once_and_without_the_number_of_the_engine() {
        assert_eq!(
            said(rusqlite::ffi::SQLITE_FULL, "database or disk is full"),
            "no space is left for /data/pintle.db: free some; everything acknowledged so far is kept"
        );
        let full = std::io::Error::from(ErrorKind::StorageFull);
        let full = io(full, "write", Path::new("/data/x"));
        assert!(std::error::Error::source(&full).is_none(), "{full:?}");
        let damaged = said(rusqlite::ffi::SQLITE_NOTADB, "file is not a database");
        assert!(damaged.starts_with("the database /data/pintle.db is damaged: "), "{damaged}");
        assert!(damaged.ends_with("nothing was deleted"), "{damaged}");
    }
}
