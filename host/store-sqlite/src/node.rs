//! Which processes live: each holds `flock nodes/<id>` for life, so a free lock proves a death at once.

use std::collections::hash_map::Entry;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use pintle_core::ids::NodeId;
use pintle_store::{BoxFuture, Error, Nodes};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::fault::{self, Fault};
use crate::layout::Layout;
use crate::sql::{self, query};
use crate::store::{Inner, Sqlite};

/// Whoever looks whether a node lives holds its lock for a microsecond: who registers tries again so often ...
const TRIES: u32 = 20;
/// ... and after so long.
const PAUSE: Duration = Duration::from_millis(1);

impl Nodes for Sqlite {
    fn register<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move { self.inner().register(node) })
    }

    fn is_alive<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move { is_alive(&self.layout().node(node)) })
    }

    fn dead_with_open_runs(&self) -> BoxFuture<'_, Result<Vec<NodeId>, Error>> {
        Box::pin(async move {
            let layout = self.layout().clone();
            self.inner().desk.read(move |conn| dead(conn, &layout)).await
        })
    }
}

impl Inner {
    fn register(&self, node: &NodeId) -> Result<bool, Error> {
        let mut held = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        match held.entry(node.clone()) {
            Entry::Occupied(_) => Ok(true),
            Entry::Vacant(free) => {
                let locked = lock(&self.layout, &self.layout.node(node))?;
                Ok(locked.map(|file| free.insert(file)).is_some())
            }
        }
    }
}

/// Locks a node's file for life; none: somebody has it.
fn lock(layout: &Layout, path: &Path) -> Result<Option<File>, Error> {
    for _ in 0..TRIES {
        let file = open(layout, path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // A file that was removed while we opened it proves nothing to anybody.
            Ok(()) if is_still_there(&file, path) => return Ok(Some(file)),
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => std::thread::sleep(PAUSE),
            Err(errno) => return Err(fault::io(errno.into(), "lock", path)),
        }
    }
    Ok(None)
}

fn open(layout: &Layout, path: &Path) -> Result<File, Error> {
    let open = || OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    match open() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            layout.make(path.parent().unwrap_or(path))?;
            open()
        }
        done => done,
    }
    .map_err(|e| fault::io(e, "open", path))
}

fn is_still_there(file: &File, path: &Path) -> bool {
    let same = |a: std::fs::Metadata, b: std::fs::Metadata| a.ino() == b.ino() && a.dev() == b.dev();
    file.metadata().ok().zip(std::fs::metadata(path).ok()).is_some_and(|(a, b)| same(a, b))
}

/// Whether somebody holds the file's lock.
fn is_alive(path: &Path) -> Result<bool, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(fault::io(error, "open", path)),
    };
    // Shared, so that two who look do not take each other for the node.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(errno) => Err(fault::io(errno.into(), "lock", path)),
    }
}

/// Owners of open runs that are dead.
fn dead(conn: &rusqlite::Connection, layout: &Layout) -> Result<Vec<NodeId>, Fault> {
    let mut statement = sql::prepare(conn, query!("node/homes"))?;
    let mut rows = statement.query([])?;
    let mut dead = Vec::new();
    while let Some(row) = rows.next()? {
        // A name that is no id was not written by a release that we know, and cannot be asked for.
        let Ok(node) = NodeId::new(row.get::<_, String>(0)?) else { continue };
        if !is_alive(&layout.node(&node))? {
            dead.push(node);
        }
    }
    Ok(dead)
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Nobody needs the file of a node that ended in order: its name is not used again.
        for (node, _file) in self.nodes.get_mut().unwrap_or_else(PoisonError::into_inner).drain() {
            let _ = std::fs::remove_file(self.layout.node(&node));
        }
    }
}
