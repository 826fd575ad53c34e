//! Timers.

use pintle_core::ids::{NodeId, RunId};
use pintle_core::plan::StepIndex;
use pintle_core::time::Timestamp;
use pintle_store::{BoxFuture, Error, Timer, TimerChange, TimerKind, Timers};
use rusqlite::{Connection, OptionalExtension, params};

use crate::fault::Fault;
use crate::fault::unreadable;
use crate::sql::known;
use crate::sql::{self, query};
use crate::store::Sqlite;

/// The run itself, in the place of a step.
const RUN: i64 = -1;

impl Timers for Sqlite {
    fn due<'a>(
        &'a self,
        before: Timestamp,
        node: Option<&'a NodeId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Timer>, Error>> {
        let node = node.map(|node| node.as_str().to_owned());
        Box::pin(self.inner().desk.read(move |conn| due(conn, before, node.as_deref(), limit)))
    }

    fn next_due<'a>(&'a self, node: Option<&'a NodeId>) -> BoxFuture<'a, Result<Option<Timestamp>, Error>> {
        let node = node.map(|node| node.as_str().to_owned());
        Box::pin(self.inner().desk.read(move |conn| {
            let mut statement = sql::prepare(conn, query!("timer/next"))?;
            let next = statement.query_row([node], |row| row.get(0)).optional()?;
            Ok(next.map(|us| Timestamp(sql::uint(us))))
        }))
    }
}

fn due(conn: &Connection, before: Timestamp, node: Option<&str>, limit: usize) -> Result<Vec<Timer>, Fault> {
    let mut statement = sql::prepare(conn, query!("timer/due"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![sql::int(before.as_micros()), node, limit])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let run = RunId::new(row.get::<_, String>(0)?).map_err(|e| Error::Rule { source: std::sync::Arc::new(e) })?;
        let (step, kind): (i64, String) = (row.get(1)?, row.get(2)?);
        let kind = known(&TimerKind::ALL, TimerKind::as_str, &kind).ok_or_else(|| unreadable(&run, "timer", &kind))?;
        let step = (step != RUN).then(|| StepIndex(sql::uint32(step)));
        due.push(Timer { run, step, kind, due: Timestamp(sql::uint(row.get(3)?)) });
    }
    Ok(due)
}

/// Sets or clears a timer of the run with that number, in the transaction of its events.
pub(crate) fn change(conn: &Connection, run: i64, change: &TimerChange) -> rusqlite::Result<()> {
    let place = |step: &Option<StepIndex>| step.map_or(RUN, |step| i64::from(step.0));
    match change {
        TimerChange::Set { step, kind, due } => {
            sql::execute(conn, query!("timer/set"), params![run, place(step), kind.as_str(), sql::int(due.as_micros())])
        }
        TimerChange::Clear { step, kind } => {
            sql::execute(conn, query!("timer/clear"), params![run, place(step), kind.as_str()])
        }
    }
    .map(drop)
}
