//! One transaction of one run, written.

use std::sync::Arc;

use pintle_core::counter::Version;
use pintle_core::ids::{Digest, NodeId};
use pintle_store::{CommitError, Durability, Error, Txn};
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::read::FORM;
use crate::fault::Fault;
use crate::sql::{self, query};
use crate::writer::{Job, Tx};
use crate::{step, timer};

type Answer = Result<Version, CommitError>;

/// A call of `commit`: its transactions, and what becomes of each.
pub(crate) struct Commit {
    drafts: Vec<Result<Draft, CommitError>>,
    count: usize,
    done: Vec<Answer>,
    reply: oneshot::Sender<Vec<Answer>>,
}

/// A transaction with the texts of its events.
struct Draft {
    txn: Txn,
    bodies: Vec<String>,
}

/// Why a transaction was not written.
enum Refused {
    /// For a reason of its own.
    Commit(CommitError),
    /// For the engine's.
    Fault(Fault),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl From<CommitError> for Refused {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

impl Commit {
    pub(crate) fn new(txns: Vec<Txn>, reply: oneshot::Sender<Vec<Answer>>) -> Self {
        let drafts: Vec<_> = txns.into_iter().map(Draft::new).collect();
        Self { done: Vec::with_capacity(drafts.len()), count: drafts.len(), drafts, reply }
    }
}

impl Job for Commit {
    fn is_full(&self) -> bool {
        self.drafts.iter().flatten().any(|draft| draft.txn.durable == Durability::Full)
    }

    fn weight(&self) -> usize {
        self.count
    }

    fn write(&mut self, tx: &Tx<'_>) -> Result<(), Fault> {
        for draft in std::mem::take(&mut self.drafts) {
            let written = draft.map_err(Refused::Commit).and_then(|draft| draft.write(tx));
            self.done.push(match written {
                Ok(version) => Ok(version),
                Err(Refused::Commit(error)) => Err(error),
                Err(Refused::Fault(fault)) if tx.conn.is_autocommit() => return Err(fault),
                Err(Refused::Fault(fault)) => Err(CommitError::Store(fault.named(tx.database))),
            });
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let Self { count, mut done, reply, .. } = *self;
        if let Err(error) = committed {
            // What was refused for a reason of its own stays so; what was written, or not yet tried, was not committed.
            for answer in &mut done {
                if answer.is_ok() {
                    *answer = Err(error.clone().into());
                }
            }
            done.resize_with(count, || Err(error.clone().into()));
        }
        // Whoever asked may have gone away; what was written stays.
        let _ = reply.send(done);
    }
}

impl Draft {
    fn new(txn: Txn) -> Result<Self, CommitError> {
        let text = |event: &pintle_core::run::Event| serde_json::to_string(&event.body);
        let bodies: Result<_, _> = txn.events.iter().map(text).collect();
        match bodies {
            Ok(bodies) => Ok(Self { txn, bodies }),
            Err(error) => Err(Error::Rule { source: Arc::new(error) }.into()),
        }
    }

    fn write(&self, tx: &Tx<'_>) -> Result<Version, Refused> {
        sql::savepoint(tx.conn, || self.append(tx.conn))
    }

    fn append(&self, conn: &Connection) -> Result<Version, Refused> {
        let Txn { expected, step_rows, timers, run, .. } = &self.txn;
        let version = Version(expected.get().saturating_add(self.bodies.len() as u64));
        let seq = self.put_run(conn, version)?;
        self.append_events(conn, seq)?;
        for row in step_rows {
            if !step::put(conn, seq, row)? {
                let (run, step, fence) = (run.clone(), row.index, row.fence);
                return Err(CommitError::StaleFence { run, step, fence }.into());
            }
        }
        for change in timers {
            timer::change(conn, seq, change)?;
        }
        if let Some((digest, json)) = &self.txn.plan {
            sql::execute(conn, query!("plan/insert"), params![digest.as_str(), json])?;
        }
        Ok(version)
    }

    fn append_events(&self, conn: &Connection, seq: i64) -> rusqlite::Result<()> {
        let mut append = sql::prepare(conn, query!("event/append"))?;
        let mut version = self.txn.expected;
        for (event, body) in self.txn.events.iter().zip(&self.bodies) {
            version = version.next();
            append.execute(params![seq, sql::int(version.get()), sql::int(event.at.as_micros()), FORM, body])?;
        }
        Ok(())
    }

    /// Brings the run's row to the new version if it stands at the expected one; returns the run's number.
    fn put_run(&self, conn: &Connection, version: Version) -> Result<i64, Refused> {
        let Txn { run, expected, .. } = &self.txn;
        match state(conn, run.as_str())? {
            None if *expected == Version(0) => Ok(self.insert(conn, version)?),
            None => Err(self.conflict(Version(0))),
            Some(found) if *expected == Version(0) => {
                let plan = Digest::new(found.plan).map_err(|e| rule(Arc::new(e)))?;
                Err(CommitError::DuplicateRun { run: run.clone(), plan, version: found.version }.into())
            }
            Some(found) if found.version == *expected => {
                self.update(conn, &found, version)?;
                Ok(found.seq)
            }
            Some(found) => Err(self.conflict(found.version)),
        }
    }

    fn conflict(&self, actual: Version) -> Refused {
        let Txn { run, expected, .. } = &self.txn;
        CommitError::VersionConflict { run: run.clone(), expected: *expected, actual }.into()
    }

    fn insert(&self, conn: &Connection, version: Version) -> rusqlite::Result<i64> {
        let row = &self.txn.run_row;
        let at = |at: Option<pintle_core::time::Timestamp>| at.map(|at| sql::int(at.as_micros()));
        sql::execute(
            conn,
            query!("run/insert"),
            params![
                self.txn.run.as_str(),
                self.txn.tenant.as_str(),
                row.dag,
                row.status.as_str(),
                row.attempt.get(),
                sql::int(version.get()),
                row.params.0,
                row.trigger.as_str(),
                row.home.as_ref().map(NodeId::as_str),
                row.pid,
                sql::int(row.submitted_at.as_micros()),
                at(row.started_at),
                at(row.finished_at),
                row.waiting,
                row.message,
                row.plan.as_str(),
                row.source,
                row.parent.as_ref().map(|parent| parent.run.as_str()),
                row.parent.as_ref().map(|parent| parent.step.0),
                row.parent.as_ref().map(|parent| parent.child),
            ],
        )?;
        Ok(conn.last_insert_rowid())
    }

    fn update(&self, conn: &Connection, found: &Standing, version: Version) -> rusqlite::Result<()> {
        let row = &self.txn.run_row;
        let home = row.home.as_ref().map(NodeId::as_str);
        let at = |at: Option<pintle_core::time::Timestamp>| at.map(|at| sql::int(at.as_micros()));
        let (seq, attempt, version) = (found.seq, row.attempt.get(), sql::int(version.get()));
        let (started, finished) = (at(row.started_at), at(row.finished_at));
        let (pid, waiting, message) = (row.pid, &row.waiting, &row.message);
        // What is indexed is left alone where it does not change: entries of indexes cost more than the row.
        if found.status == row.status.as_str() && found.home.as_deref() == home {
            let params = params![seq, attempt, version, pid, started, finished, waiting, message];
            sql::execute(conn, query!("run/advance"), params)?;
        } else {
            let status = row.status.as_str();
            let params = params![seq, attempt, version, pid, started, finished, waiting, message, status, home];
            sql::execute(conn, query!("run/turn"), params)?;
        }
        Ok(())
    }
}

/// What a run's row says before the transaction.
struct Standing {
    seq: i64,
    version: Version,
    status: String,
    home: Option<String>,
    plan: String,
}

fn state(conn: &Connection, run: &str) -> rusqlite::Result<Option<Standing>> {
    sql::prepare(conn, query!("run/state"))?
        .query_row([run], |row| {
            Ok(Standing {
                seq: row.get(0)?,
                version: Version(sql::uint(row.get(1)?)),
                status: row.get(2)?,
                home: row.get(3)?,
                plan: row.get(4)?,
            })
        })
        .optional()
}

fn rule(source: pintle_store::Cause) -> Refused {
    Refused::Commit(Error::Rule { source }.into())
}
