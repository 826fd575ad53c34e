//! Rows and events, read.

use std::sync::Arc;

use pintle_core::counter::{RunAttempt, Version};
use pintle_core::ids::{Digest, NodeId, RunId, TenantId};
use pintle_core::plan::{Json, StepIndex};
use pintle_core::run::{Event, RunStatus};
use pintle_core::time::Timestamp;
use pintle_store::{Error, Parent, RunRow, StoredRun, Trigger};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::fault::{Fault, unreadable};
use crate::sql::{self, instant, known, query};

/// The form of the bodies that this program writes. A reader knows this one and all before it.
pub(crate) const FORM: u32 = 1;

/// A run with its plan and events, as they stood at one moment.
pub(crate) fn load(conn: &Connection, run: &RunId) -> Result<Option<StoredRun>, Fault> {
    let moment = conn.unchecked_transaction()?;
    let Some(row) = row(&moment, run)? else { return Ok(None) };
    let plan = plan(&moment, row.plan.as_str())?.ok_or_else(|| unreadable(run, "the plan", row.plan.as_str()))?;
    let events = events(&moment, run, Version(0))?;
    Ok(Some(StoredRun { row, plan, events }))
}

pub(crate) fn plan(conn: &Connection, digest: &str) -> Result<Option<String>, Fault> {
    Ok(sql::prepare(conn, query!("plan/get"))?.query_row([digest], |row| row.get(0)).optional()?)
}

pub(crate) fn events(conn: &Connection, run: &RunId, after: Version) -> Result<Vec<(Version, Event)>, Fault> {
    let mut statement = sql::prepare(conn, query!("event/after"))?;
    let mut rows = statement.query(params![run.as_str(), sql::int(after.get())])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let version = Version(sql::uint(row.get(0)?));
        let at = Timestamp(sql::uint(row.get(1)?));
        let form: u32 = row.get(2)?;
        if form > FORM {
            return Err(unreadable(run, &format!("event {version}"), &format!("form {form}")).into());
        }
        let body = serde_json::from_str(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)
            .map_err(|e| Error::unreadable_event(run, version, Arc::new(e)))?;
        events.push((version, Event { at, body }));
    }
    Ok(events)
}

pub(crate) fn row(conn: &Connection, run: &RunId) -> Result<Option<RunRow>, Fault> {
    Ok(rows(conn, query!("run/get"), [run.as_str()])?.pop())
}

/// The rows that a query of whole rows answers with.
pub(crate) fn rows(conn: &Connection, query: &'static str, params: impl Params) -> Result<Vec<RunRow>, Fault> {
    Ok(numbered(conn, query, params)?.into_iter().map(|(_, row)| row).collect())
}

/// As [`rows`], each with its number.
pub(crate) fn numbered(
    conn: &Connection,
    query: &'static str,
    params: impl Params,
) -> Result<Vec<(i64, RunRow)>, Fault> {
    let mut statement = sql::prepare(conn, query)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, decode(row)?));
    }
    Ok(found)
}

fn parent(row: &Row<'_>) -> Result<Option<Parent>, pintle_store::Cause> {
    let cause = |error: rusqlite::Error| -> pintle_store::Cause { Arc::new(error) };
    let (run, step, child) = (row.get(18), row.get(19), row.get(20));
    let run: Option<String> = run.map_err(cause)?;
    match (run, step.map_err(cause)?, child.map_err(cause)?) {
        (Some(run), Some(step), Some(child)) => {
            let run = RunId::new(run).map_err(|error| -> pintle_store::Cause { Arc::new(error) })?;
            Ok(Some(Parent { run, step: StepIndex(step), child }))
        }
        (_, _, _) => Ok(None),
    }
}

fn decode(row: &Row<'_>) -> Result<RunRow, Fault> {
    let id = RunId::new(row.get::<_, String>(1)?).map_err(|e| Error::Rule { source: Arc::new(e) })?;
    let bad = |text: &str| Fault::Store(unreadable(&id, "the row", text));
    let (status, trigger): (String, String) = (row.get(4)?, row.get(8)?);
    Ok(RunRow {
        tenant: TenantId::new(row.get::<_, String>(2)?).map_err(|e| bad(&e.to_string()))?,
        dag: row.get(3)?,
        status: known(&RunStatus::ALL, RunStatus::as_str, &status).ok_or_else(|| bad(&status))?,
        attempt: RunAttempt(row.get(5)?),
        version: Version(sql::uint(row.get(6)?)),
        params: Json(row.get(7)?),
        trigger: known(&Trigger::ALL, Trigger::as_str, &trigger).ok_or_else(|| bad(&trigger))?,
        home: row.get::<_, Option<String>>(9)?.map(NodeId::new).transpose().map_err(|e| bad(&e.to_string()))?,
        pid: row.get(10)?,
        submitted_at: Timestamp(sql::uint(row.get(11)?)),
        started_at: instant(row, 12)?,
        finished_at: instant(row, 13)?,
        waiting: row.get(14)?,
        message: row.get(15)?,
        plan: Digest::new(row.get::<_, String>(16)?).map_err(|e| bad(&e.to_string()))?,
        source: row.get(17)?,
        parent: parent(row).map_err(|e| bad(&e.to_string()))?,
        id,
    })
}
