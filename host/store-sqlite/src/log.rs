//! What steps print: `runs/<run>/logs/<step>-<fence>.<stream>`, written where each chunk says that it belongs.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pintle_core::counter::Fence;
use pintle_core::ids::RunId;
use pintle_core::plan::StepIndex;
use pintle_store::{BoxFuture, Channel, Error, LogName, LogPart, Logs};

use crate::blob::{read, size};
use crate::fault;
use crate::layout::Layout;
use crate::store::Sqlite;

/// Files that are kept open. One more costs an `open` at the next chunk, nothing else.
const OPEN: usize = 256;

/// Files of steps that run. Who writes to a log of one that is kept open holds the lock, so its length is known.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    open: Mutex<HashMap<LogName, Handle>>,
}

#[derive(Debug)]
struct Handle {
    file: File,
    length: u64,
}

impl Logs for Sqlite {
    fn append_log<'a>(&'a self, log: &'a LogName, offset: u64, bytes: Vec<u8>) -> BoxFuture<'a, Result<u64, Error>> {
        let (handles, layout, log) = (Arc::clone(&self.inner().handles), self.layout().clone(), log.clone());
        Box::pin(self.inner().lane.block(move || handles.append(&layout, log, offset, &bytes)))
    }

    /// On the caller's thread: the end of a step waits for it, and to hand it to the lane and to wake up again takes
    /// longer than to write it.
    fn seal_logs<'a>(
        &'a self,
        run: &'a RunId,
        step: StepIndex,
        fence: Fence,
        rest: &'a [LogPart<'a>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let name = |channel| LogName { run: run.clone(), step, fence, channel };
            let sealed = Channel::ALL.map(|channel| self.inner().handles.seal(self.layout(), &name(channel), rest));
            sealed.into_iter().collect()
        })
    }

    fn read_log<'a>(&'a self, log: &'a LogName, offset: u64, limit: usize) -> BoxFuture<'a, Result<Vec<u8>, Error>> {
        let path = self.layout().log(log);
        Box::pin(self.inner().desk.block(move || Ok(read(&path, offset, limit)?.unwrap_or_default())))
    }

    fn log_size<'a>(&'a self, log: &'a LogName) -> BoxFuture<'a, Result<u64, Error>> {
        let path = self.layout().log(log);
        Box::pin(self.inner().desk.block(move || Ok(size(&path)?.unwrap_or(0))))
    }

    fn logs_of<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<LogName>, Error>> {
        let (layout, run) = (self.layout().clone(), run.clone());
        Box::pin(self.inner().desk.block(move || list(&layout.logs(&run), &run)))
    }
}

impl Handles {
    fn lock(&self) -> MutexGuard<'_, HashMap<LogName, Handle>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, layout: &Layout, log: LogName, offset: u64, bytes: &[u8]) -> Result<u64, Error> {
        let path = layout.log(&log);
        let mut open = self.lock();
        if !open.contains_key(&log) {
            make_room(&mut open);
            open.insert(log.clone(), Handle::open(layout, &path)?);
        }
        let Some(handle) = open.get_mut(&log) else { return Ok(0) };
        handle.append(&log, &path, offset, bytes)
    }

    /// Writes what is left of a log, and keeps its file open no longer.
    fn seal(&self, layout: &Layout, log: &LogName, rest: &[LogPart<'_>]) -> Result<(), Error> {
        let mut handle = self.lock().remove(log);
        for part in rest.iter().filter(|part| part.channel == log.channel) {
            let path = layout.log(log);
            let handle = match &mut handle {
                Some(handle) => handle,
                empty @ None => empty.insert(Handle::open(layout, &path)?),
            };
            handle.append(log, &path, part.offset, part.bytes)?;
        }
        Ok(())
    }
}

/// Closes some file or other when there are too many.
fn make_room(open: &mut HashMap<LogName, Handle>) {
    if open.len() >= OPEN
        && let Some(some) = open.keys().next().cloned()
    {
        open.remove(&some);
    }
}

impl Handle {
    fn open(layout: &Layout, path: &Path) -> Result<Self, Error> {
        let open = || OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = match open() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                layout.make(path.parent().unwrap_or(path))?;
                open()
            }
            done => done,
        };
        let opened = file.and_then(|file| Ok(Self { length: file.metadata()?.len(), file }));
        opened.map_err(|e| fault::io(e, "open", path))
    }

    /// Writes a chunk where it belongs; how long the log is then.
    fn append(&mut self, log: &LogName, path: &Path, offset: u64, bytes: &[u8]) -> Result<u64, Error> {
        if offset > self.length {
            return Err(Error::LogGap { log: log.to_string(), have: self.length, offset });
        }
        self.file.write_all_at(bytes, offset).map_err(|e| fault::io(e, "write", path))?;
        self.length = self.length.max(offset.saturating_add(bytes.len() as u64));
        Ok(self.length)
    }
}

fn list(dir: &Path, run: &RunId) -> Result<Vec<LogName>, Error> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fault::io(error, "read", dir)),
    };
    let mut logs: Vec<LogName> = entries.filter_map(|entry| parse(entry.ok()?.file_name().to_str()?, run)).collect();
    logs.sort();
    Ok(logs)
}

/// A log by its file's name.
fn parse(name: &str, run: &RunId) -> Option<LogName> {
    let (claim, channel) = name.split_once('.')?;
    let (step, fence) = claim.split_once('-')?;
    Some(LogName {
        run: run.clone(),
        step: StepIndex(step.parse().ok()?),
        fence: Fence(fence.parse().ok()?),
        channel: Channel::ALL.into_iter().find(|known| known.as_str() == channel)?,
    })
}
