//! What a step on a database is, checked; and the thread's part of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use pintle_plane::executor::Fault;

use super::connection::Base;
use super::dsn::{self, Dsn, Mode};
use super::input::{self, Import, Lenient, Query};
use super::limits::SQL_BYTES;
use super::place::Reach;
use super::print::{Out, Printer};
use super::told::Told;
use super::watch::Watch;
use super::{IMPORT, Outputs, import, query};

/// A step's work.
#[derive(Debug)]
pub(super) struct Work {
    base: Base,
    what: What,
}

#[derive(Debug)]
enum What {
    Query(query::Asked),
    Import(import::Asked),
}

/// Checks `with` and finds the files; answers the work and its own bound of time.
pub(super) fn prepare(action: &str, json: &str, reach: &Reach<'_>) -> Result<(Work, Option<Duration>), Told> {
    if action == IMPORT { an_import(json, reach) } else { a_query(json, reach) }
}

fn a_query(json: &str, reach: &Reach<'_>) -> Result<(Work, Option<Duration>), Told> {
    let input: Query = input::read(json).map_err(Told::invalid)?;
    let params = input.params().map_err(Told::invalid)?;
    let own = input::span(input.timeout).map_err(Told::invalid)?;
    let base = base(&input.dsn, input.create, input.read_only.0, reach)?;
    let (name, sql) = match (input.query, input.file) {
        (Some(sql), None) => ("query".to_owned(), sql),
        (None, Some(file)) => {
            let sql = reach.find(&file)?.text(SQL_BYTES)?;
            (file, sql)
        }
        (Some(_), Some(_)) => return Err(Told::invalid("`query` and `file` are both there; keep one")),
        (None, None) => return Err(Told::invalid("there is no SQL; write `query`, or name a `file` of statements")),
    };
    if sql.contains('\0') {
        return Err(Told::invalid(format!("{name} holds a NUL byte")));
    }
    let asked = query::Asked {
        name,
        sql,
        params,
        format: input.output_format,
        headers: input.headers.0,
        null: input.null_string,
        max_rows: input.max_rows.0,
        max_bytes: input.max_bytes.0,
        transaction: input.transaction.map(|whole| whole.0),
        lock: input.file_lock.0,
    };
    Ok((Work { base, what: What::Query(asked) }, own))
}

fn an_import(json: &str, reach: &Reach<'_>) -> Result<(Work, Option<Duration>), Told> {
    let input: Import = input::read(json).map_err(Told::invalid)?;
    let own = input::span(input.timeout).map_err(Told::invalid)?;
    let form = import::form(&input.import).map_err(Told::invalid)?;
    let base = base(&input.dsn, input.create, false, reach)?;
    let source = reach.find(&input.import.input_file)?;
    let file = source.open()?;
    let asked = import::Asked { file, shown: source.shown, form, rows: input.import };
    Ok((Work { base, what: What::Import(asked) }, own))
}

fn base(text: &str, create: Option<Lenient<bool>>, read_only: bool, reach: &Reach<'_>) -> Result<Base, Told> {
    let (path, said) = match dsn::parse(text).map_err(Told::invalid)? {
        Dsn::Memory => return Ok(Base::Memory),
        Dsn::File { path, mode } => (path, mode),
    };
    let mode = match (said, read_only, create.map(|create| create.0)) {
        (Some(Mode::Read), ..) | (_, true, _) => Mode::Read,
        (Some(Mode::Write), ..) | (_, _, Some(false)) => Mode::Write,
        (Some(Mode::Create) | None, false, Some(true) | None) => Mode::Create,
    };
    Ok(Base::File(reach.find(&path)?, mode))
}

impl Work {
    /// The database, as messages name it.
    pub(super) fn shown(&self) -> &str {
        self.base.shown()
    }

    /// Does it, on the thread that calls. A name in the file that is not UTF-8 makes the library panic: that is told too.
    pub(super) fn run(self, watch: &Arc<Watch>, out: Out) -> Result<Outputs, Told> {
        let shown = self.shown().to_owned();
        let done = catch_unwind(AssertUnwindSafe(|| self.done(watch, out)));
        done.unwrap_or_else(|_| {
            Err(Told::new(Fault::Failed, "SQLite was not understood: is a name in the database not UTF-8?"))
        })
        .map_err(|told| told.at(&shown))
    }

    fn done(self, watch: &Arc<Watch>, out: Out) -> Result<Outputs, Told> {
        let opened = self.base.open(watch, &out)?;
        let made = opened.made;
        let done = match self.what {
            What::Query(asked) => {
                let printer = Printer::new(out, asked.max_bytes);
                query::run(&asked, &opened, watch, printer).map(|counts| {
                    output([
                        ("rows", counts.rows.into()),
                        ("truncated", counts.truncated.into()),
                        ("changes", counts.changes.into()),
                        ("last_insert_rowid", counts.last_insert_rowid.into()),
                    ])
                })
            }
            What::Import(asked) => import::run(asked, &opened, watch).map(|counts| {
                let outputs: [(&str, serde_json::Value); 3] = [
                    ("rows_read", counts.read.into()),
                    ("rows_imported", counts.imported.into()),
                    ("rows_skipped", counts.skipped.into()),
                ];
                let told: serde_json::Map<String, serde_json::Value> =
                    outputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                out.note(&format!("{}\n", serde_json::Value::Object(told)));
                output(outputs)
            }),
        };
        done.map_err(|told| match made && told.message.contains("no such table") {
            true => told.with("the database did not exist before, and was made"),
            false => told,
        })
    }
}

fn output<const N: usize>(values: [(&str, serde_json::Value); N]) -> Outputs {
    values.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect()
}
