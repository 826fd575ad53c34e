//! The reaper: a small process that outlives its worker by the moment that it takes to kill what is left.
//!
//! The worker holds one end of a pipe, the reaper the other. However the worker ends, the pipe closes; then the reaper
//! reads the claim files that this worker wrote and kills the groups that they name, and every process that bears one
//! of their claims. The files are the whole protocol: they were written before the programs started, so there is
//! nothing to be told and nothing to be out of step with.
//!
//! Not promised: a reaper that is killed together with its worker kills nothing. Then [`recover`](crate::recover())
//! does it, before the step is run again.

use std::ffi::OsString;
use std::fs;
use std::io::{self, PipeWriter, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::claims::{self, Record, Writer};
use crate::kin::Quarry;
use crate::limits;
use crate::recover::forget;

/// How a reaper is started: a program, and what stands before the arguments of [`reaper_main`].
#[derive(Debug, Clone)]
pub struct ReaperCommand {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
}

impl Default for ReaperCommand {
    /// This very binary, also if its file was replaced meanwhile, as `pintle __reap`.
    fn default() -> Self {
        Self { program: PathBuf::from("/proc/self/exe"), arguments: vec!["__reap".into()], env: Vec::new() }
    }
}

/// The worker's side: starts a reaper when there is something to guard, and again if it was killed.
#[derive(Debug)]
pub(crate) struct Reaper {
    command: ReaperCommand,
    data_dir: PathBuf,
    writer: Writer,
    running: Mutex<Option<(Child, PipeWriter)>>,
}

impl Reaper {
    pub(crate) fn new(command: ReaperCommand, data_dir: PathBuf, writer: Writer) -> Self {
        Self { command, data_dir, writer, running: Mutex::new(None) }
    }

    /// Sees to it that a reaper is there. Without one the claim files still stand: a failure is logged, not returned.
    pub(crate) fn ensure(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((child, _)) = running.as_mut()
            && matches!(child.try_wait(), Ok(None))
        {
            return;
        }
        match self.start() {
            Ok(started) => *running = Some(started),
            Err(error) => {
                tracing::warn!(%error, "no reaper could be started; programs that outlive a killed worker are killed at its next start");
            }
        }
    }

    /// In a group of its own, so that what the terminal sends to its foreground does not reach it, and without the
    /// worker's output, so that nobody who reads that waits for the reaper.
    fn start(&self) -> io::Result<(Child, PipeWriter)> {
        let (read, write) = io::pipe()?;
        let child = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .arg(&self.data_dir)
            .arg(format!("{}:{}", self.writer.pid, self.writer.started))
            .env_clear()
            .envs(self.command.env.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::from(read))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        tracing::debug!(pid = child.id(), "reaper started");
        Ok((child, write))
    }
}

/// The reaper itself: what `pintle __reap <data dir> <pid>:<start>` does; `args` are those after `__reap`.
///
/// To be called before anything else of the program is set up: it reads standard input to its end.
pub fn reaper_main(args: &[OsString]) -> ExitCode {
    let [data_dir, writer] = args else { return ExitCode::from(2) };
    let Some(writer) = writer.to_str().and_then(parse_writer) else { return ExitCode::from(2) };
    // Kept to the end: while it lives, SIGINT, SIGTERM and SIGHUP do nothing. A service manager that stops the whole
    // service sends them to the reaper too, at the beginning of the worker's grace.
    let _deaf = deaf_to_signals();
    let _ = io::stdin().lock().read_to_end(&mut Vec::new());
    match reap(Path::new(data_dir), writer) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}

fn parse_writer(text: &str) -> Option<Writer> {
    let (pid, started) = text.split_once(':')?;
    Some(Writer { pid: pid.parse().ok()?, started: started.parse().ok()? })
}

/// A handler that nobody listens to is as good as ignoring the signal, and needs no unsafe code.
fn deaf_to_signals() -> Option<(tokio::runtime::Runtime, Vec<tokio::signal::unix::Signal>)> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().ok()?;
    let inside = runtime.enter();
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()]
        .into_iter()
        .filter_map(|kind| signal(kind).ok())
        .collect();
    drop(inside);
    Some((runtime, signals))
}

/// Kills what the claim files of `writer` name; how many processes would not die.
fn reap(data_dir: &Path, writer: Writer) -> io::Result<usize> {
    let dir = claims::directory(data_dir).canonicalize()?;
    let mut quarry = Quarry::default();
    let mut claims = Vec::new();
    for entry in fs::read_dir(&dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        match Record::read(&entry.path()) {
            Ok(Some(record)) if record.writer != Some(writer) => {}
            // One that stays names no claim: killing comes first.
            Ok(Some(_)) if claims::is_spare(&name) => drop(claims::remove(&entry.path())),
            Ok(Some(record)) => {
                quarry.groups.extend(record.groups);
                quarry.claim_files.push(entry.path());
                claims.push(name);
            }
            Ok(None) | Err(_) => {}
        }
    }
    if claims.is_empty() {
        return Ok(0);
    }
    let hunt = quarry.exterminate(limits::EXTERMINATE_WITHIN)?;
    if hunt.left.is_empty() {
        for claim in &claims {
            forget(&dir, claim)?;
        }
    }
    Ok(hunt.left.len())
}
