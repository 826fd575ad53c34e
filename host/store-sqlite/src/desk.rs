//! Threads for reads and for files.
//!
//! Async code hands in a closure and awaits its answer. The threads start when they are needed, each opens its own
//! connection when it needs one, and waking one costs a few microseconds: less than a general pool for blocking work.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use pintle_store::Error;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::connection;
use crate::fault::Fault;

/// Requests that may wait.
const QUEUE: usize = 1024;

type Task = Box<dyn FnOnce(&mut Reader) + Send>;

/// What a thread works with.
pub(crate) struct Reader {
    database: PathBuf,
    conn: Option<Connection>,
}

impl Reader {
    /// This thread's connection; opened by the first who asks.
    fn connection(&mut self) -> Result<&mut Connection, Error> {
        match &mut self.conn {
            Some(conn) => Ok(conn),
            empty @ None => Ok(empty.insert(connection::open(&self.database, false)?)),
        }
    }

    /// Reads. A connection that met a fault is not trusted again.
    fn read<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Error> {
        let done = work(self.connection()?);
        if matches!(done, Err(Fault::Sql(_))) {
            self.conn = None;
        }
        done.map_err(|fault| fault.named(&self.database))
    }
}

/// A small pool of such threads. With one thread the tasks are done in order.
#[derive(Debug)]
pub(crate) struct Desk {
    shared: Arc<Shared>,
    name: &'static str,
    most: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    database: PathBuf,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    idle: usize,
    closed: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("waiting", &self.tasks.len()).field("idle", &self.idle).finish_non_exhaustive()
    }
}

impl Desk {
    /// At most `most` threads of that name.
    pub(crate) fn new(name: &'static str, most: usize, database: &Path) -> Self {
        let shared = Shared { database: database.to_owned(), state: Mutex::default(), wake: Condvar::new() };
        Self { shared: Arc::new(shared), name, most, threads: Mutex::default() }
    }

    /// Reads on some connection.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(|reader| reader.read(work)).await
    }

    /// Does something that may block, without a connection.
    pub(crate) async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(|_| work()).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Reader) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.submit(Box::new(move |reader| {
            // Whoever asked may have gone away.
            let _ = reply.send(work(reader));
        }))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    fn submit(&self, task: Task) -> Result<(), Error> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(stopped());
        }
        if state.tasks.len() >= QUEUE {
            return Err(Error::Unavailable);
        }
        state.tasks.push_back(task);
        // Each idle thread takes one of the waiting tasks; another thread is for those beyond.
        let short = state.tasks.len() > state.idle;
        drop(state);
        self.shared.wake.notify_one();
        if short { self.hire() } else { Ok(()) }
    }

    fn hire(&self) -> Result<(), Error> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.len() >= self.most {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        match std::thread::Builder::new().name(self.name.into()).spawn(move || shared.work()) {
            Ok(thread) => threads.push(thread),
            Err(_) if !threads.is_empty() => {}
            Err(error) => return Err(crate::fault::io(error, "start a thread for", &self.shared.database)),
        }
        Ok(())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
        for thread in self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // A panic of a task was reported by its thread, and its caller was told.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut reader = Reader { database: self.database.clone(), conn: None };
        while let Some(task) = self.next() {
            // A task that panics answers nobody, which its caller is told; the thread has others to serve.
            if catch_unwind(AssertUnwindSafe(|| task(&mut reader))).is_err() {
                reader.conn = None;
            }
        }
    }

    /// The next task; none: the desk is closed and everything is done.
    fn next(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if let Some(task) = state.tasks.pop_front() {
                return Some(task);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle = state.idle.saturating_sub(1);
        }
    }
}

fn stopped() -> Error {
    Error::Stopped { reason: "it was closed".into() }
}
