//! The writer: one connection, one thread, many transactions a commit.
//!
//! A [`Job`] is anything that writes. The thread takes what waits, holds the directory's write lock and one
//! transaction of the engine around all of it, commits, lets go of the lock, and only then answers. So commits grow with
//! the load, and nobody waits for company.
//!
//! Where nothing waits and nobody else holds the lock, a process that asks for it ([`Options::alone`]) has its commit made
//! on the thread that asks: waking the writer, and being woken by it, takes half as long again as the commit. It is the
//! same batch on the same connection, of one job; the [`Batcher`] is behind a mutex, and whoever does not get it at once
//! hands in as ever.
//!
//! [`Options::alone`]: crate::Options::alone
//!
//! The danger is a commit that failed: what reached the disk is not known, and a second `fsync` of the same pages may
//! succeed without having written them. So the connection is opened anew, everybody in the batch is told, and a second
//! failure in a row ends the writer for good. A full disk is not such a failure: nothing is torn, and there may be room
//! later.

mod batch;
mod shortage;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
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
    pub(crate) alone: bool,
}

/// A job; or none, and the writer is to look anew at how long it may rest.
type Message = Option<Box<dyn Job>>;

/// What the thread shares with those who commit by themselves.
struct Shared {
    batcher: Mutex<Batcher>,
    /// Jobs that were handed in and are not answered yet.
    waiting: AtomicUsize,
}

/// The handle to the writer thread.
pub(crate) struct Writer {
    database: PathBuf,
    alone: bool,
    shared: Arc<Shared>,
    jobs: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("database", &self.database).field("alone", &self.alone).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the thread on a connection to a migrated database.
    pub(crate) fn spawn(setup: Setup, conn: Connection) -> Result<Self, Error> {
        let (jobs, inbox) = sync_channel(setup.queue.max(1));
        let (database, alone) = (setup.database.clone(), setup.alone);
        let batcher = Mutex::new(Batcher::new(setup, conn)?);
        let shared = Arc::new(Shared { batcher, waiting: AtomicUsize::new(0) });
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("pintle-writer".into())
            .spawn(move || serve(&serving, &inbox))
            .map_err(|e| crate::fault::io(e, "start a thread for", &database))?;
        Ok(Self { database, alone, shared, jobs: Some(jobs), thread: Some(thread) })
    }

    /// Hands in a job, which will be answered; or refuses it, and nothing happens.
    pub(crate) fn submit(&self, job: Box<dyn Job>) -> Result<(), Error> {
        let Some(jobs) = &self.jobs else { return Err(closed()) };
        let job = match self.commit_here(job, jobs) {
            Some(job) => job,
            None => return Ok(()),
        };
        self.shared.waiting.fetch_add(1, Ordering::AcqRel);
        jobs.try_send(Some(job)).map_err(|refused| {
            self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
            match refused {
                TrySendError::Full(_) => Error::Unavailable,
                TrySendError::Disconnected(_) => closed(),
            }
        })
    }

    /// Commits and answers a job on this thread, unless others write or wait: then it is handed back. Nothing that was
    /// handed in before is overtaken.
    fn commit_here(&self, job: Box<dyn Job>, jobs: &SyncSender<Message>) -> Option<Box<dyn Job>> {
        if !self.alone || self.shared.waiting.load(Ordering::Acquire) > 0 {
            return Some(job);
        }
        let Ok(mut batcher) = self.shared.batcher.try_lock() else { return Some(job) };
        let before = batcher.rest_after();
        let back = batcher.run_here(job);
        let after = batcher.rest_after();
        if back.is_none() && after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            // A full queue has the thread look by itself.
            let _ = jobs.try_send(None);
        }
        back
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

/// Batch after batch, until nobody can hand in any more. A panic of somebody's job ends it: nobody knows what the
/// connection is worth then.
fn serve(shared: &Shared, inbox: &Receiver<Message>) {
    let run = |batcher: &mut Batcher, job| {
        let answered = batcher.run(job, inbox);
        shared.waiting.fetch_sub(answered, Ordering::AcqRel);
    };
    loop {
        let Ok(mut batcher) = shared.batcher.lock() else { return };
        if let Some(job) = batcher.carried() {
            run(&mut batcher, job);
            continue;
        }
        let late = batcher.lock_may_come_late().then_some(LATE_GRANT);
        let pause = late.or_else(|| batcher.pause());
        drop(batcher);
        let first = match pause {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(pause) => inbox.recv_timeout(pause),
        };
        let Ok(mut batcher) = shared.batcher.lock() else { return };
        match first {
            Ok(Some(job)) => run(&mut batcher, job),
            Ok(None) => {}
            Err(RecvTimeoutError::Timeout) if late.is_some() => {}
            // Somebody may have committed by himself meanwhile.
            Err(RecvTimeoutError::Timeout) if batcher.pause().is_some_and(|left| !left.is_zero()) => {}
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
