//! `file.*`, `archive.*`, `artifact.*` and `wait.file`: files of the worker's machine, below the root `fs` that the
//! operator mapped (`/` for `pintle start`).
//!
//! A step that was lost and is run again finds what its first run left: a file that already holds the wanted content
//! is left as it is, and what the environment's `PINTLE_LOSSES` says may already have been moved or deleted may be gone.

mod archive;
mod artifact;
mod input;
mod listing;
mod moving;
mod paths;
mod reading;
mod waiting;
mod writing;

use pintle_guest::files::Kind;
use pintle_guest::prelude::*;
use serde_json::Value;

struct ExecFile;

impl Executor for ExecFile {
    fn actions() -> Vec<Action> {
        vec![
            Action::new::<input::Stat>("file.stat", "Tells what stands at a path.", Repeats::Pure),
            Action::new::<input::Read>("file.read", "Reads a file.", Repeats::Pure),
            Action::new::<input::Write>("file.write", "Writes a whole file in one step.", Repeats::Idempotent),
            Action::new::<input::Transfer>("file.copy", "Copies a file or a directory.", Repeats::Idempotent),
            Action::new::<input::Transfer>("file.move", "Moves a file or a directory.", Repeats::Idempotent),
            Action::new::<input::Delete>("file.delete", "Deletes a file or a directory.", Repeats::Idempotent),
            Action::new::<input::Mkdir>("file.mkdir", "Makes a directory.", Repeats::Idempotent),
            Action::new::<input::List>("file.list", "Lists a directory.", Repeats::Pure),
            Action::new::<input::Create>("archive.create", "Packs files into an archive.", Repeats::Idempotent),
            Action::new::<input::Extract>("archive.extract", "Unpacks an archive.", Repeats::Idempotent),
            Action::new::<input::ListArchive>("archive.list", "Tells what is in an archive.", Repeats::Pure),
            Action::new::<input::Wait>(
                "wait.file",
                "Waits until something stands at a path, or nothing.",
                Repeats::Pure,
            ),
            Action::new::<artifact::Write>("artifact.write", "Writes an artifact of the run.", Repeats::Idempotent),
            Action::new::<artifact::Read>("artifact.read", "Reads an artifact of the run.", Repeats::Pure),
            Action::new::<artifact::List>("artifact.list", "Lists the artifacts of the run.", Repeats::Pure),
        ]
    }

    fn run(task: &Task) -> Result<Progress, Error> {
        match task.action.as_str() {
            "file.stat" => reading::stat(task, &task.input()?),
            "file.read" => reading::read(task, &task.input()?),
            "file.write" => writing::write(task, &task.input()?),
            "file.copy" => moving::copy(task, &task.input()?),
            "file.move" => moving::rename(task, &task.input()?),
            "file.delete" => writing::delete(task, &task.input()?),
            "file.mkdir" => writing::make_dir(task, &task.input()?),
            "file.list" => listing::list(task, &task.input()?),
            "archive.create" => archive::create(task, &task.input()?),
            "archive.extract" => archive::extract(task, &task.input()?),
            "archive.list" => archive::list(task, &task.input()?),
            "wait.file" => return waiting::wait(task, &task.input()?),
            "artifact.write" => artifact::write(task, &task.input()?),
            "artifact.read" => artifact::read(task, &task.input()?),
            "artifact.list" => artifact::list(task, &task.input()?),
            _ => Err(task.unknown_action()),
        }
        .map(Progress::from)
    }

    fn resume(task: &Task, _: &str) -> Result<Progress, Error> {
        Self::run(task)
    }
}

pintle_guest::export!(ExecFile);

/// The result as one line of JSON on standard output, and each of its fields as an output.
fn told(result: Value) -> Done {
    output::print(&format!("{result}\n"));
    let fields = match result {
        Value::Object(fields) => fields,
        other => serde_json::Map::from_iter([("result".to_owned(), other)]),
    };
    fields.into_iter().fold(Done::new(), |done, (name, value)| done.output(&name, value))
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Link => "link",
        Kind::Other => "other",
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests;
