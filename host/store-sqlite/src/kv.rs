//! Durable state of plugins.

use pintle_core::time::{Span, Timestamp};
use pintle_store::{BoxFuture, Condition, Entry, Error, Guard, Kv, KvError, Scope};
use rusqlite::{Connection, OptionalExtension, params};

use crate::fault::Fault;
use crate::sql::{self, query};
use crate::store::Sqlite;
use crate::writer::Tx;

/// Whose key, owned by the closure that goes to another thread.
#[derive(Debug, Clone)]
struct Place {
    scope: Scope,
    key: String,
}

impl Kv for Sqlite {
    fn kv_get<'a>(&'a self, scope: &'a Scope, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        let place = Place::new(scope, key);
        let now = self.inner().clock.now();
        Box::pin(self.inner().desk.read(move |conn| {
            let Place { scope, key } = &place;
            let mut statement = sql::prepare(conn, query!("kv/get"))?;
            let params = params![scope.tenant.as_str(), scope.binding, key, sql::int(now.as_micros())];
            let entry = |row: &rusqlite::Row<'_>| Ok(Entry { value: row.get(0)?, version: sql::uint(row.get(1)?) });
            Ok(statement.query_row(params, entry).optional()?)
        }))
    }

    fn kv_put<'a>(
        &'a self,
        scope: &'a Scope,
        key: &'a str,
        value: Vec<u8>,
        only_if: Condition,
        ttl: Option<Span>,
        under: Option<&'a Guard>,
    ) -> BoxFuture<'a, Result<u64, KvError>> {
        let (place, under) = (Place::new(scope, key), under.cloned());
        let put = move |tx: &Tx<'_>| {
            if let Err(refusal) = place.may_write(tx, only_if, under.as_ref())? {
                return Ok(Err(refusal));
            }
            place.put(tx, &value, ttl.map(|ttl| tx.now.plus(ttl))).map(Ok)
        };
        Box::pin(async move { self.inner().writer.write(put).await? })
    }

    fn kv_remove<'a>(
        &'a self,
        scope: &'a Scope,
        key: &'a str,
        only_if: Condition,
        under: Option<&'a Guard>,
    ) -> BoxFuture<'a, Result<(), KvError>> {
        let (place, under) = (Place::new(scope, key), under.cloned());
        let remove = move |tx: &Tx<'_>| {
            if let Err(refusal) = place.may_write(tx, only_if, under.as_ref())? {
                return Ok(Err(refusal));
            }
            let Place { scope, key } = &place;
            sql::execute(tx.conn, query!("kv/remove"), params![scope.tenant.as_str(), scope.binding, key])?;
            Ok(Ok(()))
        };
        Box::pin(async move { self.inner().writer.write(remove).await? })
    }

    fn kv_keys<'a>(
        &'a self,
        scope: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        let place = Place::new(scope, prefix);
        let after = after.unwrap_or_default().to_owned();
        let now = self.inner().clock.now();
        Box::pin(self.inner().desk.read(move |conn| keys(conn, &place, &after, now, limit)))
    }
}

impl Place {
    fn new(scope: &Scope, key: &str) -> Self {
        Self { scope: scope.clone(), key: key.to_owned() }
    }

    /// Whether the claim and the condition hold, in the transaction that then writes.
    fn may_write(&self, tx: &Tx<'_>, only_if: Condition, under: Option<&Guard>) -> Result<Result<(), KvError>, Fault> {
        if let Some(guard) = under
            && !holds(tx.conn, guard)?
        {
            return Ok(Err(KvError::ClaimGone));
        }
        if only_if == Condition::Always {
            return Ok(Ok(()));
        }
        let params = params![self.scope.tenant.as_str(), self.scope.binding, self.key, sql::int(tx.now.as_micros())];
        let held = sql::prepare(tx.conn, query!("kv/held"))?.query_row(params, |row| row.get(0)).optional()?;
        let held = held.map(sql::uint);
        let met = match only_if {
            Condition::Always => true,
            Condition::Absent => held.is_none(),
            Condition::Version(wanted) => held == Some(wanted),
        };
        Ok(if met { Ok(()) } else { Err(KvError::Stale { held }) })
    }

    fn put(&self, tx: &Tx<'_>, value: &[u8], expires: Option<Timestamp>) -> Result<u64, Fault> {
        let version: i64 = sql::prepare(tx.conn, query!("kv/next_version"))?.query_row([], |row| row.get(0))?;
        let expires = expires.map(|at| sql::int(at.as_micros()));
        let params = params![self.scope.tenant.as_str(), self.scope.binding, self.key, value, version, expires];
        sql::execute(tx.conn, query!("kv/put"), params)?;
        Ok(sql::uint(version))
    }
}

/// Whether the claim still holds its step.
fn holds(conn: &Connection, guard: &Guard) -> rusqlite::Result<bool> {
    let params = params![guard.run.as_str(), guard.step.0, sql::int(guard.fence.get())];
    sql::prepare(conn, query!("step/held_by"))?.exists(params)
}

fn keys(conn: &Connection, from: &Place, after: &str, now: Timestamp, limit: usize) -> Result<Vec<String>, Fault> {
    let Place { scope, key: prefix } = from;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let now = sql::int(now.as_micros());
    let mut statement = sql::prepare(conn, query!("kv/keys"))?;
    let params = params![scope.tenant.as_str(), scope.binding, after, prefix, now, limit];
    let keys = statement.query_map(params, |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(keys)
}
