//! `sqlite.query` and `sqlite.import`: SQL on one database file, by the SQLite that is part of this program.
//!
//! The danger: SQL opens files, loads code, and runs for as long as it likes. The rule: which file it is, is decided by
//! the files grant before SQLite hears of it (`place.rs`); what a statement may ask for is a table (`gate.rs`); time, the
//! stop signal and every size are bounded (`watch.rs`, `limits.rs`). Not promised: that SQLite's memory is bounded by
//! one number, and that a single function that takes long (LIKE on a long text) ends at once; the step does.
//!
//! SQLite blocks, so each step has a thread of its own; the task that waits for it prints what it says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use pintle_core::plugin::{ActionRow, PluginLimits, Repeats, Staged};
use pintle_plane::executor::{Fault, Performed, Task};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::stop::{StopSignal, Urgency};
use tokio::sync::{mpsc, oneshot};

use crate::blobs::digest_of;
use crate::call::supervise::STOP_GRACE;
use crate::executors::outcome::failure;
use crate::grants::FilesGrant;

mod confine;
mod connection;
mod dsn;
mod gate;
mod import;
mod input;
mod limits;
mod params;
mod place;
mod print;
mod query;
mod rows;
mod source;
mod told;
mod value;
mod watch;
mod work;

use self::print::Out;
use self::told::Told;
use self::watch::Watch;
use self::work::Work;

/// Statements.
pub(crate) const QUERY: &str = "sqlite.query";
/// Rows of a file.
pub(crate) const IMPORT: &str = "sqlite.import";

/// Performs both actions.
pub(crate) struct Sqlite {
    files: Option<FilesGrant>,
    guarded: Vec<PathBuf>,
}

/// A step that was checked: all that the thread needs.
struct Prepared {
    action: &'static str,
    watch: Arc<Watch>,
    work: Work,
}

/// Name and JSON value.
type Outputs = Vec<(String, String)>;

impl Sqlite {
    /// Databases and files that a step names must lie beneath `files`; `guarded` are Pintle's own databases.
    pub(crate) fn new(files: Option<FilesGrant>, guarded: Vec<PathBuf>) -> Self {
        Self { files, guarded }
    }

    /// Whether an action is one of both.
    pub(crate) fn performs(action: &str) -> bool {
        action == QUERY || action == IMPORT
    }

    /// Sees a step to its end.
    pub(crate) async fn perform(&self, task: Task, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> Performed {
        let action = if task.action == IMPORT { IMPORT } else { QUERY };
        match self.prepare(action, &task) {
            Ok(prepared) => see_through(prepared, &*sink, &*stop).await,
            Err(told) => Performed::Failed(told.failure(action)),
        }
    }

    fn prepare(&self, action: &'static str, task: &Task) -> Result<Prepared, Told> {
        let Some(files) = &self.files else {
            let message = "it is not granted in a sandbox; leave out --sandbox, or grant it files";
            return Err(Told::denied(message));
        };
        let home = task.env.iter().find(|(name, _)| name == "HOME").map(|(_, value)| value.as_str());
        let reach = place::Reach { files, guarded: &self.guarded, working_dir: &task.working_dir, home };
        let (work, own) = work::prepare(action, &task.input_json, &reach)?;
        if task.dry_run {
            return Err(Told::denied(format!("this is a dry run: {} is not opened", work.shown())));
        }
        let step = task.remaining.map(pintle_core::time::Span::as_duration);
        Ok(Prepared { action, watch: Arc::new(Watch::new(own, step)), work })
    }
}

/// Ends the thread's work when nobody waits for it any more.
struct StopOnDrop(Arc<Watch>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

async fn see_through(prepared: Prepared, sink: &dyn Sink, stop: &dyn StopSignal) -> Performed {
    let Prepared { action, watch, work } = prepared;
    let (sender, mut printed) = mpsc::channel::<(Channel, Vec<u8>)>(limits::CHUNKS);
    let (done, mut ended) = oneshot::channel();
    let _stop = StopOnDrop(Arc::clone(&watch));
    let thread = std::thread::Builder::new().name("pintle-sqlite".to_owned()).stack_size(limits::STACK);
    let own = Arc::clone(&watch);
    // Nobody may be there to hear the end.
    let started = thread.spawn(move || drop(done.send(work.run(&own, Out::new(sender)))));
    if let Err(error) = started {
        return Performed::Failed(failure(Fault::Unavailable, format!("{action}: no thread for it: {error}")));
    }
    let (mut open, mut asked) = (true, false);
    // The thread looks at its clock itself; should it hang in SQLite or the file system, the step ends all the same.
    let mut patience = watch.over().map(|over| over + STOP_GRACE);
    loop {
        tokio::select! {
            biased;
            chunk = printed.recv(), if open => match chunk {
                Some((channel, bytes)) => sink.write(channel, &bytes),
                None => open = false,
            },
            result = &mut ended, if !open => return match result {
                Ok(Ok(outputs)) => Performed::Done { outputs, exit_code: Some(0) },
                Ok(Err(told)) => Performed::Failed(told.failure(action)),
                Err(_) => {
                    let message = format!("{action}: its thread failed; what the statements changed may or may not stand");
                    Performed::Failed(failure(Fault::UnknownOutcome, message))
                }
            },
            () = stop.reached(Urgency::Gracefully), if !asked => {
                asked = true;
                watch.stop();
                patience = Some(Instant::now() + STOP_GRACE);
            }
            () = until(patience) => {
                let seconds = STOP_GRACE.as_secs();
                let message = format!(
                    "{action}: SQLite did not end within {seconds} s of being asked to; what it changed may or may not stand"
                );
                return Performed::Failed(failure(Fault::UnknownOutcome, message));
            }
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

/// The row of both actions, as staging would have made it.
#[must_use]
pub fn staged() -> Staged {
    let row = |name: &str, summary: &str, schema: &str| ActionRow {
        name: name.to_owned(),
        summary: summary.to_owned(),
        input_schema: schema.to_owned(),
        output_schema: String::new(),
        repeats: Repeats::UnsafeToRepeat,
    };
    Staged {
        digest: digest_of(QUERY.as_bytes()),
        name: "sqlite".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: "executor".to_owned(),
        summary: "runs SQL on SQLite databases, and imports rows into them; part of pintle itself".to_owned(),
        imports: Vec::new(),
        wants: Vec::new(),
        limits: PluginLimits { memory_mib: 0, cpu_ms: 0, wall_ms: 0, log_kib: 0, output_kib: 0 },
        config_schema: String::new(),
        actions: vec![
            row(QUERY, "run SQL on an SQLite database", include_str!("sqlite/query.schema.json")),
            row(
                IMPORT,
                "import rows of a CSV, TSV, JSONL or JSON file into a table",
                include_str!("sqlite/import.schema.json"),
            ),
        ],
    }
}

#[cfg(test)]
mod tests;
