//! What went wrong, in a sentence: SQLite's errors with their place, and what to do.

use pintle_plane::executor::{Failure, Fault, Limit};
use rusqlite::{Error, ErrorCode};

use super::limits::VALUE_BYTES;
use super::watch::{Cut, Watch};
use crate::limits::MIB;

/// Why the work failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) fault: Fault,
    pub(super) message: String,
    pub(super) limit: Option<Limit>,
}

impl Told {
    pub(super) fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), limit: None }
    }

    /// The author's fault.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Fault::Invalid, message)
    }

    /// Not granted.
    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self::new(Fault::Denied, message)
    }

    /// The end of work that was given up.
    pub(super) fn cut(cut: Cut, watch: &Watch) -> Self {
        match cut {
            Cut::Stopped => Self::new(Fault::Cancelled, "stopped"),
            Cut::Late => Self::new(Fault::Exhausted, watch.late("it was given up")).limited(Limit::Wall),
        }
    }

    /// Ended by a bound.
    pub(super) fn limited(self, limit: Limit) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The same with words before it.
    pub(super) fn at(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// The same with words behind it.
    pub(super) fn with(self, more: &str) -> Self {
        Self { message: format!("{}; {more}", self.message), ..self }
    }

    /// As a report of `action`.
    pub(super) fn failure(self, action: &str) -> Failure {
        let message = crate::host::always::clipped(&format!("{action}: {}", self.message));
        Failure { fault: self.fault, message, retry_after: None, code: None, exit_code: None, limit: self.limit }
    }
}

/// A text of SQL, for places in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    /// `query`, or the file's name.
    pub(super) name: &'a str,
    pub(super) sql: &'a str,
}

impl Text<'_> {
    /// Where a byte of it stands.
    fn place(&self, at: usize) -> String {
        let before = self.sql.get(..at).unwrap_or(self.sql);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}, line {line}, column {column}", self.name)
    }
}

/// An error while a statement was read: SQLite says where.
pub(super) fn read(error: Error, text: Text<'_>, number: usize, watch: &Watch) -> Told {
    match error {
        Error::SqlInputError { error: code, msg, sql, offset } => {
            // What was read is what is left of the whole from that statement on.
            let start = text.sql.len().saturating_sub(sql.len());
            let offset = usize::try_from(offset).ok().filter(|_| text.sql.ends_with(&sql));
            let said = of(Error::SqliteFailure(code, Some(msg)), watch);
            match offset {
                Some(offset) => said.at(&text.place(start + offset)),
                None => said.at(&statement(text, number)),
            }
        }
        error => of(error, watch).at(&statement(text, number)),
    }
}

/// An error while a statement ran.
pub(super) fn run(error: Error, text: Text<'_>, number: usize, watch: &Watch) -> Told {
    let told = of(error, watch);
    match told.fault {
        // Not the statement's fault.
        Fault::Cancelled => told,
        _ => told.at(&statement(text, number)),
    }
}

/// A statement by its number.
pub(super) fn statement(text: Text<'_>, number: usize) -> String {
    format!("{}, statement {number}", text.name)
}

/// What SQLite says, and what to do.
pub(super) fn of(error: Error, watch: &Watch) -> Told {
    let (code, message) = match error {
        Error::SqliteFailure(code, message) => (code, message),
        Error::SqlInputError { error, msg, .. } => (error, Some(msg)),
        Error::NulError(_) => return Told::invalid("it holds a NUL byte"),
        other => return Told::new(Fault::Failed, other.to_string()),
    };
    let said = message.unwrap_or_else(|| code.to_string());
    match code.code {
        ErrorCode::OperationInterrupted => match watch.cut() {
            Some(cut) => Told::cut(cut, watch),
            None => Told::new(Fault::Failed, said),
        },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => match watch.cut() {
            Some(Cut::Stopped) => Told::cut(Cut::Stopped, watch),
            _ => Told::new(
                Fault::Busy,
                watch.late("the database is locked by another connection, and waiting for it was given up"),
            ),
        },
        ErrorCode::TooBig => Told::new(
            Fault::Exhausted,
            format!("{said}: a text, blob or row has at most {} MiB", VALUE_BYTES as usize / MIB),
        ),
        ErrorCode::ReadOnly => Told::denied(format!("{said}: it was opened for reading alone")),
        ErrorCode::NotADatabase => Told::invalid("this file is not an SQLite database (or it is encrypted)"),
        ErrorCode::DatabaseCorrupt => Told::new(
            Fault::Failed,
            format!("{said}: the file is damaged; `PRAGMA integrity_check` says where, a backup helps"),
        ),
        ErrorCode::DiskFull => Told::new(Fault::Exhausted, said),
        ErrorCode::OutOfMemory => Told::new(Fault::Exhausted, "SQLite was given no more memory"),
        ErrorCode::CannotOpen => Told::new(
            Fault::Denied,
            format!("{said}: the database, its journal or a temporary file cannot be opened or made here"),
        ),
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => Told::denied(said),
        ErrorCode::ConstraintViolation => Told::new(Fault::Conflict, said),
        ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed | ErrorCode::NoLargeFileSupport => {
            Told::new(Fault::Failed, said)
        }
        _ if said.starts_with("no such table") => {
            Told::invalid(format!("{said}; `CREATE TABLE` makes it, in a `sqlite.query`"))
        }
        _ => Told::invalid(said),
    }
}
