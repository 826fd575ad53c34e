//! Installing what is missing: says what it does, and does nothing twice.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;
use crate::toolchain::{self, EXAMPLE_TARGETS, GUEST_TARGET};
use crate::workspace::Workspace;

/// Programs that the suite uses beside cargo.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    /// `cargo-nextest`; without it `cargo test` runs the tests.
    pub(crate) nextest: Option<PathBuf>,
    /// `cargo-deny`; without it licences cannot be checked.
    pub(crate) deny: Option<PathBuf>,
}

/// What building the product needs.
pub(crate) fn guests(workspace: &Workspace) -> Result<()> {
    let missing = missing_targets(workspace, &[GUEST_TARGET])?;
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = || {
        format!(
            "guests cannot be compiled: run `rustup target add {GUEST_TARGET}` where there is a network, or add that \
             target to the Rust that is installed here in its own way, and run this again"
        )
    };
    add_targets(workspace, &missing).with_context(by_hand)
}

/// What the suite needs besides.
pub(crate) fn everything(workspace: &Workspace) -> Result<Tools> {
    guests(workspace)?;
    let missing = missing_targets(workspace, &EXAMPLE_TARGETS)?;
    if !missing.is_empty()
        && let Err(error) = add_targets(workspace, &missing)
    {
        println!("setup: rustup cannot add {} ({error:#}): examples for WASI are not built", missing.join(" "));
    }
    let nextest = tool(workspace, "cargo-nextest");
    if nextest.is_none() {
        println!("setup: without cargo-nextest `cargo test` runs the tests");
    }
    Ok(Tools { nextest, deny: tool(workspace, "cargo-deny") })
}

fn missing_targets<'a>(workspace: &Workspace, targets: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut missing = Vec::new();
    for &target in targets {
        if !toolchain::has_target(workspace, target)? {
            missing.push(target);
        }
    }
    Ok(missing)
}

fn add_targets(workspace: &Workspace, targets: &[&str]) -> Result<()> {
    println!("setup: adding {} to the Rust toolchain", targets.join(" "));
    shell::run(shell::program(&workspace.root, "rustup").args(["target", "add"]).args(targets))
}

/// A cargo subcommand: the user's own, or one below `target/tools`, installed there if need be.
fn tool(workspace: &Workspace, name: &str) -> Option<PathBuf> {
    if let Some(there) = installed(workspace, name) {
        return Some(there);
    }
    println!("setup: installing {name} into {}", workspace.tools().display());
    match install(workspace, name) {
        Ok(path) => Some(path),
        Err(error) => {
            println!("setup: {name} could not be installed: {error:#}; by hand: `cargo install --locked {name}`");
            None
        }
    }
}

fn installed(workspace: &Workspace, name: &str) -> Option<PathBuf> {
    let own = workspace.tools().join("bin").join(name);
    [own, PathBuf::from(name)]
        .into_iter()
        .find(|path| shell::succeeds(Command::new(path).args(subcommand(name)).arg("--version")))
}

/// `cargo-x` is called as `cargo-x x`.
fn subcommand(name: &str) -> Option<&str> {
    name.strip_prefix("cargo-")
}

fn install(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    // A profile without optimisation: these tools read files for a few seconds, and compiling them is what takes time.
    let mut cargo = shell::cargo(&workspace.root);
    cargo.args(["install", "--locked", "--debug", "--root"]).arg(workspace.tools()).arg(name);
    shell::run(cargo.env("CARGO_TARGET_DIR", workspace.tools().join("build")))?;
    std::fs::remove_dir_all(workspace.tools().join("build")).ok();
    installed(workspace, name).with_context(|| format!("{name} was installed, and does not start"))
}
