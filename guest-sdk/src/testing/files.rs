//! Files in memory, with the rules of the real ones: roots, directories that must exist, whole-file replacement.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::files::{Entry, Kind, Metadata};

const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

#[derive(Clone)]
enum Node {
    Directory { modified_ms: u64 },
    File { bytes: Vec<u8>, mode: u32, modified_ms: u64 },
}

/// Nodes by path; a root is a directory without a slash in its path.
#[derive(Default)]
pub(super) struct Files {
    nodes: BTreeMap<String, Node>,
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

impl Files {
    pub(super) fn add_root(&mut self, name: &str) {
        self.nodes.entry(name.to_owned()).or_insert(Node::Directory { modified_ms: 0 });
    }

    pub(super) fn seed(&mut self, path: &str, bytes: Vec<u8>) {
        let mut above = parent(path);
        while let Some(directory) = above {
            self.add_root(directory);
            above = parent(directory);
        }
        self.nodes.insert(path.to_owned(), Node::File { bytes, mode: FILE_MODE, modified_ms: 0 });
    }

    pub(super) fn contents(&self, path: &str) -> Option<Vec<u8>> {
        match self.nodes.get(path) {
            Some(Node::File { bytes, .. }) => Some(bytes.clone()),
            Some(Node::Directory { .. }) | None => None,
        }
    }

    pub(super) fn mode(&self, path: &str) -> Option<u32> {
        match self.nodes.get(path) {
            Some(Node::File { mode, .. }) => Some(*mode),
            Some(Node::Directory { .. }) | None => None,
        }
    }

    /// A path is `root/a/b`, without empty parts and without `..`; its root must be granted.
    fn check(&self, path: &str) -> Result<(), Error> {
        let mut parts = path.split('/');
        let root = parts.next().unwrap_or_default();
        if !self.nodes.contains_key(root) {
            return Err(Error::denied(format!("files are not granted below `{root}`")));
        }
        if parts.any(|part| part.is_empty() || part == "." || part == "..") {
            return Err(Error::invalid(format!("`{path}` is not a plain path below its root")));
        }
        Ok(())
    }

    fn node(&self, path: &str) -> Result<&Node, Error> {
        self.check(path)?;
        self.nodes.get(path).ok_or_else(|| Error::not_found(format!("`{path}` does not exist")))
    }

    fn check_parent(&self, path: &str) -> Result<(), Error> {
        self.check(path)?;
        match parent(path).map(|directory| (directory, self.nodes.get(directory))) {
            Some((_, Some(Node::Directory { .. }))) => Ok(()),
            Some((directory, Some(Node::File { .. }))) => Err(Error::invalid(format!("`{directory}` is a file"))),
            Some((directory, None)) => Err(Error::not_found(format!("directory `{directory}` does not exist"))),
            None => Err(Error::invalid(format!("`{path}` is a root"))),
        }
    }

    fn children<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let prefix = format!("{path}/");
        self.nodes.iter().filter_map(move |(name, node)| Some((name.strip_prefix(&prefix)?, node)))
    }

    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        match self.node(path)? {
            Node::File { bytes, .. } => Ok(bytes.clone()),
            Node::Directory { .. } => Err(Error::invalid(format!("`{path}` is a directory"))),
        }
    }

    pub(super) fn write(&mut self, path: &str, bytes: Vec<u8>, mode: Option<u32>, now: u64) -> Result<(), Error> {
        self.check_parent(path)?;
        let mode = match (self.nodes.get(path), mode) {
            (Some(Node::Directory { .. }), _) => {
                return Err(Error::invalid(format!("`{path}` is a directory")));
            }
            (_, Some(mode)) => mode & 0o777,
            (Some(Node::File { mode, .. }), None) => *mode,
            (None, None) => FILE_MODE,
        };
        self.nodes.insert(path.to_owned(), Node::File { bytes, mode, modified_ms: now });
        Ok(())
    }

    pub(super) fn append(&mut self, path: &str, bytes: &[u8], now: u64) -> Result<(), Error> {
        let mut all = self.contents(path).unwrap_or_default();
        all.extend_from_slice(bytes);
        self.write(path, all, None, now)
    }

    pub(super) fn inspect(&self, path: &str) -> Result<Metadata, Error> {
        Ok(match self.node(path)? {
            Node::Directory { modified_ms } => {
                Metadata { kind: Kind::Directory, size: 0, modified_ms: *modified_ms, mode: DIRECTORY_MODE }
            }
            Node::File { bytes, mode, modified_ms } => {
                Metadata { kind: Kind::File, size: bytes.len() as u64, modified_ms: *modified_ms, mode: *mode }
            }
        })
    }

    pub(super) fn list(&self, path: &str) -> Result<Vec<Entry>, Error> {
        if let Node::File { .. } = self.node(path)? {
            return Err(Error::invalid(format!("`{path}` is no directory")));
        }
        let own = self.children(path).filter(|(name, _)| !name.contains('/'));
        Ok(own
            .map(|(name, node)| match node {
                Node::Directory { .. } => Entry { name: name.to_owned(), kind: Kind::Directory, size: 0 },
                Node::File { bytes, .. } => Entry { name: name.to_owned(), kind: Kind::File, size: bytes.len() as u64 },
            })
            .collect())
    }

    pub(super) fn make_dir(&mut self, path: &str, now: u64) -> Result<(), Error> {
        self.check_parent(path)?;
        if self.nodes.contains_key(path) {
            return Err(Error::conflict(format!("`{path}` exists already")));
        }
        self.nodes.insert(path.to_owned(), Node::Directory { modified_ms: now });
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str, recursive: bool) -> Result<(), Error> {
        self.node(path)?;
        if !recursive && self.children(path).next().is_some() {
            return Err(Error::conflict(format!("directory `{path}` is not empty")));
        }
        let prefix = format!("{path}/");
        self.nodes.retain(|name, _| name != path && !name.starts_with(&prefix));
        Ok(())
    }

    pub(super) fn rename(&mut self, path: &str, to: &str) -> Result<(), Error> {
        self.node(path)?;
        self.check_parent(to)?;
        let inside = format!("{path}/");
        if to.starts_with(&inside) {
            return Err(Error::invalid(format!("`{to}` lies inside `{path}`")));
        }
        let moved: Vec<_> =
            self.nodes.keys().filter(|name| *name == path || name.starts_with(&inside)).cloned().collect();
        for name in moved {
            if let Some(node) = self.nodes.remove(&name) {
                self.nodes.insert(name.replacen(path, to, 1), node);
            }
        }
        Ok(())
    }
}
