//! Runs: what is written in one transaction, and what is read.

pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod write;

use std::time::Instant;

use pintle_core::counter::Version;
use pintle_core::ids::{Digest, NodeId, RunId};
use pintle_core::plan::StepIndex;
use pintle_core::run::Event;
use pintle_store::{BoxFuture, CommitError, Cursor, Error, Page, RunFilter, RunRow, Runs, StoredRun, Txn};
use rusqlite::{OptionalExtension, params};
use tokio::sync::oneshot;

use crate::sql::{self, query};
use crate::store::Sqlite;
use crate::writer;

impl Runs for Sqlite {
    fn commit(&self, txns: Vec<Txn>) -> BoxFuture<'_, Vec<Result<Version, CommitError>>> {
        let count = txns.len();
        let (reply, answer) = oneshot::channel();
        let all_fail = move |error: Error| (0..count).map(|_| Err(error.clone().into())).collect();
        Box::pin(async move {
            if txns.is_empty() {
                return Vec::new();
            }
            let begun = Instant::now();
            // Events become text here, on the caller's thread: the writer has more to do than any of them.
            let job = write::Commit::new(txns, reply);
            if let Err(error) = self.inner().writer.submit(Box::new(job)) {
                return all_fail(error);
            }
            let answers = answer.await.unwrap_or_else(|_| all_fail(writer::closed()));
            // What a caller waits for: the queue, the locks of other processes, the commit.
            let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            tracing::trace!(took_us, "answered a commit");
            answers
        })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<StoredRun>, Error>> {
        let run = run.clone();
        Box::pin(self.inner().desk.read(move |conn| read::load(conn, &run)))
    }

    fn events_after<'a>(
        &'a self,
        run: &'a RunId,
        after: Version,
    ) -> BoxFuture<'a, Result<Vec<(Version, Event)>, Error>> {
        let run = run.clone();
        Box::pin(self.inner().desk.read(move |conn| read::events(conn, &run, after)))
    }

    fn row<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<RunRow>, Error>> {
        let run = run.clone();
        Box::pin(self.inner().desk.read(move |conn| read::row(conn, &run)))
    }

    fn find<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<Vec<RunRow>, Error>> {
        let text = text.to_owned();
        Box::pin(self.inner().desk.read(move |conn| list::find(conn, &text)))
    }

    fn list<'a>(
        &'a self,
        filter: &'a RunFilter,
        cursor: Option<&'a Cursor>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        let (filter, cursor) = (filter.clone(), cursor.cloned());
        Box::pin(self.inner().desk.read(move |conn| list::page(conn, &filter, cursor.as_ref(), limit)))
    }

    fn open_runs_of<'a>(&'a self, node: Option<&'a NodeId>) -> BoxFuture<'a, Result<Vec<RunRow>, Error>> {
        let node = node.map(|node| node.as_str().to_owned());
        Box::pin(self.inner().desk.read(move |conn| read::rows(conn, query!("run/open_of"), [node])))
    }

    fn children<'a>(
        &'a self,
        parent: &'a RunId,
        from: (StepIndex, u32),
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunRow>, Error>> {
        let (parent, limit) = (parent.clone(), list::bounded(limit) as u64);
        Box::pin(self.inner().desk.read(move |conn| {
            let (step, child) = (from.0.0, from.1);
            read::rows(conn, query!("run/children"), params![parent.as_str(), step, child, sql::int(limit)])
        }))
    }

    fn versions<'a>(&'a self, runs: &'a [RunId]) -> BoxFuture<'a, Result<Vec<(RunId, Version)>, Error>> {
        let runs = runs.to_vec();
        Box::pin(self.inner().desk.read(move |conn| {
            let mut statement = sql::prepare(conn, query!("run/version"))?;
            let mut versions = Vec::with_capacity(runs.len());
            for run in runs {
                let found = statement.query_row([run.as_str()], |row| row.get(0)).optional()?;
                versions.extend(found.map(|version| (run, Version(sql::uint(version)))));
            }
            Ok(versions)
        }))
    }

    fn plan<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Option<String>, Error>> {
        let digest = digest.clone();
        Box::pin(self.inner().desk.read(move |conn| read::plan(conn, digest.as_str())))
    }
}
