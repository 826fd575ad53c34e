//! Staged rows of components.

use std::sync::Arc;

use pintle_core::ids::Digest;
use pintle_core::plugin::Staged;
use pintle_store::{BoxFuture, Error, Plugins};
use rusqlite::{OptionalExtension, params};

use crate::sql::{self, query};
use crate::store::Sqlite;

impl Plugins for Sqlite {
    fn put_plugin<'a>(&'a self, staged: &'a Staged) -> BoxFuture<'a, Result<(), Error>> {
        let staged = staged.clone();
        Box::pin(async move {
            let json = serde_json::to_string(&staged).map_err(|e| Error::Rule { source: Arc::new(e) })?;
            let put = move |tx: &crate::writer::Tx<'_>| {
                let Staged { digest, name, version, kind, .. } = &staged;
                sql::execute(tx.conn, query!("plugin/put"), params![digest.as_str(), name, version, kind, json])?;
                Ok(())
            };
            self.inner().writer.write(put).await
        })
    }

    fn plugin<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Option<Staged>, Error>> {
        let digest = digest.clone();
        Box::pin(self.inner().desk.read(move |conn| {
            let mut statement = sql::prepare(conn, query!("plugin/get"))?;
            let found = statement.query_row([digest.as_str()], |row| row.get::<_, String>(1)).optional()?;
            // A row of a later release reads as none: the component is staged again.
            Ok(found.and_then(|json| serde_json::from_str(&json).ok()))
        }))
    }

    fn plugins(&self) -> BoxFuture<'_, Result<Vec<Staged>, Error>> {
        Box::pin(self.inner().desk.read(move |conn| {
            let mut statement = sql::prepare(conn, query!("plugin/list"))?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.extend(serde_json::from_str::<Staged>(&row.get::<_, String>(1)?).ok());
            }
            Ok(found)
        }))
    }
}
