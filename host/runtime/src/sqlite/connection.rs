//! A connection that can do what a step may, and no more.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pintle_plane::executor::Fault;
use rusqlite::config::DbConfig;
use rusqlite::hooks::AuthContext;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::confine::confine;
use super::dsn::Mode;
use super::gate::{Gate, Stage};
use super::limits::{
    CACHE_KIB, LOCK_SLEEP, LOCK_TOLD, LOOK, MEMORY_PAGES, PATTERN_BYTES, SQL_BYTES, TRIGGER_DEPTH, VALUE_BYTES,
};
use super::place::Place;
use super::print::Out;
use super::told::{self, Told};
use super::watch::Watch;

/// Which database, checked.
#[derive(Debug)]
pub(super) enum Base {
    /// It ends with the step.
    Memory,
    /// A file.
    File(Place, Mode),
}

/// An open database.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) conn: Connection,
    pub(super) gate: Arc<Gate>,
    /// Nothing can be written.
    pub(super) read_only: bool,
    /// The file was not there before.
    pub(super) made: bool,
}

impl Base {
    /// As messages name it.
    pub(super) fn shown(&self) -> &str {
        match self {
            Self::Memory => ":memory:",
            Self::File(place, _) => &place.shown,
        }
    }

    /// Opens it. Below a root this thread is confined to that root first.
    pub(super) fn open(&self, watch: &Arc<Watch>, out: &Out) -> Result<Opened, Told> {
        let (conn, read_only, made) = match self {
            Self::Memory => (open(Path::new(":memory:"), Mode::Create), false, false),
            Self::File(place, mode) => {
                let made = !place.is_there()?;
                let mode = if place.read_only { Mode::Read } else { *mode };
                if made && mode != Mode::Create {
                    return Err(missing(place, mode));
                }
                if let Some(root) = &place.root {
                    confine(root, place.read_only)?;
                }
                (open(&place.path(), mode), mode == Mode::Read, made)
            }
        };
        let conn = conn.map_err(|error| told::of(error, watch))?;
        let gate = Arc::new(Gate::default());
        let opened = set(conn, watch, &gate, out, matches!(self, Self::Memory));
        let conn = opened.map_err(|error| told::of(error, watch))?;
        // What the file system does not let anybody write is opened for reading.
        let read_only = read_only || conn.is_readonly(rusqlite::MAIN_DB).unwrap_or(false);
        Ok(Opened { conn, gate, read_only, made })
    }
}

fn missing(place: &Place, mode: Mode) -> Told {
    let shown = &place.shown;
    let why = match mode {
        Mode::Read => "it is opened for reading",
        Mode::Write | Mode::Create => "`create: false` or `mode=rw` says that it must be there",
    };
    Told::new(Fault::NotFound, format!("`{shown}` does not exist, and is not made: {why}"))
}

/// URIs are off: a name that looks like one is a name.
fn open(path: &Path, mode: Mode) -> rusqlite::Result<Connection> {
    let how = match mode {
        Mode::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Mode::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Mode::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    Connection::open_with_flags(path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW)
}

fn set(
    mut conn: Connection,
    watch: &Arc<Watch>,
    gate: &Arc<Gate>,
    out: &Out,
    memory: bool,
) -> rusqlite::Result<Connection> {
    for (config, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
        // A misspelt name is no text.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        conn.set_db_config(config, on)?;
    }
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, i32::try_from(SQL_BYTES).unwrap_or(i32::MAX)),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, TRIGGER_DEPTH),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        conn.set_limit(limit, most)?;
    }
    let looked = Arc::clone(watch);
    conn.progress_handler(LOOK, Some(move || looked.cut().is_some()))?;
    conn.busy_handler(Some(waiter(Arc::clone(watch), out.clone())))?;
    // Sorting spills to temporary files, which have no name; in memory it would have no bound.
    conn.pragma_update(None, "temp_store", "file")?;
    conn.pragma_update(None, "cache_size", -i64::from(CACHE_KIB))?;
    if memory {
        conn.pragma_update_and_check(None, "max_page_count", MEMORY_PAGES, |_| Ok(()))?;
    }
    let gate = Arc::clone(gate);
    gate.enter(Stage::Own);
    conn.authorizer(Some(move |context: AuthContext<'_>| gate.ask(&context.action)))?;
    Ok(conn)
}

/// Waits for a lock as long as the step may last, and says so when it takes a while.
fn waiter(watch: Arc<Watch>, out: Out) -> impl FnMut(i32) -> bool + Send + 'static {
    let mut since = Instant::now();
    let mut told = false;
    move |tries| {
        if tries == 0 {
            since = Instant::now();
        }
        if watch.cut().is_some() {
            return false;
        }
        if !told && since.elapsed() >= LOCK_TOLD {
            told = true;
            out.note("the database is locked by another connection; waiting for it\n");
        }
        let doubled = Duration::from_millis(1 << tries.clamp(0, 10));
        let left = watch.over().map_or(LOCK_SLEEP, |over| over.saturating_duration_since(Instant::now()));
        std::thread::sleep(doubled.min(LOCK_SLEEP).min(left));
        true
    }
}
