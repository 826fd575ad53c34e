//! `cargo xtask test`: the whole suite. Every part runs, whatever became of those before it; the counts come last.

mod counts;
mod root;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::setup::{self, Tools};
use crate::workspace::Workspace;
use crate::{demo, plugins, readme, shell, tidy};
use counts::{Counts, PART, Runner};
use root::Root;

/// How one part ended.
struct Ended {
    name: &'static str,
    result: Result<()>,
    seconds: u64,
}

/// Runs all parts. What all others build on (setup, plugins, the binary) must succeed first.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tools = setup::everything(workspace)?;
    plugins::build(workspace)?;
    demo::build(workspace)?;
    let root = Root::look(workspace)?;
    let mut counts = Counts::default();
    let mut parts = Vec::new();
    let mut part = |name: &'static str, work: &mut dyn FnMut() -> Result<()>| {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work();
        if let Err(error) = &result {
            println!("{name}: {error:#}");
        }
        parts.push(Ended { name, result, seconds: start.elapsed().as_secs() });
    };
    part("format", &mut || shell::run(shell::cargo(&workspace.root).args(["fmt", "--all", "--check"])));
    part("tidy", &mut || tidy::run(workspace));
    part("deny", &mut || deny(workspace, &tools));
    part("clippy", &mut || clippy(workspace));
    part("tests", &mut || tests(workspace, &tools, &root, &mut counts));
    part("doc tests", &mut || doc_tests(workspace, &mut counts));
    part("readme", &mut || readme::check(workspace));
    part("skipped", &mut || skipped(&counts, &root));
    finish(&parts, &counts)
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let words = ["clippy", "--locked", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"];
    shell::run(shell::cargo(&workspace.root).args(words))
}

fn tests(workspace: &Workspace, tools: &Tools, root: &Root, counts: &mut Counts) -> Result<()> {
    let all = matches!(root, Root::Here);
    match &tools.nextest {
        Some(nextest) => {
            let mut command = shell::program(&workspace.root, nextest);
            command.args(["nextest", "run", "--locked", "--workspace", "--cargo-profile", "release", "--no-fail-fast"]);
            command.args(["--status-level", "skip"]);
            if all {
                command.args(["--run-ignored", "all", "-E", &format!("not test(/(^|::){PART}$/)")]);
            }
            counted(&mut command, Runner::Nextest, counts)
        }
        None => {
            let mut command = shell::cargo(&workspace.root);
            command.args(["test", "--locked", "--workspace", "--release", "--no-fail-fast"]);
            command.args(["--lib", "--bins", "--tests"]);
            if all {
                command.args(["--", "--include-ignored", "--skip", PART]);
            }
            counted(&mut command, Runner::Cargo, counts)
        }
    }
}

/// Says which tests did not run, and why. In CI nothing is left out.
fn skipped(counts: &Counts, root: &Root) -> Result<()> {
    let why = match root {
        Root::Here => "they are ignored, and not for want of root".to_owned(),
        Root::Missing(why) => format!("they need root, and {why}"),
    };
    match counts.skipped() {
        0 => println!("none"),
        count if std::env::var_os("CI").is_some_and(|ci| !ci.is_empty()) => {
            bail!("{count} tests did not run: {why}; in CI (the variable CI is set) every test runs")
        }
        count => println!("skipped: {count} ({why})"),
    }
    Ok(())
}

fn doc_tests(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let words = ["test", "--locked", "--workspace", "--doc", "--release"];
    counted(shell::cargo(&workspace.root).args(words), Runner::Cargo, counts)
}

/// Licences, sources and bans always; advisories where their database can be reached.
fn deny(workspace: &Workspace, tools: &Tools) -> Result<()> {
    let deny = tools.deny.as_ref().context("cargo-deny is not there: `cargo install --locked cargo-deny`")?;
    let check = |what: &[&str]| {
        let mut command = shell::program(&workspace.root, deny);
        command.args(["deny", "--all-features", "check"]).args(what);
        command
    };
    shell::run(&mut check(&["licenses", "bans", "sources"]))?;
    if shell::succeeds(shell::program(&workspace.root, deny).args(["deny", "fetch", "db"])) {
        shell::run(&mut check(&["advisories"]))
    } else {
        println!("deny: the advisory database cannot be reached; advisories were not checked");
        Ok(())
    }
}

/// Runs a test runner, shows what it prints, and reads its counts from that.
fn counted(command: &mut Command, runner: Runner, counts: &mut Counts) -> Result<()> {
    println!("$ {}", shell::shown(command));
    let mut child = command
        .env("CARGO_TERM_COLOR", "never")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` could not be started", shell::shown(command)))?;
    let errors = child.stderr.take().context("its standard error is piped")?;
    let stderr = std::thread::spawn(move || {
        let mut told = Counts::default();
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            eprintln!("{line}");
            told.read(runner, &line);
        }
        told
    });
    let output = child.stdout.take().context("its standard output is piped")?;
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        println!("{line}");
        counts.read(runner, &line);
    }
    let status = child.wait()?;
    if let Ok(told) = stderr.join() {
        counts.add(&told);
    }
    if !status.success() {
        bail!("`{}` failed ({status})", shell::shown(command));
    }
    Ok(())
}

fn finish(parts: &[Ended], counts: &Counts) -> Result<()> {
    println!("\n== result");
    for part in parts {
        let word = if part.result.is_ok() { "passed" } else { "FAILED" };
        println!("{:<10} {word} ({} s)", part.name, part.seconds);
    }
    let failed: Vec<&str> = parts.iter().filter(|part| part.result.is_err()).map(|part| part.name).collect();
    println!("{counts}");
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}
