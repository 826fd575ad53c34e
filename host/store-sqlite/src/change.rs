//! Whether somebody wrote: `PRAGMA data_version`, on a connection that does nothing else.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pintle_store::{Changes, Error, Mark};
use rusqlite::Connection;

use crate::connection;
use crate::fault;
use crate::sql::{self, query};
use crate::store::Sqlite;

/// The connection, opened at the first look.
#[derive(Debug)]
pub(crate) struct Watch {
    database: PathBuf,
    conn: Mutex<Option<Connection>>,
}

impl Watch {
    pub(crate) fn new(database: &Path) -> Self {
        Self { database: database.to_owned(), conn: Mutex::default() }
    }

    fn mark(&self) -> Result<Mark, Error> {
        let mut slot = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        let conn = match &mut *slot {
            Some(conn) => conn,
            empty @ None => empty.insert(connection::open(&self.database, false)?),
        };
        let version = sql::prepare(conn, query!("schema/data_version"))
            .and_then(|mut look| look.query_row([], |row| row.get(0)))
            .map_err(|e| fault::sql(e, &self.database))?;
        Ok(Mark(sql::uint(version)))
    }
}

impl Changes for Sqlite {
    fn mark(&self) -> Result<Mark, Error> {
        self.inner().watch.mark()
    }
}
