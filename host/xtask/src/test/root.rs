//! Tests that need root, because they mount a file system or make a file that is somebody else's. They are
//! `#[ignore]`d: a plain run of the tests shows them as skipped, and the whole suite runs them where it can.

use std::fs;

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::Workspace;

/// Whether those tests can run.
#[derive(Debug)]
pub(super) enum Root {
    /// They can.
    Here,
    /// They cannot, and why.
    Missing(String),
}

impl Root {
    /// Tries it: in a container not every root may mount.
    pub(super) fn look(workspace: &Workspace) -> Result<Self> {
        let id = shell::output(shell::program(&workspace.root, "id").arg("-u"))?;
        if id.trim() != "0" {
            return Ok(Self::Missing("this is another user".to_owned()));
        }
        let at = workspace.target.join("mount-trial");
        fs::create_dir_all(&at).with_context(|| format!("{} cannot be made", at.display()))?;
        let mut mount = shell::program(&workspace.root, "mount");
        if let Err(error) = shell::output(mount.args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(&at)) {
            return Ok(Self::Missing(format!("this root may not mount: {error:#}")));
        }
        shell::output(shell::program(&workspace.root, "umount").arg(&at))?;
        Ok(Self::Here)
    }
}
