//! A small file system of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

/// A mounted tmpfs; it is gone with this.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts it at a directory, which is made. It needs root.
    pub fn new(at: &Path, options: &str) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output()?;
        ensure!(mounted.status.success(), "it cannot be mounted: {}", String::from_utf8_lossy(&mounted.stderr));
        Ok(Self(at.to_path_buf()))
    }

    /// With other options: `remount,ro`.
    pub fn remount(&self, options: &str) -> Result<()> {
        let done = Command::new("mount").args(["-o", options]).arg(&self.0).status()?;
        ensure!(done.success(), "the file system cannot be remounted {options}");
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A mount that is left behind does not fail the test that used it.
        let _left = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
