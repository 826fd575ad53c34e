//! Rows of steps.

use pintle_core::counter::{Attempt, Fence};
use pintle_core::ids::{RunId, WorkerId};
use pintle_core::plan::{Role, StepIndex};
use pintle_core::run::StepStatus;
use pintle_core::time::Timestamp;
use pintle_store::{BoxFuture, Error, StepRow, Steps};
use rusqlite::{Connection, Row, params};

use crate::fault::Fault;
use crate::fault::unreadable;
use crate::sql::{self, query};
use crate::sql::{instant, known};
use crate::store::Sqlite;

impl Steps for Sqlite {
    fn steps<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<StepRow>, Error>> {
        let run = run.clone();
        Box::pin(self.inner().desk.read(move |conn| {
            let mut statement = sql::prepare(conn, query!("step/of_run"))?;
            let mut rows = statement.query([run.as_str()])?;
            let mut steps = Vec::new();
            while let Some(row) = rows.next()? {
                steps.push(read(row, &run)?);
            }
            Ok(steps)
        }))
    }
}

/// Writes a step of the run with that number. False: a later fence stands, and nothing was written.
pub(crate) fn put(conn: &Connection, run: i64, step: &StepRow) -> rusqlite::Result<bool> {
    let at = |at: Option<Timestamp>| at.map(|at| sql::int(at.as_micros()));
    let changed = sql::execute(
        conn,
        query!("step/put"),
        params![
            run,
            step.index.0,
            step.name,
            role_name(step.role),
            step.status.as_str(),
            step.attempt.get(),
            sql::int(step.fence.get()),
            step.losses,
            step.worker.as_ref().map(WorkerId::as_str),
            at(step.started_at),
            at(step.finished_at),
            at(step.due_at),
            step.exit_code,
            step.message,
        ],
    )?;
    Ok(changed == 1)
}

fn read(row: &Row<'_>, run: &RunId) -> Result<StepRow, Fault> {
    let index = StepIndex(row.get(0)?);
    let what = || format!("step {}", index.0);
    let (role, status): (String, String) = (row.get(2)?, row.get(3)?);
    let worker = row.get::<_, Option<String>>(7)?.map(WorkerId::new).transpose();
    Ok(StepRow {
        index,
        name: row.get(1)?,
        role: known(&ROLES, role_name, &role).ok_or_else(|| unreadable(run, &what(), &role))?,
        status: known(&StepStatus::ALL, StepStatus::as_str, &status)
            .ok_or_else(|| unreadable(run, &what(), &status))?,
        attempt: Attempt(row.get(4)?),
        fence: Fence(sql::uint(row.get(5)?)),
        losses: row.get(6)?,
        worker: worker.map_err(|e| unreadable(run, &what(), &e.to_string()))?,
        started_at: instant(row, 8)?,
        finished_at: instant(row, 9)?,
        due_at: instant(row, 10)?,
        exit_code: row.get(11)?,
        message: row.get(12)?,
    })
}

const ROLES: [Role; 8] =
    [Role::Main, Role::Gate, Role::OnInit, Role::OnSuccess, Role::OnFailure, Role::OnAbort, Role::OnExit, Role::OnWait];

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Main => "main",
        Role::Gate => "gate",
        Role::OnInit => "on_init",
        Role::OnSuccess => "on_success",
        Role::OnFailure => "on_failure",
        Role::OnAbort => "on_abort",
        Role::OnExit => "on_exit",
        Role::OnWait => "on_wait",
    }
}
