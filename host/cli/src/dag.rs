//! A DAG file, from the disk to a plan with its parameters bound.

use std::collections::HashSet;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use pintle_coordinator::Compute;
use pintle_core::ids::RunId;
use pintle_core::plan::{Plan, Template};
use pintle_core::plugin::Staged;
use pintle_spec::limits::{MAX_DOCUMENT_BYTES, MAX_DOTENV_BYTES};
use pintle_spec::{
    Base, BoundParams, Field, GivenParams, Notices, Parsed, RunFacts, RunScope, SourceFile, bind_params,
};

use crate::args::Output;
use crate::context::{remark, say};
use crate::failure::Failure;
use crate::render::json;

/// A DAG that was read and taken.
#[derive(Debug)]
pub(crate) struct Dag {
    pub(crate) plan: Plan,
    pub(crate) notices: Notices,
    /// Of the file that all DAGs have in common.
    pub(crate) common: Option<Notices>,
    /// The file, absolute.
    pub(crate) path: PathBuf,
    /// Where its relative paths start.
    pub(crate) dir: PathBuf,
    /// Where the plan's `dags` come from.
    pub(crate) dags: Vec<Origin>,
}

/// Where a DAG comes from that steps run.
#[derive(Debug)]
pub(crate) struct Origin {
    /// As steps name it.
    pub(crate) name: String,
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

/// In the data directory: what all DAGs have in common.
const BASE: &str = "base.yaml";

/// A DAG that can be run, with its notices told; none: its faults were told, to programs as an object too.
pub(crate) fn open(
    file: &Path,
    (quiet, output): (bool, Output),
    context: &crate::context::Context,
    known: &[Staged],
) -> anyhow::Result<Option<Dag>> {
    let dag = match Dag::load(file, known, &context.settings.home) {
        Ok(dag) => dag,
        Err(Unfit::Unreadable(error)) => return Err(error),
        Err(Unfit::Faulty(faults)) => {
            remark(&faults.render(context.report_colours()));
            if output == Output::Json {
                say(&json::faulty(&faults).to_string());
            }
            return Ok(None);
        }
    };
    if !dag.notices.is_empty() && !quiet {
        remark(&dag.notices.render(context.report_colours()));
    }
    Ok(Some(dag))
}

impl Dag {
    /// Reads and checks a file, over what the data directory at `home` says of all DAGs.
    pub(crate) fn load(file: &Path, known: &[Staged], home: &Path) -> Result<Self, Unfit> {
        let library = Library { known, base: read_base(&home.join(BASE), known)? };
        let (Parsed { plan, notices, needs }, path) = parse(file, &library, pintle_spec::parse_over)?;
        let dir = folder(&path);
        let of_file = |(name, _): &(String, Plan)| Origin { name: name.clone(), path: path.clone(), dir: dir.clone() };
        let dags = plan.dags.iter().map(of_file).collect();
        let common = library.base.notices().cloned();
        let mut dag = Self { plan, notices, common, path, dir, dags };
        dag.gather(needs, &library)?;
        Ok(dag)
    }

    /// Reads the DAGs that steps name and that are no documents of the file, and those that they name.
    fn gather(&mut self, needs: Vec<String>, library: &Library<'_>) -> Result<(), Unfit> {
        let mut open: Vec<(String, PathBuf)> = needs.into_iter().map(|name| (name, self.dir.clone())).collect();
        while let Some((name, dir)) = open.pop() {
            if self.dags.iter().any(|held| held.name == name) {
                continue;
            }
            let file = file_of(&name, &dir).map_err(Unfit::Unreadable)?;
            let (Parsed { mut plan, needs, .. }, path) = parse(&file, library, pintle_spec::parse_below)?;
            let dir = folder(&path);
            open.extend(needs.into_iter().map(|name| (name, dir.clone())));
            let own = std::mem::take(&mut plan.dags);
            for (name, plan) in std::iter::once((name, plan)).chain(own) {
                if !self.dags.iter().any(|held| held.name == name) {
                    self.dags.push(Origin { name: name.clone(), path: path.clone(), dir: dir.clone() });
                    self.plan.dags.push((name, plan));
                }
            }
        }
        Ok(())
    }
}

fn folder(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_path_buf()
}

/// What DAGs are read with.
struct Library<'a> {
    known: &'a [Staged],
    base: Base,
}

/// What all DAGs have in common; nothing where there is no such file.
fn read_base(file: &Path, known: &[Staged]) -> Result<Base, Unfit> {
    let failed = || format!("cannot read `{}`, which has what all DAGs have in common", file.display());
    let bytes = match read_up_to(file, MAX_DOCUMENT_BYTES) {
        Ok(bytes) => bytes,
        // Whether the directory is one is for those to say who keep runs in it.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Base::default());
        }
        Err(error) => return Err(Unfit::Unreadable(anyhow::Error::new(error).context(failed()))),
    };
    let faulty = |faults| Unfit::Faulty(Box::new(faults));
    let source = SourceFile::from_bytes(file.display().to_string(), &bytes).map_err(faulty)?;
    Base::parse(&source, &known).map_err(faulty)
}

type Reading = fn(&SourceFile, &dyn pintle_spec::KnownActions, &Base) -> Result<Parsed, pintle_spec::Faults>;

fn parse(file: &Path, library: &Library<'_>, reading: Reading) -> Result<(Parsed, PathBuf), Unfit> {
    let (path, bytes) = read(file).map_err(Unfit::Unreadable)?;
    let faulty = |faults| Unfit::Faulty(Box::new(faults));
    let source = SourceFile::from_bytes(file.display().to_string(), &bytes).map_err(faulty)?;
    Ok((reading(&source, &library.known, &library.base).map_err(faulty)?, path))
}

/// The file of a DAG that a step names: as it stands, or with an extension, beside the file of the step.
fn file_of(name: &str, dir: &Path) -> anyhow::Result<PathBuf> {
    let names = [name.to_owned(), format!("{name}.yaml"), format!("{name}.yml")];
    let found = names.iter().map(|name| dir.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "a step runs the DAG `{name}`, which is no document of its file, and `{}` has no `{name}.yaml`",
            dir.display()
        )
    })
}

fn read(file: &Path) -> anyhow::Result<(PathBuf, Vec<u8>)> {
    let failed = || format!("cannot read the DAG file `{}`; check the path, or its permissions", file.display());
    if file.is_dir() {
        return Err(Failure::usage(format!("`{}` is a directory; name the DAG file in it", file.display())));
    }
    // Behind a byte order mark it may be as long as without.
    let bytes = read_up_to(file, MAX_DOCUMENT_BYTES + 3).with_context(failed)?;
    // What a shell puts together, `<(...)`, has no place of its own: it is as if it stood where the command was typed.
    let name = file.file_name().map_or_else(PathBuf::new, PathBuf::from);
    let path = file.canonicalize().or_else(|_| std::path::absolute(name)).with_context(failed)?;
    Ok((path, bytes))
}

/// What a file begins with: all of it, or one byte more than is taken. A device or a pipe may go on for ever.
fn read_up_to(file: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
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
    let binding = bind_params(&dag.plan, given, world.env)?;
    Ok(binding.finish(|command, variables| compute(command, variables, &dag.dir, world))?)
}

/// Runs what the computed parameters of DAGs ask for that steps run.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) env: Vec<(String, String)>,
    pub(crate) sandbox: bool,
}

impl Compute for Shell {
    fn compute(&self, command: &str, variables: &[(String, String)], dir: &Path) -> Result<String, String> {
        compute(command, variables, dir, World { env: &self.env, sandbox: self.sandbox })
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
    (plan, dir): (&Plan, &Path),
    params: &BoundParams,
    run: &RunId,
    world: World<'_>,
) -> anyhow::Result<(Dotenv, Vec<PathBuf>)> {
    let (mut variables, mut missing) = (Vec::new(), Vec::new());
    if plan.dotenv.is_empty() {
        return Ok((variables, missing));
    }
    let facts = RunFacts { run_id: run.to_string(), ..RunFacts::default() };
    let scope = RunScope::new(plan, params, world.env, &[], &facts)?;
    let mut seen = HashSet::new();
    for file in &plan.dotenv {
        let name = pintle_spec::eval::resolve(file, &scope.scope(plan), Field::Expanded)?;
        let path = dir.join(&name);
        if !seen.insert(path.clone()) {
            continue;
        }
        let failed = || format!("cannot read the dotenv file `{}`", path.display());
        let found = match path.canonicalize() {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                missing.push(path);
                continue;
            }
            Err(error) => return Err(error).with_context(failed),
        };
        if world.sandbox && !found.starts_with(dir) {
            return Err(Failure::refused(format!(
                "the dotenv file `{}` lies outside of the DAG's directory, and --sandbox reads none there",
                path.display()
            )));
        }
        let bytes = read_up_to(&found, MAX_DOTENV_BYTES).with_context(failed)?;
        let text =
            String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("it is not UTF-8 text")).with_context(failed)?;
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
