//! Where things lie in the data directory.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use pintle_core::ids::{Digest, NodeId, RunId};
use pintle_store::{Error, LogName};

use crate::fault;

/// Names of everything below a data directory. Directories are made when they are first needed, for their owner alone.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Of the data directory at `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The data directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database. SQLite alone opens it.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join("pintle.db")
    }

    /// The file whose lock a batch of writes is done under.
    #[must_use]
    pub fn write_lock(&self) -> PathBuf {
        self.root.join("pintle.write")
    }

    /// Files of processes.
    #[must_use]
    pub fn nodes(&self) -> PathBuf {
        self.root.join("nodes")
    }

    /// The file whose lock proves that a process lives.
    #[must_use]
    pub fn node(&self, node: &NodeId) -> PathBuf {
        self.nodes().join(component(node.as_str()))
    }

    /// What was started for claims and must not be left alive: the worker's files.
    #[must_use]
    pub fn claims(&self) -> PathBuf {
        self.root.join("claims")
    }

    /// What a run leaves behind.
    #[must_use]
    pub fn run(&self, run: &RunId) -> PathBuf {
        self.root.join("runs").join(component(run.as_str()))
    }

    /// Logs of a run's claims.
    #[must_use]
    pub fn logs(&self, run: &RunId) -> PathBuf {
        self.run(run).join("logs")
    }

    /// The log of one stream of one claim.
    #[must_use]
    pub fn log(&self, log: &LogName) -> PathBuf {
        self.logs(&log.run).join(format!("{}-{}.{}", log.step.0, log.fence, log.channel.as_str()))
    }

    /// Blobs, and what is to become one.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// A blob.
    #[must_use]
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        let (fan, rest) = digest.as_str().split_at_checked(2).unwrap_or((digest.as_str(), ""));
        self.blobs().join(fan).join(rest)
    }

    /// What can be made again: compiled components.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Makes a directory and those above it, for their owner alone. Existing ones are left as they are.
    pub fn make(&self, dir: &Path) -> Result<(), Error> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| fault::io(e, "create", dir))
    }

    /// Makes the data directory with all that it holds from the first day.
    pub(crate) fn make_all(&self) -> Result<(), Error> {
        for name in ["nodes", "claims", "runs", "blobs", "cache"] {
            self.make(&self.root.join(name))?;
        }
        Ok(())
    }
}

/// A name as a single component of a path. Ids hold no slash; `.` and `..` are ids, but must not be directories.
fn component(name: &str) -> String {
    if name.starts_with(['.', '%']) { format!("%{name}") } else { name.to_owned() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;

    #[test]
    fn no_run_id_leaves_the_runs_directory() {
        let layout = Layout::new("/home");
        for (id, name) in [("..", "%.."), (".", "%."), ("%..", "%%.."), ("a..b", "a..b"), ("nightly", "nightly")] {
            assert_eq!(layout.run(&RunId::new(id).unwrap()), Path::new("/home/runs").join(name));
        }
    }

    #[test]
    fn blobs_fan_out_by_their_first_byte() {
        let digest = Digest::from_bytes([0xab; 32]);
        assert_eq!(Layout::new("/d").blob(&digest), Path::new("/d/blobs/ab").join("ab".repeat(31)));
    }
}
