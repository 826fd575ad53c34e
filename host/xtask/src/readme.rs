//! The README's commands do what it says: `demo` succeeds as the first thing run in a fresh clone.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::workspace::{self, Workspace};

/// What the first screen of the README promises.
const COMMANDS: [&str; 2] = ["cargo xtask demo", "cargo xtask test"];

/// Lines of a first screen.
const FIRST_SCREEN: usize = 50;

/// Checks the text, then runs `demo` in a fresh clone. The clone shares the build directory: dependencies are not
/// compiled again, the workspace's own crates are.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    promises(&workspace::read(&workspace.root.join("README.md"))?)?;
    let clone = workspace.target.join("readme");
    if clone.exists() {
        fs::remove_dir_all(&clone).with_context(|| format!("{} cannot be removed", clone.display()))?;
    }
    let changed = shell::output(shell::program(&workspace.root, "git").args(["status", "--porcelain"]))?;
    if !changed.trim().is_empty() {
        println!("readme: the clone is of the last commit; {} changed files are not in it", changed.lines().count());
    }
    shell::run(shell::program(&workspace.root, "git").args(["clone", "--quiet", "."]).arg(&clone))?;
    let mut demo = shell::program(&clone, "cargo");
    demo.args(["xtask", "demo"]).env("CARGO_TARGET_DIR", &workspace.target);
    // What cargo told this process of the package it runs is not the clone's.
    for name in ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "RUSTUP_TOOLCHAIN"] {
        demo.env_remove(name);
    }
    let result = shell::run(&mut demo);
    fs::remove_dir_all(&clone).ok();
    result.context("`cargo xtask demo` does not succeed as the first command in a fresh clone")
}

fn promises(text: &str) -> Result<()> {
    let first: Vec<&str> = text.lines().take(FIRST_SCREEN).map(str::trim).collect();
    for command in COMMANDS {
        if !first.iter().any(|line| line.starts_with(command)) {
            bail!("README.md does not show `{command}` on a line of its own within its first {FIRST_SCREEN} lines");
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn both_commands_stand_on_the_first_screen() {
        let good = "# Pintle\n\n```\ncargo xtask demo    # runs a DAG\ncargo xtask test\n```\n";
        promises(good).expect("both are there");
        let late = format!("# Pintle\ncargo xtask demo\n{}cargo xtask test\n", "\n".repeat(FIRST_SCREEN));
        let error = promises(&late).expect_err("the second is too far down").to_string();
        assert!(error.starts_with("README.md does not show `cargo xtask test`"), "{error}");
    }
}
