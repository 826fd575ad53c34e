//! A program that runs DAGs, and what one run of one takes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::sample::{self, Sample};
use crate::shell;

/// Pintle, or its peer.
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    /// The variable that names its data directory.
    pub(super) home: &'static str,
}

impl Side {
    /// One run that must succeed, in the side's own data directory below `scratch`.
    pub(super) fn run(&self, dag: &Path, scratch: &Path) -> Result<Sample> {
        let home = scratch.join(self.name);
        fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
        let mut command = shell::program(&home, &self.program);
        command.arg("start").arg(dag).env(self.home, &home);
        let (sample, status) = sample::take(&mut command)?;
        if !status.success() {
            bail!("`{}` failed ({status}): a figure of a failure says nothing", shell::shown(&command));
        }
        Ok(sample)
    }
}
