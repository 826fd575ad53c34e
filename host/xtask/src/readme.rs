//! The README's commands do what it says.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::workspace::{self, Workspace};

/// What the first screen of the README promises.
const COMMANDS: [&str; 2] = ["cargo xtask demo", "cargo xtask test"];

/// Lines of a first screen.
const FIRST_SCREEN: usize = 50;

/// Checks the text, then runs `demo`: here if everything that is here is committed, else in a fresh clone.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    promises(&workspace::read(&workspace.root.join("README.md"))?)?;
    let changed = shell::output(shell::program(&workspace.root, "git").args(["status", "--porcelain"]))?;
    if changed.trim().is_empty() {
        return demo(&workspace.root, workspace);
    }
    println!("readme: in a clone of the last commit; {} changed files are not in it", changed.lines().count());
    let clone = workspace.target.join("readme");
    if clone.exists() {
        fs::remove_dir_all(&clone).with_context(|| format!("{} cannot be removed", clone.display()))?;
    }
    shell::run(shell::program(&workspace.root, "git").args(["clone", "--quiet", "."]).arg(&clone))?;
    let result = demo(&clone, workspace);
    fs::remove_dir_all(&clone).ok();
    result
}

/// The build directory is shared: dependencies are not compiled again, in a clone the workspace's own crates are.
fn demo(root: &Path, workspace: &Workspace) -> Result<()> {
    let mut demo = shell::program(root, "cargo");
    demo.args(["xtask", "demo"]).env("CARGO_TARGET_DIR", &workspace.target);
    // As somebody would type it, who has not come from here.
    for name in ["CARGO", "RUSTUP_TOOLCHAIN"] {
        demo.env_remove(name);
    }
    shell::run(&mut demo).context("`cargo xtask demo` does not succeed")
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
