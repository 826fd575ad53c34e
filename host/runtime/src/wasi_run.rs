//! `wasi.run`: a program compiled to WASI, run by path in a sandbox of its own. A WASI 0.2 command component or a
//! preview-1 module; arguments, environment, input and directories are what the step names, and nothing else; no network.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use pintle_core::ids::Digest;
use pintle_core::plugin::{ActionRow, PluginLimits, Repeats, Staged};
use pintle_plane::executor::{Failure, Fault, Performed, Task};
use pintle_plane::output::Sink;
use pintle_plane::stop::StopSignal;

use crate::blobs::digest_of;
use crate::call::breach::Breach;
use crate::call::fall::{Blame, Fall};
use crate::call::record::Record;
use crate::compiler::{Shape, sentence};
use crate::engine::Allocator;
use crate::error::CodeError;
use crate::executors::outcome::failure;
use crate::grants::FilesGrant;
use crate::limits::COMPONENT_BYTES;
use crate::plugin::load::{Form, form};
use crate::runtime::Runtime;

mod guest;
mod input;

use self::guest::Program;
use self::input::{Input, Mapped};

/// The action.
pub(crate) const ACTION: &str = "wasi.run";
/// Programs that stay linked.
const KEPT: usize = 16;

/// Runs WASI programs.
pub(crate) struct WasiRun {
    runtime: Arc<Runtime>,
    files: Option<FilesGrant>,
    kept: Mutex<VecDeque<(Digest, Arc<Program>)>>,
}

/// A step that was checked: all that a guest needs.
pub(crate) struct Prepared {
    input: Input,
    path: PathBuf,
    dirs: Vec<Mapped>,
}

impl WasiRun {
    /// Paths that a step names must lie beneath `files`.
    pub(crate) fn new(runtime: Arc<Runtime>, files: Option<FilesGrant>) -> Self {
        Self { runtime, files, kept: Mutex::new(VecDeque::new()) }
    }

    /// Runs the program of a step to its end.
    pub(crate) async fn perform(&self, task: Task, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> Performed {
        let prepared = match self.prepare(&task) {
            Ok(prepared) => prepared,
            Err(failure) => return Performed::Failed(failure),
        };
        let blame = Blame {
            who: format!("wasi.run {}", prepared.path.file_name().unwrap_or_default().to_string_lossy()),
            function: "",
            settings: "with.limits.".to_owned(),
            snake: true,
        };
        let (deadline, over) = end(&prepared, &task);
        let record = Arc::new(Record::new(deadline, stop));
        let program = match self.program(&prepared.path, &record, &over, &blame).await {
            Ok(program) => program,
            Err(failure) => return Performed::Failed(failure),
        };
        match program.run(&self.runtime, &prepared, &record, sink, &over).await {
            Ok(code) => Performed::Done { outputs: Vec::new(), exit_code: Some(code) },
            Err(fall) => {
                let mut failed = fall.failure(&blame, None, false);
                if record.outer().urgency() > pintle_plane::stop::Urgency::None {
                    failed.fault = Fault::Cancelled;
                }
                Performed::Failed(failed)
            }
        }
    }

    fn prepare(&self, task: &Task) -> Result<Prepared, Failure> {
        let denied = |message: String| failure(Fault::Denied, message);
        let input: Input = serde_json::from_str(&task.input_json)
            .map_err(|error| failure(Fault::Invalid, format!("wasi.run: {error}")))?;
        input.check().map_err(|message| failure(Fault::Invalid, format!("wasi.run: {message}")))?;
        if task.dry_run {
            return Err(denied(format!("wasi.run: this is a dry run: {} is not run", input.path)));
        }
        let files = self.files.as_ref().ok_or_else(|| {
            denied("wasi.run is not granted in a sandbox; leave out --sandbox, or grant it files".to_owned())
        })?;
        let allowed = |path: &Path, write: bool| -> Result<PathBuf, Failure> {
            let shown = path.display();
            let whole = task.working_dir.join(path);
            let found = whole.canonicalize().map_err(|error| {
                let place =
                    if path.is_absolute() { String::new() } else { format!(", which is `{}`,", whole.display()) };
                failure(Fault::NotFound, format!("wasi.run: `{shown}`{place} cannot be used: {error}"))
            })?;
            if files.covers(&found, write) {
                return Ok(found);
            }
            let how = if write { "writing" } else { "reading" };
            Err(denied(format!("wasi.run: `{shown}` is not granted for {how}")))
        };
        let path = allowed(Path::new(&input.path), false)?;
        let dirs = input.dirs.iter().map(|dir| {
            let host = allowed(Path::new(&dir.host), !dir.read_only)?;
            let guest = dir.guest.clone().unwrap_or_else(|| dir.host.clone());
            Ok(Mapped { host, guest, read_only: dir.read_only })
        });
        let dirs = dirs.collect::<Result<Vec<_>, Failure>>()?;
        Ok(Prepared { input, path, dirs })
    }

    /// Reads, compiles and links a program, or takes the linked one that is kept.
    async fn program(
        &self,
        path: &Path,
        record: &Record,
        over: &Breach,
        blame: &Blame,
    ) -> Result<Arc<Program>, Failure> {
        let bytes = read(path)?;
        let digest = digest_of(&bytes);
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, program)) = kept().iter().find(|(kept, _)| *kept == digest) {
            return Ok(Arc::clone(program));
        }
        let deadline = async {
            match record.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        let linked = tokio::select! {
            linked = self.link(path, &bytes, &digest) => linked?,
            () = deadline => return Err(Fall::Breach(over.clone()).failure(blame, None, false)),
            () = record.outer().reached(pintle_plane::stop::Urgency::Gracefully) => {
                return Err(Fall::Stopped.failure(blame, None, false));
            }
        };
        let program = Arc::new(linked);
        let mut kept = kept();
        kept.push_front((digest, Arc::clone(&program)));
        kept.truncate(KEPT);
        Ok(program)
    }

    async fn link(&self, path: &Path, bytes: &[u8], digest: &Digest) -> Result<Program, Failure> {
        let shown = path.display();
        let invalid = |reason: String| failure(Fault::Invalid, format!("wasi.run: `{shown}` {reason}"));
        let shape = match form(bytes) {
            Form::Component => Shape::Component,
            Form::Module => Shape::Module,
            Form::Native => return Err(invalid("is precompiled native code; give the .wasm file".to_owned())),
            Form::Other => return Err(invalid("is not WebAssembly".to_owned())),
        };
        let engine = self.runtime.engine.of(Allocator::OnDemand);
        let engine = engine.map_err(|error| failure(Fault::Unavailable, sentence(&error)))?;
        let native = self.runtime.cache.native(&engine, digest, bytes.into(), shape).await;
        let native = native.map_err(|error| match error {
            CodeError::Refused(reason) => invalid(unfit(&reason)),
            CodeError::Bound(bound) => failure(
                Fault::Exhausted,
                format!("wasi.run: `{shown}` was not compiled: compilation took more than {bound}"),
            ),
            other @ (CodeError::Compiler { .. } | CodeError::Load(_) | CodeError::Host(_)) => {
                failure(Fault::Unavailable, format!("wasi.run: {other}"))
            }
        })?;
        Program::link(&engine, native.trusted(), shape)
            .map_err(|error| invalid(format!("cannot be run: {}", unlinked(&sentence(&error)))))
    }
}

/// Why a program is not compiled. What is valid elsewhere and not offered here is told as that.
fn unfit(reason: &str) -> String {
    if reason.contains("threads must be enabled") {
        "wants threads, which are not offered: build it for one thread".to_owned()
    } else if reason.contains("component model async") {
        "wants streams or futures, which are not offered: build it for WASI 0.2".to_owned()
    } else {
        format!("is not valid WebAssembly: {reason}")
    }
}

/// Why a program is not linked: most often for what it imports.
fn unlinked(reason: &str) -> String {
    let import = reason.strip_prefix("unknown import: ").and_then(|rest| rest.split('`').nth(1));
    match import {
        Some(name) => format!("it imports `{name}`, which is not part of WASI preview 1: build it for that"),
        None => reason.to_owned(),
    }
}

fn end(prepared: &Prepared, task: &Task) -> (Option<Instant>, Breach) {
    let wall = prepared.input.limits.wall();
    let step = task.remaining.map(pintle_core::time::Span::as_duration);
    let (bound, over) = match (wall, step) {
        (Some(wall), Some(step)) if step <= wall => (Some(step), Breach::StepDeadline(step)),
        (Some(wall), _) => (Some(wall), Breach::Wall(wall)),
        (None, step) => (step, Breach::StepDeadline(step.unwrap_or_default())),
    };
    (bound.map(|bound| Instant::now() + bound), over)
}

/// A regular file of bearable size.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let metadata = std::fs::metadata(path)
        .map_err(|error| failure(Fault::NotFound, format!("wasi.run: `{shown}` cannot be read: {error}")))?;
    if !metadata.is_file() {
        return Err(failure(Fault::Invalid, format!("wasi.run: `{shown}` is not a file")));
    }
    if metadata.len() > COMPONENT_BYTES as u64 {
        let message = format!("wasi.run: `{shown}` has {} bytes; at most {COMPONENT_BYTES} are read", metadata.len());
        return Err(failure(Fault::Invalid, message));
    }
    std::fs::read(path).map_err(|error| failure(Fault::Denied, format!("wasi.run: `{shown}` cannot be read: {error}")))
}

/// The row of this executor, as staging would have made it.
#[must_use]
pub fn staged() -> Staged {
    let defaults = input::InputLimits::default();
    Staged {
        digest: digest_of(ACTION.as_bytes()),
        name: "wasi-run".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: "executor".to_owned(),
        summary: "runs WASI programs in a sandbox".to_owned(),
        imports: Vec::new(),
        wants: Vec::new(),
        limits: PluginLimits {
            memory_mib: defaults.memory_mib,
            cpu_ms: u32::try_from(defaults.cpu_ms).unwrap_or(u32::MAX),
            wall_ms: 0,
            log_kib: 0,
            output_kib: defaults.output_kib,
        },
        config_schema: String::new(),
        actions: vec![ActionRow {
            name: ACTION.to_owned(),
            summary: "run a WASI 0.2 command component or preview-1 module".to_owned(),
            input_schema: include_str!("wasi_run/input.schema.json").to_owned(),
            output_schema: String::new(),
            repeats: Repeats::UnsafeToRepeat,
        }],
    }
}
