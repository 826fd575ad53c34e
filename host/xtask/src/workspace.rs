//! Where things are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The repository on disk.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// The one that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).context("xtask lies in host/xtask of its workspace")?;
        if !root.join("Cargo.toml").is_file() {
            bail!("{} is not there any more: run `cargo xtask` from its repository", root.display());
        }
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root: root.to_owned(), target })
    }

    /// Where plugins are built to.
    pub(crate) fn plugins_out(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// The binary that a user gets.
    pub(crate) fn pintle(&self) -> PathBuf {
        self.release("pintle")
    }

    /// A program that was built in release.
    pub(crate) fn release(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// Programs that `setup` installed.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }
}

/// Reads a file, and names it if that fails.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// All files below a directory in order, without `target` and what begins with a dot.
pub(crate) fn files_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).with_context(|| format!("{} cannot be listed", directory.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            let kind = entry.file_type()?;
            if kind.is_dir() && !hidden && name != "target" && name != "node_modules" {
                open.push(entry.path());
            } else if kind.is_file() && !hidden {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Writes a file unless it holds these bytes already; true if it wrote.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(true)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_once() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("a/b");
        assert!(write_if_changed(&path, b"1").expect("writes"));
        assert!(!write_if_changed(&path, b"1").expect("looks"));
        assert!(write_if_changed(&path, b"2").expect("writes again"));
    }

    #[test]
    fn hidden_files_and_build_output_are_left_out() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["b/x", "a", ".git/y", "target/z", "b/.w"] {
            write_if_changed(&directory.path().join(name), b"").expect("writes");
        }
        let found = files_below(directory.path()).expect("lists");
        assert_eq!(found, [directory.path().join("a"), directory.path().join("b/x")]);
    }
}
