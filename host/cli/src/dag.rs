//! A DAG file, from the disk to a plan with its parameters bound.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use pintle_core::ids::RunId;
use pintle_core::plan::{Plan, Template};
use pintle_core::plugin::Staged;
use pintle_spec::{
    Binding, BoundParams, Field, GivenParams, Notices, Parsed, RunFacts, RunScope, SourceFile, bind_params,
};

use crate::failure::Failure;

/// A DAG that was read and taken.
#[derive(Debug)]
pub(crate) struct Dag {
    pub(crate) plan: Plan,
    pub(crate) notices: Notices,
    /// The file, absolute.
    pub(crate) path: PathBuf,
    /// Where its relative paths start.
    pub(crate) dir: PathBuf,
}

/// Why a file did not become a DAG.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// It could not be read.
    Unreadable(anyhow::Error),
    /// It is not a valid DAG; all faults at once.
    Faulty(Box<pintle_spec::Faults>),
}

impl Dag {
    /// Reads and checks a file.
    pub(crate) fn load(file: &Path, known: &[Staged]) -> Result<Self, Unfit> {
        let (path, bytes) = read(file).map_err(Unfit::Unreadable)?;
        let faulty = |faults| Unfit::Faulty(Box::new(faults));
        let source = SourceFile::from_bytes(file.display().to_string(), &bytes).map_err(faulty)?;
        let Parsed { plan, notices } = pintle_spec::parse(&source, &known).map_err(faulty)?;
        let dir = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        Ok(Self { plan, notices, path, dir })
    }
}

fn read(file: &Path) -> anyhow::Result<(PathBuf, Vec<u8>)> {
    let failed = || format!("cannot read the DAG file `{}`; check the path, or its permissions", file.display());
    if file.is_dir() {
        return Err(Failure::usage(format!("`{}` is a directory; name the DAG file in it", file.display())));
    }
    let bytes = std::fs::read(file).with_context(failed)?;
    let path = file.canonicalize().with_context(failed)?;
    Ok((path, bytes))
}

/// Where values come from that are not in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World<'a> {
    /// What steps will be given of this process's environment.
    pub(crate) env: &'a [(String, String)],
    /// No programs, no files beside the DAG's own directory.
    pub(crate) sandbox: bool,
}

/// Binds parameters; runs what a computed default asks for.
pub(crate) fn bind(dag: &Dag, given: &GivenParams, world: World<'_>) -> anyhow::Result<BoundParams> {
    let mut binding = bind_params(&dag.plan, given, world.env)?;
    loop {
        match binding {
            Binding::Bound(bound) => return Ok(bound),
            Binding::Eval(pending) => {
                let printed = compute(pending.command(), &pending.variables(), &dag.dir, world);
                binding = pending.answer(printed)?;
            }
        }
    }
}

/// Runs a command in the DAG's directory; what it printed, or why not.
fn compute(command: &str, variables: &[(String, String)], dir: &Path, world: World<'_>) -> Result<String, String> {
    if world.sandbox {
        return Err("it needs a program, and --sandbox allows none".to_owned());
    }
    let output = Command::new("sh")
        .arg("-c")
        .arg(command)
        .env_clear()
        .envs(world.env.iter().chain(variables).map(|(name, value)| (name, value)))
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`sh` could not be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().map(|line| format!(" ({line})")).unwrap_or_default();
        return Err(format!("its command ended with {}{said}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| "its command printed what is not UTF-8".to_owned())
}

/// Variables of dotenv files, in order.
pub(crate) type Dotenv = Vec<(String, Template)>;

/// Reads the dotenv files of a DAG. A file that is not there sets nothing: the usual `.env` is optional, and the same
/// DAG runs where another was never made. What could not be found is returned for a word about it.
pub(crate) fn dotenv(
    dag: &Dag,
    params: &BoundParams,
    run: &RunId,
    world: World<'_>,
) -> anyhow::Result<(Dotenv, Vec<PathBuf>)> {
    let (mut variables, mut missing) = (Vec::new(), Vec::new());
    if dag.plan.dotenv.is_empty() {
        return Ok((variables, missing));
    }
    let facts = RunFacts { run_id: run.to_string(), ..RunFacts::default() };
    let scope = RunScope::new(&dag.plan, params, world.env, &[], &facts)?;
    let mut seen = HashSet::new();
    for file in &dag.plan.dotenv {
        let name = pintle_spec::eval::resolve(file, &scope.scope(&dag.plan), Field::Expanded)?;
        let path = dag.dir.join(&name);
        if !seen.insert(path.clone()) {
            continue;
        }
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                missing.push(path);
                continue;
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read the dotenv file `{}`", path.display()));
            }
        };
        if world.sandbox && !path.canonicalize().is_ok_and(|path| path.starts_with(&dag.dir)) {
            return Err(Failure::refused(format!(
                "the dotenv file `{}` lies outside of the DAG's directory, and --sandbox reads none there",
                path.display()
            )));
        }
        let read = pintle_spec::parse_dotenv(&text);
        variables.extend(read.with_context(|| format!("dotenv file `{}`", path.display()))?);
    }
    missing.retain(|path| path.file_name().is_some_and(|name| name != ".env"));
    Ok((variables, missing))
}

/// What was typed as parameters.
pub(crate) fn given(values: &[String], params: Option<&str>) -> GivenParams {
    match params {
        Some(text) => GivenParams::Text(text.to_owned()),
        None if values.is_empty() => GivenParams::None,
        None => GivenParams::Words(values.to_vec()),
    }
}
