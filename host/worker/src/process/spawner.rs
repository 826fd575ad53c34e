//! Starting one program.
//!
//! One after another, under a lock, so that a script's file is never open for writing while another program is being
//! started (the child would hold it open up to its exec, and running the script would fail with "text file busy").
//! What others in this process start, the reaper say, may still make a file busy for a moment: then the start is tried
//! again.
//!
//! A start is done in the task that wants it: it blocks its thread for 0.2 ms, most of it the kernel's exec. A thread
//! of its own for starts was tried: two hops between threads, 0.1 ms a step.

use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::Mutex;

use pintle_plane::process::ProcessError;

use super::leash::{Leash, ScriptFile};
use super::order::Order;
use crate::claims::{self, Claims};
use crate::kin::{CLAIM, MARKER};
use crate::limits;
use crate::reaper::Reaper;

/// A program that was started, and its pipes.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) leash: Leash,
    pub(super) pidfd: OwnedFd,
    pub(super) stdout: PipeReader,
    /// None: it writes both streams into one pipe.
    pub(super) stderr: Option<PipeReader>,
    /// What of the input did not fit into the pipe at once.
    pub(super) input: Option<Rest>,
}

/// Input that waits for the program to read.
pub(super) type Rest = (PipeWriter, Vec<u8>);

/// Starts programs.
#[derive(Debug)]
pub(super) struct Spawner {
    yard: Mutex<Yard>,
}

#[derive(Debug)]
struct Yard {
    claims: Arc<Claims>,
    reaper: Arc<Reaper>,
    /// Number of the next script.
    scripts: u64,
}

impl Spawner {
    pub(super) fn new(claims: Arc<Claims>, reaper: Arc<Reaper>) -> Self {
        Self { yard: Mutex::new(Yard { claims, reaper, scripts: 0 }) }
    }

    /// Starts one program; `one` pipe takes both of its streams. Nothing is started if the caller goes away while it
    /// waits for its turn.
    pub(super) async fn start(&self, order: Order, one: bool) -> Result<Started, ProcessError> {
        self.yard.lock().await.start(order, one)
    }
}

impl Yard {
    fn start(&mut self, mut order: Order, one: bool) -> Result<Started, ProcessError> {
        let unavailable = |program: &str, what: &str, error: &io::Error| ProcessError::Unavailable {
            program: program.to_owned(),
            reason: format!("{what}: {error}"),
        };
        let asked = order.spec.program.clone();
        let hold = self
            .claims
            .hold(&order.spec.claim)
            .map_err(|error| unavailable(&asked, "its claim file cannot be written", &error))?;
        let script = match order.spec.script.take() {
            None => None,
            Some(text) => {
                let file = self
                    .write_script(&order.spec.claim, &text)
                    .map_err(|error| unavailable(&asked, "its script cannot be written", &error))?;
                order.insert_script(&file.0.to_string_lossy());
                Some(file)
            }
        };
        let path = order.find_program()?;
        let pipes = Pipes::new(one).map_err(|error| unavailable(&asked, "it gets no pipe", &error))?;
        let (stdin, input) = feed(std::mem::take(&mut order.spec.input))
            .map_err(|error| unavailable(&asked, "it gets no input", &error))?;
        let child = spawn(&order, &path, &self.claims.dir().join(&order.spec.claim), stdin, pipes.ours)
            .map_err(|error| order.explain(&path, &error))?;
        let (leash, pidfd) = Leash::on(child, hold, script, Arc::clone(&self.reaper))
            .map_err(|error| unavailable(&asked, "it could not be recorded", &error))?;
        Ok(Started { leash, pidfd, stdout: pipes.stdout, stderr: pipes.stderr, input })
    }

    /// A file that only this user may read, write and run.
    fn write_script(&mut self, claim: &str, text: &str) -> io::Result<ScriptFile> {
        loop {
            let path = claims::script_file(self.claims.dir(), claim, self.scripts);
            self.scripts = self.scripts.wrapping_add(1);
            match OpenOptions::new().write(true).create_new(true).mode(0o700).open(&path) {
                Ok(mut file) => {
                    let script = ScriptFile(path);
                    file.write_all(text.as_bytes())?;
                    return Ok(script);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Reading ends for us, writing ends for the program.
struct Pipes {
    stdout: PipeReader,
    stderr: Option<PipeReader>,
    ours: (PipeWriter, PipeWriter),
}

impl Pipes {
    fn new(one: bool) -> io::Result<Self> {
        let (stdout, program_stdout) = io::pipe()?;
        if one {
            let program_stderr = program_stdout.try_clone()?;
            return Ok(Self { stdout, stderr: None, ours: (program_stdout, program_stderr) });
        }
        let (stderr, program_stderr) = io::pipe()?;
        Ok(Self { stdout, stderr: Some(stderr), ours: (program_stdout, program_stderr) })
    }
}

/// Standard input: as much as fits goes into the pipe before the program starts, as a rule all of it.
fn feed(mut input: Vec<u8>) -> io::Result<(Stdio, Option<Rest>)> {
    if input.is_empty() {
        return Ok((Stdio::null(), None));
    }
    let (read, mut write) = io::pipe()?;
    rustix::io::ioctl_fionbio(&write, true)?;
    loop {
        match write.write(&input) {
            Ok(count) if count == input.len() => return Ok((read.into(), None)),
            Ok(count) => drop(input.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok((read.into(), Some((write, input)))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// All that it sets keeps the standard library on its `posix_spawn` path: a full program path, a directory, a group.
fn spawn(
    order: &Order,
    path: &Path,
    claim_file: &Path,
    stdin: Stdio,
    (stdout, stderr): (PipeWriter, PipeWriter),
) -> io::Result<Child> {
    let spec = &order.spec;
    let mut command = Command::new(path);
    command
        .arg0(&spec.program)
        .args(&spec.arguments)
        .env_clear()
        .envs(spec.env.iter().map(|(name, value)| (name, value)))
        .env(CLAIM, &spec.claim)
        .env(MARKER, claim_file)
        .current_dir(&spec.working_dir)
        .process_group(0)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr);
    let mut tries = 0;
    loop {
        match command.spawn() {
            Err(error)
                if error.raw_os_error() == Some(Errno::TXTBSY.raw_os_error()) && tries < limits::BUSY_RETRIES =>
            {
                // Nothing tells when the other child reaches its exec; it takes microseconds.
                std::thread::sleep(Duration::from_millis(1 << tries));
                tries += 1;
            }
            answer => return answer,
        }
    }
}
