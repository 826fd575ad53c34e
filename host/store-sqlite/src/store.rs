//! The store, opened.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex};

use pintle_core::ids::NodeId;
use pintle_store::Error;
use rusqlite::Connection;

use crate::change::Watch;
use crate::clock::Anchor;
use crate::connection;
use crate::desk::Desk;
use crate::fault;
use crate::filesystem;
use crate::layout::Layout;
use crate::lock::{Gate, Quiet, WriteLock};
use crate::log::Handles;
use crate::options::{Mode, Options};
use crate::schema::{self, State};
use crate::writer::{Setup, Writer};

/// Threads that read.
const READERS: usize = 4;

/// A store in a data directory. Clones share it; the last one to go closes it, after everything that was handed in.
#[derive(Debug, Clone)]
pub struct Sqlite {
    inner: Arc<Inner>,
}

/// The parts. They go in this order: first the threads, which still need the rest.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) writer: Writer,
    pub(crate) desk: Desk,
    /// One thread: chunks of a log are stored in the order in which they came.
    pub(crate) lane: Desk,
    pub(crate) handles: Arc<Handles>,
    pub(crate) watch: Watch,
    pub(crate) nodes: Mutex<HashMap<NodeId, File>>,
    pub(crate) clock: Arc<Anchor>,
    pub(crate) layout: Layout,
    pub(crate) mode: Mode,
    gate: Gate,
}

impl Sqlite {
    /// Opens the store of a directory, and makes both if they do not exist. Blocks for a millisecond, longer where a
    /// schema has to be brought up; starts one thread.
    pub fn open(options: Options) -> Result<Self, Error> {
        let layout = Layout::new(&options.dir);
        if !layout.root().is_dir() {
            if layout.root().exists() {
                return Err(Error::NotADirectory { path: layout.root().to_owned() });
            }
            layout.make(layout.root())?;
        }
        filesystem::check(layout.root(), options.pretend_file_system)?;
        let mut lock = WriteLock::open(&layout.write_lock(), options.patience)?;
        let database = layout.database();
        let mut conn = connection::open(&database, true)?;
        if schema::state(&conn, &database)? != State::Ready {
            layout.make_all()?;
            let _held = lock.acquire()?;
            schema::migrate(&mut conn, &database)?;
        }
        let clock = Arc::new(anchor(&mut conn, &mut lock, &layout)?);
        let gate = lock.gate();
        let setup = Setup {
            database: database.clone(),
            mode: options.mode,
            page_limit: options.page_limit,
            lock,
            clock: Arc::clone(&clock),
            queue: options.queue,
            alone: options.alone,
        };
        let inner = Inner {
            writer: Writer::spawn(setup, conn)?,
            desk: Desk::new("pintle-reader", READERS, &database),
            lane: Desk::new("pintle-logs", 1, &database),
            handles: Arc::default(),
            watch: Watch::new(&database),
            nodes: Mutex::default(),
            clock,
            layout,
            mode: options.mode,
            gate,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Where things lie.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// Waits until this process holds no lock that others wait for, a few milliseconds, and keeps it so until the
    /// answer is dropped. For whoever is about to stop the process (Ctrl-Z).
    pub fn quiesce(&self) -> Quiet<'_> {
        self.inner.gate.close()
    }

    /// Looks for damage: the engine's own check, and that all migrations are ours. Reads the whole database.
    pub async fn check(&self) -> Result<(), Error> {
        let database = self.inner.layout.database();
        self.inner.desk.read(move |conn| Ok(check(conn, &database)?)).await
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

/// This boot's anchor: read by all, set by the first.
fn anchor(conn: &mut Connection, lock: &mut WriteLock, layout: &Layout) -> Result<Anchor, Error> {
    let named = |e| fault::sql(e, &layout.database());
    if let Some(anchor) = Anchor::read(conn).map_err(named)? {
        return Ok(anchor);
    }
    let _held = lock.acquire()?;
    Anchor::set(conn).map_err(named)
}

fn check(conn: &Connection, database: &std::path::Path) -> Result<(), Error> {
    schema::verify_all(conn, database)?;
    let said: String =
        conn.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(|e| fault::sql(e, database))?;
    if said == "ok" {
        return Ok(());
    }
    Err(Error::Corrupt { path: database.to_owned(), cause: Arc::new(std::io::Error::other(said)) })
}
