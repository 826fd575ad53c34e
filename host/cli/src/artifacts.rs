//! `pintle artifacts`.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, bail};
use pintle_coordinator::artifacts_dir;
use pintle_core::ids::RunId;
use pintle_core::plan::Plan;
use pintle_core::time::Timestamp;
use pintle_store::RunRow;
use serde_json::json;

use crate::args::{Artifacts, Output};
use crate::context::{Context, remark, say};
use crate::failure::Exit;
use crate::join::House;
use crate::names;
use crate::render::table;
use crate::render::time::{instant, local};
use crate::threads::one_thread;

/// More files are not listed.
const LISTED: usize = 10_000;
/// Directories inside each other.
const DEEP: usize = 64;

/// A file that a run left.
#[derive(Debug)]
struct Artifact {
    path: String,
    bytes: u64,
    modified: Timestamp,
}

/// Lists what a run left, or prints one of its files.
pub(crate) fn run(args: &Artifacts, context: &Context) -> anyhow::Result<Exit> {
    context.need_store()?;
    one_thread()?.block_on(async {
        let (house, row, _) = names::open(&args.run, context, Vec::new()).await?;
        let scene = house.scene(&row.id).await?;
        let Some(dir) = dir_of(&house, &row, &scene.run.plan, &context.settings.home) else {
            bail!("the DAG `{}` has its artifacts switched off: remove `artifacts: {{enabled: false}}`", row.dag);
        };
        match &args.path {
            Some(path) => print(&dir, path, &row.id)?,
            None => list(&dir, args.output, &row)?,
        }
        Ok(Exit::Success)
    })
}

/// Where the artifacts of a run stand.
pub(crate) fn dir_of(house: &House, row: &RunRow, plan: &Plan, home: &Path) -> Option<PathBuf> {
    let source = row.source.as_deref().map(Path::new).and_then(Path::parent);
    artifacts_dir(plan, &row.id, source.unwrap_or(Path::new(".")), home, &house.env)
}

/// How many files a run left, as far as they are counted.
pub(crate) fn count(dir: &Path) -> usize {
    gather(dir).map_or(0, |all| all.len())
}

fn list(dir: &Path, output: Output, row: &RunRow) -> anyhow::Result<()> {
    let all = gather(dir).with_context(|| format!("the artifacts in `{}` cannot be listed", dir.display()))?;
    match output {
        Output::Json => {
            let files: Vec<_> = all
                .iter()
                .map(|file| json!({"path": file.path, "size": file.bytes, "modified": instant(file.modified)}))
                .collect();
            say(&json!({"run": row.id, "dir": dir.display().to_string(), "files": files}).to_string());
        }
        Output::Text if all.is_empty() => remark(&format!("the run {} left no artifacts", row.id)),
        Output::Text => {
            let rows = all.into_iter().map(|file| [file.bytes.to_string(), local(file.modified), file.path]);
            say(&table::draw(["BYTES", "MODIFIED", "PATH"], rows, &[0]));
            remark(&format!("in {}", dir.display()));
        }
    }
    Ok(())
}

fn print(dir: &Path, path: &str, run: &RunId) -> anyhow::Result<()> {
    let absent = || format!("the run {run} has no artifact `{path}`: `pintle artifacts {run}` lists those there are");
    let root = dir.canonicalize().with_context(absent)?;
    let full = root.join(path).canonicalize().with_context(absent)?;
    if !full.starts_with(&root) || !full.is_file() {
        bail!(absent());
    }
    let mut file = fs::File::open(&full).with_context(|| format!("the artifact `{path}` cannot be read"))?;
    let mut out = io::stdout().lock();
    match io::copy(&mut file, &mut out).and_then(|_| out.flush()) {
        // Who reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.with_context(|| format!("the artifact `{path}` cannot be printed")),
    }
}

/// All files below, by path; links are not followed.
fn gather(dir: &Path) -> io::Result<Vec<Artifact>> {
    let mut all = Vec::new();
    let mut open = vec![(dir.to_path_buf(), String::new(), 0)];
    while let Some((dir, above, depth)) = open.pop() {
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if above.is_empty() { name } else { format!("{above}/{name}") };
            let metadata = entry.metadata()?;
            if metadata.is_dir() && depth < DEEP {
                open.push((entry.path(), path, depth + 1));
            } else if metadata.is_file() && all.len() < LISTED {
                let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                let modified = Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX));
                all.push(Artifact { path, bytes: metadata.len(), modified });
            }
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}
