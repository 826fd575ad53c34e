//! `sqlite.import`: the rows of a file into a table, in one transaction: all of them, or none.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Statement};
use serde_json::{Map, Value};

use super::connection::Opened;
use super::gate::Stage;
use super::input::{Columns, FileFormat, OnConflict, Rows};
use super::source::{self, Form, Record, Taker};
use super::told::{self, Told};
use super::value;
use super::watch::Watch;

/// What is to be done.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) file: File,
    /// As the step named it.
    pub(super) shown: String,
    pub(super) form: Form,
    pub(super) rows: Rows,
}

/// What came of it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Rows of the file, without those that `skip_rows` passes over.
    pub(super) read: u64,
    /// Rows that are in the table now; in a trial: would be.
    pub(super) imported: u64,
    /// Rows whose key was there already, passed over.
    pub(super) skipped: u64,
}

/// How the file is read, by what the step and its name say.
pub(super) fn form(rows: &Rows) -> Result<Form, String> {
    let ending = Path::new(&rows.input_file).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let format = match (rows.format, ending.to_ascii_lowercase().as_str()) {
        (Some(format), _) => format,
        (None, "csv") => FileFormat::Csv,
        (None, "tsv" | "tab") => FileFormat::Tsv,
        (None, "jsonl" | "ndjson") => FileFormat::Jsonl,
        (None, "json") => FileFormat::Json,
        (None, _) => {
            return Err(format!(
                "the name `{}` does not say what it holds; write `format: csv`, `tsv`, `jsonl` or `json`",
                rows.input_file
            ));
        }
    };
    let usual = if format == FileFormat::Tsv { b'\t' } else { b',' };
    let delimiter = match rows.delimiter.as_deref() {
        None => usual,
        Some("\\t") => b'\t',
        Some(text) => match text.as_bytes() {
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n') => *one,
            _ => return Err(format!("`delimiter` is `{text}`; write one character, such as `;`, or `\\t`")),
        },
    };
    if rows.table.trim().is_empty() {
        return Err("`import.table` is empty; name a table".to_owned());
    }
    Ok(Form { format, header: rows.has_header.0, delimiter })
}

/// Imports all rows.
pub(super) fn run(asked: Asked, opened: &Opened, watch: &Arc<Watch>) -> Result<Counts, Told> {
    let Opened { conn, gate, read_only, .. } = opened;
    if *read_only {
        return Err(Told::denied("the database can only be read, and an import writes"));
    }
    gate.enter(Stage::Own);
    conn.execute_batch("BEGIN IMMEDIATE").map_err(|error| told::of(error, watch))?;
    let Asked { file, shown, form, rows } = asked;
    let mut import = Import { conn, watch, rows: &rows, into: None, fields: None, seen: 0, counts: Counts::default() };
    gate.enter(Stage::Running);
    let read = source::read(file, form, &mut import);
    let counts = import.counts;
    gate.enter(Stage::Own);
    let ended = match (read, rows.dry_run.0) {
        (Err(told), _) => Err(told.at(&shown)),
        (Ok(()), true) => conn.execute_batch("ROLLBACK").map_err(|error| told::of(error, watch)),
        (Ok(()), false) => match watch.cut() {
            Some(cut) => Err(Told::cut(cut, watch)),
            None => conn.execute_batch("COMMIT").map_err(|error| told::of(error, watch)),
        },
    };
    ended.map(|()| counts).map_err(|told| {
        // What cannot be rolled back any more was rolled back by SQLite itself.
        let _ = conn.execute_batch("ROLLBACK").is_ok();
        told.with("nothing was imported")
    })
}

/// Where a column's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    /// The field's name, where fields have names.
    field: String,
    /// Its place among the fields of a line.
    at: usize,
}

struct Import<'a> {
    conn: &'a Connection,
    watch: &'a Watch,
    rows: &'a Rows,
    into: Option<(Statement<'a>, Vec<Column>)>,
    /// Names of the fields, of CSV with a header.
    fields: Option<Vec<String>>,
    seen: u64,
    counts: Counts,
}

impl Taker for Import<'_> {
    fn names(&mut self, names: Vec<String>) -> Result<(), Told> {
        // A file without rows still must fit.
        let columns = by_name(&names, &self.rows.columns).map_err(|told| told.at("line 1"))?;
        self.begin(columns)?;
        self.fields = Some(names);
        Ok(())
    }

    fn row(&mut self, record: Record, place: &str) -> Result<bool, Told> {
        self.seen += 1;
        if self.seen <= self.rows.skip_rows.0 {
            return Ok(true);
        }
        if self.rows.max_rows.0 > 0 && self.counts.read >= self.rows.max_rows.0 {
            return Ok(false);
        }
        if let Some(cut) = self.watch.cut() {
            return Err(Told::cut(cut, self.watch));
        }
        self.counts.read += 1;
        self.insert(&record).map_err(|told| told.at(place))?;
        Ok(true)
    }
}

impl Import<'_> {
    fn begin(&mut self, columns: Vec<Column>) -> Result<(), Told> {
        let sql = statement(&self.rows.table, &columns, self.rows.on_conflict);
        let made = self.conn.prepare(&sql).map_err(|error| match told::of(error, self.watch) {
            told if told.message.contains("has no column named") => told.with("`columns` says which fields go where"),
            told => told,
        })?;
        self.into = Some((made, columns));
        Ok(())
    }

    fn insert(&mut self, record: &Record) -> Result<(), Told> {
        if self.into.is_none() {
            let columns = match record {
                Record::Fields(fields) => by_place(fields.len(), &self.rows.columns)?,
                Record::Object(object) => {
                    let names: Vec<String> = object.keys().cloned().collect();
                    by_name(&names, &self.rows.columns)?
                }
            };
            self.begin(columns)?;
        }
        let (null_values, all) = (&self.rows.null_values, self.rows.columns == Columns::All);
        let Some((statement, columns)) = &mut self.into else { return Ok(()) };
        if let (Record::Object(object), true) = (record, all) {
            known(object, columns)?;
        }
        for (index, column) in columns.iter().enumerate() {
            let value = match record {
                Record::Fields(fields) => match fields.get(column.at) {
                    Some(text) if !null_values.contains(text) => Sql::Text(text.clone()),
                    Some(_) | None => Sql::Null,
                },
                Record::Object(object) => match object.get(&column.field) {
                    Some(value) => {
                        value::sql(value).map_err(|reason| Told::invalid(format!("`{}`: {reason}", column.field)))?
                    }
                    None => Sql::Null,
                },
            };
            statement.raw_bind_parameter(index + 1, value).map_err(|error| told::of(error, self.watch))?;
        }
        match statement.raw_execute().map_err(|error| told::of(error, self.watch))? {
            0 => self.counts.skipped += 1,
            _ => self.counts.imported += 1,
        }
        Ok(())
    }
}

/// A field that no column takes would be lost.
fn known(object: &Map<String, Value>, columns: &[Column]) -> Result<(), Told> {
    match object.keys().find(|key| !columns.iter().any(|column| column.field == **key)) {
        Some(key) => {
            Err(Told::invalid(format!("it has `{key}`, which the first row has not; name the columns with `columns`")))
        }
        None => Ok(()),
    }
}

/// Of rows whose fields have names.
fn by_name(names: &[String], columns: &Columns) -> Result<Vec<Column>, Told> {
    let column = |name: &String, field: &String| match names.iter().position(|name| name == field) {
        Some(at) => Ok(Column { name: name.clone(), field: field.clone(), at }),
        None => Err(Told::invalid(format!("there is no field `{field}`; those there are: {}", quoted(names)))),
    };
    let columns = match columns {
        Columns::All => names.iter().map(|name| column(name, name)).collect::<Result<Vec<_>, _>>()?,
        Columns::Named(list) => list.iter().map(|name| column(name, name)).collect::<Result<_, _>>()?,
        Columns::Mapped(map) => map.iter().map(|(name, field)| column(name, field)).collect::<Result<_, _>>()?,
    };
    checked(columns)
}

/// Of lines without names.
fn by_place(fields: usize, columns: &Columns) -> Result<Vec<Column>, Told> {
    match columns {
        Columns::Named(list) if list.len() <= fields => {
            let column = |(at, name): (usize, &String)| Column { name: name.clone(), field: name.clone(), at };
            checked(list.iter().enumerate().map(column).collect())
        }
        Columns::Named(list) => {
            Err(Told::invalid(format!("it has {fields} fields, and `columns` names {}", list.len())))
        }
        Columns::All | Columns::Mapped(_) => {
            Err(Told::invalid("without a header the fields have no names; list the `columns` in their order"))
        }
    }
}

fn checked(columns: Vec<Column>) -> Result<Vec<Column>, Told> {
    if columns.is_empty() {
        return Err(Told::invalid("it has no fields"));
    }
    match columns.iter().enumerate().find(|(at, column)| columns.iter().take(*at).any(|c| c.name == column.name)) {
        Some((_, twice)) => Err(Told::invalid(format!("the column `{}` is named twice", twice.name))),
        None => Ok(columns),
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The one statement that is made of an author's names; each is quoted, and so nothing but a name.
fn statement(table: &str, columns: &[Column], on_conflict: OnConflict) -> String {
    let name = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let names = columns.iter().map(|column| name(&column.name)).collect::<Vec<_>>().join(", ");
    let places = (1..=columns.len()).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    let (or, then) = match on_conflict {
        OnConflict::Error => ("", ""),
        // Unlike OR IGNORE this passes over nothing but rows that are there.
        OnConflict::Ignore => ("", " ON CONFLICT DO NOTHING"),
        OnConflict::Replace => (" OR REPLACE", ""),
    };
    format!("INSERT{or} INTO {} ({names}) VALUES ({places}){then}", name(table))
}
