//! The peer: Dagu's prebuilt binary, from its npm package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::workspace::{Workspace, files_below};

const PACKAGE: &str = "@dagu-org/dagu-linux-x64";
const VERSION: &str = "1.30.2";

/// The binary; fetched once.
pub(super) fn fetch(workspace: &Workspace, cache: &Path) -> Result<PathBuf> {
    let directory = cache.join(format!("dagu-{VERSION}"));
    if let Some(there) = binary(&directory) {
        return Ok(there);
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("the peer's binary is for Linux on x86-64: run `cargo xtask bench --alone` here");
    }
    fs::create_dir_all(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    println!("bench: fetching {PACKAGE} {VERSION}");
    let mut pack = shell::program(&workspace.root, "npm");
    pack.args(["pack", "--silent", &format!("{PACKAGE}@{VERSION}"), "--pack-destination"]).arg(&directory);
    let archive = shell::output(&mut pack).context("npm is needed to fetch the peer (`--alone` does without)")?;
    let archive =
        archive.lines().last().map(str::trim).filter(|name| !name.is_empty()).context("npm named no archive")?;
    shell::output(shell::program(&directory, "tar").args(["-xzf", archive]))?;
    binary(&directory).with_context(|| format!("{PACKAGE} {VERSION} holds no program `dagu`"))
}

fn binary(directory: &Path) -> Option<PathBuf> {
    files_below(directory).ok()?.into_iter().find(|file| file.file_name().is_some_and(|name| name == "dagu"))
}
