//! The writer: one thread, one connection, many transactions a commit.
//!
//! A [`Job`] is anything that writes. The thread takes what waits, holds the directory's write lock and one
//! transaction of the engine around all of it, commits, lets go of the lock, and only then answers. So commits grow with
//! the load, and nobody waits for company.
//!
//! The danger is a commit that failed: what reached the disk is not known, and a second `fsync` of the same pages may
//! succeed without having written them. So the connection is opened anew, everybody in the batch is told, and a second
//! failure in a row ends the writer for good. A full disk is not such a failure: nothing is torn, and there may be room
//! later.

mod batch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use pintle_core::time::Timestamp;
use pintle_store::Error;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::clock::Anchor;
use crate::fault::Fault;
use crate::lock::WriteLock;
use crate::options::Mode;
use crate::sql;
use batch::Batcher;

/// While a lock may come late, the writer looks for it this often.
const LATE_GRANT: Duration = Duration::from_millis(5);

/// The transaction that a job writes in.
pub(crate) struct Tx<'a> {
    /// Where to write.
    pub(crate) conn: &'a Connection,
    /// What errors name.
    pub(crate) database: &'a Path,
    /// Store time; the ceiling is above it.
    pub(crate) now: Timestamp,
}

/// Something that writes.
pub(crate) trait Job: Send {
    /// Whether its commit must survive loss of power in any mode.
    fn is_full(&self) -> bool;
    /// How many transactions it amounts to.
    fn weight(&self) -> usize;
    /// Writes, each transaction in a savepoint, and remembers what to answer. An error is the whole batch's: the engine
    /// has taken back all of it.
    fn write(&mut self, tx: &Tx<'_>) -> Result<(), Fault>;
    /// It is committed, or why not: answer now.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

/// What the writer needs to begin.
pub(crate) struct Setup {
    pub(crate) database: PathBuf,
    pub(crate) mode: Mode,
    pub(crate) page_limit: Option<u32>,
    pub(crate) lock: WriteLock,
    pub(crate) clock: Arc<Anchor>,
    pub(crate) queue: usize,
}

/// The handle to the writer thread.
#[derive(Debug)]
pub(crate) struct Writer {
    database: PathBuf,
    jobs: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on a connection to a migrated database.
    pub(crate) fn spawn(setup: Setup, conn: Connection) -> Result<Self, Error> {
        let (jobs, inbox) = sync_channel(setup.queue.max(1));
        let database = setup.database.clone();
        let batcher = Batcher::new(setup, conn)?;
        let thread = std::thread::Builder::new()
            .name("pintle-writer".into())
            .spawn(move || serve(batcher, &inbox))
            .map_err(|e| crate::fault::io(e, "start a thread for", &database))?;
        Ok(Self { database, jobs: Some(jobs), thread: Some(thread) })
    }

    /// Hands in a job, which will be answered; or refuses it, and nothing happens.
    pub(crate) fn submit(&self, job: Box<dyn Job>) -> Result<(), Error> {
        let Some(jobs) = &self.jobs else { return Err(closed()) };
        jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::Unavailable,
            TrySendError::Disconnected(_) => closed(),
        })
    }

    /// Writes one thing in a savepoint of its own, and answers when it is committed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.submit(Box::new(Call { database: self.database.clone(), work: Some(work), done: None, reply }))?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

pub(crate) fn closed() -> Error {
    Error::Stopped { reason: "it was closed".into() }
}

/// Batch after batch, until nobody can hand in any more.
fn serve(mut batcher: Batcher, inbox: &Receiver<Box<dyn Job>>) {
    loop {
        if let Some(job) = batcher.carried() {
            batcher.run(job, inbox);
            continue;
        }
        let late = batcher.lock_may_come_late().then_some(LATE_GRANT);
        let first = match late.or_else(|| batcher.pause()) {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(pause) => inbox.recv_timeout(pause),
        };
        match first {
            Ok(job) => batcher.run(job, inbox),
            Err(RecvTimeoutError::Timeout) if late.is_some() => {}
            Err(RecvTimeoutError::Timeout) => batcher.rest(),
            Err(RecvTimeoutError::Disconnected) => return batcher.finish(),
        }
    }
}

/// A job made of a closure.
struct Call<F, T> {
    database: PathBuf,
    work: Option<F>,
    done: Option<Result<T, Fault>>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<F, T> Job for Call<F, T>
where
    F: FnOnce(&Tx<'_>) -> Result<T, Fault> + Send,
    T: Send,
{
    fn is_full(&self) -> bool {
        false
    }

    fn weight(&self) -> usize {
        1
    }

    fn write(&mut self, tx: &Tx<'_>) -> Result<(), Fault> {
        let Some(work) = self.work.take() else { return Ok(()) };
        match sql::savepoint(tx.conn, || work(tx)) {
            Err(fault) if tx.conn.is_autocommit() => Err(fault),
            done => {
                self.done = Some(done);
                Ok(())
            }
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let answer = match (committed, self.done) {
            (Ok(()), Some(done)) => done.map_err(|fault| fault.named(&self.database)),
            (Ok(()), None) => Err(closed()),
            (Err(error), _) => Err(error),
        };
        // Whoever asked may have gone away; what was written stays.
        let _ = self.reply.send(answer);
    }
}
