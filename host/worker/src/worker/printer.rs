//! Where a step's output goes: its log, the live terminal, the files of `stdout:` and `stderr:`, and what is kept of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pintle_core::plan::{OutputFrom, OutputRead, OutputSource};
use pintle_plane::output::{Channel, Sink};
use pintle_plane::worker::Assignment;

use super::log::Log;

/// The sink that an executor gets.
pub(super) struct Printer {
    log: Arc<Log>,
    terminal: Option<Arc<dyn Sink>>,
    files: Files,
    kept: KeptStreams,
    /// Both streams stand in the log of the first.
    merged: bool,
    /// And nobody else wants to tell them apart.
    one: bool,
}

/// Standard output, as far as it is wanted.
#[derive(Debug, Default)]
pub(super) struct Kept {
    limit: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) more: bool,
}

/// What is kept of each stream, where it is wanted.
#[derive(Default)]
struct KeptStreams {
    stdout: Option<Mutex<Kept>>,
    stderr: Option<Mutex<Kept>>,
}

/// Copies of the streams. A file that cannot be written any more is let go, once, with a word in the log.
#[derive(Default)]
struct Files {
    stdout: Mutex<Option<File>>,
    stderr: Mutex<Option<File>>,
    stdout_artifact: Mutex<Option<File>>,
    stderr_artifact: Mutex<Option<File>>,
}

/// A sink that only keeps: for probes.
pub(super) struct Keeper(Mutex<Kept>);

impl Printer {
    /// Opens the files; an error names the one that cannot be opened.
    pub(super) fn new(
        assignment: &Assignment,
        log: Arc<Log>,
        terminal: Option<Arc<dyn Sink>>,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let open = |path: &Option<PathBuf>| match path {
            None => Ok(Mutex::new(None)),
            Some(path) => append(&assignment.working_dir.join(path)).map(|file| Mutex::new(Some(file))),
        };
        let artifact = |path: &Option<PathBuf>| match path.as_ref().zip(assignment.artifacts_dir.as_ref()) {
            None => Ok(Mutex::new(None)),
            Some((path, dir)) => anew(&dir.join(path)).map(|file| Mutex::new(Some(file))),
        };
        let files = Files {
            stdout: open(&assignment.stdout_file)?,
            stderr: open(&assignment.stderr_file)?,
            stdout_artifact: artifact(&assignment.stdout_artifact)?,
            stderr_artifact: artifact(&assignment.stderr_artifact)?,
        };
        let keep = |wanted: bool| wanted.then(|| Mutex::new(Kept::up_to(assignment.max_output)));
        let kept = KeptStreams {
            stdout: keep(assignment.capture_stdout || reads(assignment, Channel::Stdout)),
            stderr: keep(reads(assignment, Channel::Stderr)),
        };
        let files_of = [
            &assignment.stdout_file,
            &assignment.stderr_file,
            &assignment.stdout_artifact,
            &assignment.stderr_artifact,
        ];
        let told_apart = kept.stdout.is_some() || kept.stderr.is_some() || files_of.iter().any(|path| path.is_some());
        let merged = assignment.merged_log;
        Ok(Self { log, terminal, files, kept, merged, one: merged && !told_apart })
    }

    /// What was kept of a stream, if it was wanted.
    pub(super) fn take_kept(&self, channel: Channel) -> Option<Kept> {
        self.kept(channel).map(|kept| std::mem::take(&mut *lock(kept)))
    }

    fn kept(&self, channel: Channel) -> Option<&Mutex<Kept>> {
        match channel {
            Channel::Stdout => self.kept.stdout.as_ref(),
            Channel::Stderr => self.kept.stderr.as_ref(),
        }
    }

    fn copy(&self, channel: Channel, bytes: &[u8]) {
        let (file, artifact) = match channel {
            Channel::Stdout => (&self.files.stdout, &self.files.stdout_artifact),
            Channel::Stderr => (&self.files.stderr, &self.files.stderr_artifact),
        };
        for (copy, what) in [(file, "file"), (artifact, "artifact")] {
            let mut copy = lock(copy);
            if let Some(open) = &mut *copy
                && let Err(error) = open.write_all(bytes)
            {
                *copy = None;
                drop(copy);
                let name = channel.as_str();
                self.log.write(
                    Channel::Stderr,
                    format!("pintle: the {what} of `{name}:` gets no more of this step's output: {error}\n").as_bytes(),
                );
            }
        }
    }
}

impl Sink for Printer {
    fn is_one(&self) -> bool {
        self.one
    }

    fn write(&self, channel: Channel, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.log.write(if self.merged { Channel::Stdout } else { channel }, bytes);
        if let Some(terminal) = &self.terminal {
            terminal.write(channel, bytes);
        }
        self.copy(channel, bytes);
        if let Some(kept) = self.kept(channel) {
            lock(kept).add(bytes);
        }
    }
}

impl Kept {
    fn up_to(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    fn add(&mut self, new: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(new.get(..room).unwrap_or(new));
        self.more |= new.len() > room;
    }
}

impl Keeper {
    pub(super) fn up_to(limit: usize) -> Self {
        Self(Mutex::new(Kept::up_to(limit)))
    }

    pub(super) fn take(&self) -> Kept {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Sink for Keeper {
    fn write(&self, channel: Channel, bytes: &[u8]) {
        if channel == Channel::Stdout {
            lock(&self.0).add(bytes);
        }
    }
}

/// Whether an output is read from the stream.
fn reads(assignment: &Assignment, channel: Channel) -> bool {
    assignment.published.iter().any(|field| match &field.source {
        OutputSource::Read(OutputRead { from: OutputFrom::Stdout, .. }) => channel == Channel::Stdout,
        OutputSource::Read(OutputRead { from: OutputFrom::Stderr, .. }) => channel == Channel::Stderr,
        OutputSource::Read(OutputRead { from: OutputFrom::File(_), .. }) | OutputSource::Value(_) => false,
    })
}

/// At the end of what is there: a step that is tried again, or writes beside others, loses nobody's lines.
fn append(path: &Path) -> Result<File, (PathBuf, io::Error)> {
    OpenOptions::new().append(true).create(true).open(path).map_err(|error| (path.to_owned(), error))
}

/// Empty: an artifact holds what the last try printed. The directories above it are made.
fn anew(path: &Path) -> Result<File, (PathBuf, io::Error)> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| File::create(path)).map_err(|error| (path.to_owned(), error))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
