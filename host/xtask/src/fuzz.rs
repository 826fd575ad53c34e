//! `cargo xtask fuzz`: coverage-guided search for inputs that break a promise, by libFuzzer, on the stable toolchain.
//!
//! The targets are programs of `tests/fuzz`, a workspace of its own; what they check, and the inputs that are kept,
//! stand in `host/*/tests/fuzz`, where `cargo nextest run` replays them. A search begins with what is kept, works in
//! `target/fuzz`, and ends with the time, or with an input that panics, takes too long or too much memory: that is
//! written out, and how to see it again is said. `--keep` then keeps as few inputs as reach all that was reached.
//!
//! The counters that guide the search are LLVM's, which stable compilers have. Sanitizers are not: unsafe code is
//! forbidden here, so that there is nothing for them to find. A C++ compiler is needed, for libFuzzer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::shell;
use crate::workspace::Workspace;

/// What is searched, and how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which targets; all without one.
    targets: Vec<Target>,
    /// Seconds for each.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Keep as few inputs as reach all that was reached.
    #[arg(long)]
    keep: bool,
}

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// DAG files.
    Document,
    /// Texts with references, in a world of any values.
    Expression,
    /// Schedules, and the instants that follow.
    Schedule,
    /// Output files and dotenv files.
    OutputFile,
    /// Plans, and commands to their runs.
    Run,
}

const ALL: [Target; 5] = [Target::Document, Target::Expression, Target::Schedule, Target::OutputFile, Target::Run];

/// One input may take this long, on a machine that has other work too.
const SECONDS_EACH: u32 = 20;
/// All of a target's memory.
const MEMORY_MIB: u32 = 1024;
/// Bytes of an input: more would be slower and no other.
const BYTES: u32 = 4096;

/// Counters for edges and compared values.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // One unit a crate: the tables of several would be laid out apart from their counters.
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

impl Target {
    /// As its program and its folder are called.
    fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Expression => "expression",
            Self::Schedule => "schedule",
            Self::OutputFile => "output_file",
            Self::Run => "run",
        }
    }

    /// Where its inputs are kept.
    fn kept(self, root: &Path) -> PathBuf {
        let krate = match self {
            Self::Document | Self::Expression | Self::Schedule | Self::OutputFile => "spec",
            Self::Run => "core",
        };
        root.join("host").join(krate).join("tests/fuzz").join(self.name())
    }
}

/// Builds the targets, and searches one after the other.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let targets = if options.targets.is_empty() { ALL.to_vec() } else { options.targets.clone() };
    let bin = build(workspace, &targets)?;
    let mut broken = Vec::new();
    for target in targets {
        println!("\n== {}", target.name());
        if let Err(error) = search(workspace, &bin, target, options) {
            println!("{}: {error:#}", target.name());
            broken.push(target.name());
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => bail!("fuzz: {} broke", broken.join(", ")),
    }
}

/// The folder of the programs.
fn build(workspace: &Workspace, targets: &[Target]) -> Result<PathBuf> {
    let host = host(workspace)?;
    let mut cargo = shell::cargo(&workspace.root.join("tests/fuzz"));
    let into = workspace.target.join("fuzz/build");
    // With a target named, build scripts and macros go without the counters.
    cargo.args(["build", "--locked", "--release", "--target", &host]);
    for target in targets {
        cargo.args(["--bin", target.name()]);
    }
    cargo.env("CARGO_TARGET_DIR", &into).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    shell::run(&mut cargo).context("the fuzz targets cannot be built; libFuzzer needs a C++ compiler (`c++`)")?;
    Ok(into.join(host).join("release"))
}

/// What the compiler builds for by itself.
fn host(workspace: &Workspace) -> Result<String> {
    let told = shell::output(shell::program(&workspace.root, "rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

fn search(workspace: &Workspace, bin: &Path, target: Target, options: &Options) -> Result<()> {
    let name = target.name();
    let kept = target.kept(&workspace.root);
    let work = workspace.target.join("fuzz").join(name);
    let found = work.join("found");
    let corpus = work.join("corpus");
    for folder in [&kept, &corpus, &found] {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let program = bin.join(name);
    let mut fuzzer = limited(workspace, &program, &found);
    fuzzer.arg(format!("-max_total_time={}", options.seconds)).arg("-print_final_stats=1");
    fuzzer.arg(format!("-dict={}", workspace.root.join("tests/fuzz/words").join(format!("{name}.dict")).display()));
    fuzzer.arg(&corpus).arg(&kept);
    if let Err(error) = shell::run(&mut fuzzer) {
        let input = newest(&found).context("the fuzzer failed and wrote no input")?;
        bail!("{error}; again with: {} {}", program.display(), input.display());
    }
    if options.keep { keep(workspace, &program, (&kept, &corpus), &work) } else { Ok(()) }
}

/// Keeps as few inputs as reach all that those that were kept and those that were found do.
fn keep(workspace: &Workspace, program: &Path, (kept, corpus): (&Path, &Path), work: &Path) -> Result<()> {
    let fewest = work.join("fewest");
    if fewest.exists() {
        fs::remove_dir_all(&fewest).with_context(|| format!("{} cannot be removed", fewest.display()))?;
    }
    fs::create_dir_all(&fewest).with_context(|| format!("{} cannot be made", fewest.display()))?;
    let mut fuzzer = limited(workspace, program, &work.join("found"));
    // How often an edge is passed is worth a search, and no file.
    shell::run(fuzzer.args(["-set_cover_merge=1", "-use_counters=0"]).arg(&fewest).arg(kept).arg(corpus))?;
    let before = count(kept)?;
    for folder in [kept, &fewest] {
        for file in fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))? {
            let file = file?;
            let to = kept.join(file.file_name());
            if folder == kept && !fewest.join(file.file_name()).exists() {
                fs::remove_file(file.path())?;
            } else if folder != kept && !to.exists() {
                fs::copy(file.path(), to)?;
            }
        }
    }
    println!("{}: {before} inputs were kept, and now {} are", kept.display(), count(kept)?);
    Ok(())
}

/// The program with its bounds.
fn limited(workspace: &Workspace, program: &Path, found: &Path) -> Command {
    let mut command = shell::program(&workspace.root, program);
    command.arg(format!("-timeout={SECONDS_EACH}")).arg(format!("-rss_limit_mb={MEMORY_MIB}"));
    command.arg(format!("-max_len={BYTES}")).arg(format!("-artifact_prefix={}/", found.display()));
    command
}

fn count(folder: &Path) -> Result<usize> {
    Ok(fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?.count())
}

fn newest(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.flatten();
    let dated = files.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())));
    dated.max().map(|(_, path)| path)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_program_words_and_a_folder() {
        let workspace = Workspace::find().expect("there is one");
        let manifest = fs::read_to_string(workspace.root.join("tests/fuzz/Cargo.toml")).expect("reads");
        for target in ALL {
            let name = target.name();
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no program of tests/fuzz");
            assert!(workspace.root.join(format!("tests/fuzz/words/{name}.dict")).is_file(), "{name} has no words");
            assert!(count(&target.kept(&workspace.root)).expect("lists") >= 20, "{name} keeps too little");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), ALL.len());
    }
}
