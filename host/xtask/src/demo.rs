//! `cargo xtask demo`: from nothing to a DAG that runs before one's eyes.

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use crate::{plugins, setup, shell};

/// The DAG that is shown.
const EXAMPLE: &str = "examples/etl.yaml";

/// Sets up, builds, and runs the example in a data directory of its own.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    if !workspace.root.join(EXAMPLE).is_file() {
        bail!("{EXAMPLE} is not there: this is not a whole copy of the repository");
    }
    setup::guests(workspace)?;
    plugins::build(workspace)?;
    build(workspace)?;
    let home = workspace.target.join("demo");
    let pintle = workspace.pintle();
    shell::run(shell::program(&workspace.root, &pintle).env("PINTLE_HOME", &home).args(["start", EXAMPLE]))?;
    println!();
    println!("The run is kept in {}. Where to look next:", home.display());
    let shown = pintle.strip_prefix(&workspace.root).unwrap_or(&pintle).display().to_string();
    for (command, what) in [
        ("status", "the run, step by step"),
        ("history", "all runs so far"),
        ("logs latest", "what its steps printed"),
        (&format!("start {EXAMPLE}"), "run it again"),
    ] {
        println!("  PINTLE_HOME={} {shown} {command:<28} # {what}", home.display());
    }
    println!("{shown} is the one file that a user needs; more DAGs are in examples/.");
    Ok(())
}

/// The binary that a user gets. As everything in release it is built with `--workspace`: one choice of features, so
/// that what is large is compiled once.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let words = ["build", "--locked", "--release", "--workspace", "--bin", "pintle"];
    shell::run(shell::cargo(&workspace.root).args(words))
}
