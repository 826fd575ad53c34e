//! `sqlite.query`: statements one after the other, their parameters bound, their rows printed.
//!
//! Several statements are one transaction, so that all of them happen or none. A single one is atomic by itself, and some
//! (VACUUM, a change of the journal) cannot stand in a transaction; a text that begins with BEGIN looks after its own.

use std::sync::Arc;

use pintle_plane::executor::Fault;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::limits::Limit;
use rusqlite::{Batch, Connection, Row, Statement};

use super::connection::Opened;
use super::gate::{Gate, Stage};
use super::input::{Format, Params};
use super::params::Given;
use super::print::Printer;
use super::rows::Writer;
use super::told::{self, Text, Told};
use super::watch::Watch;

/// What is to be done.
#[derive(Debug)]
pub(super) struct Asked {
    /// `query`, or the file that it was read from.
    pub(super) name: String,
    pub(super) sql: String,
    pub(super) params: Params,
    pub(super) format: Format,
    pub(super) headers: bool,
    pub(super) null: String,
    /// 0: all.
    pub(super) max_rows: u64,
    pub(super) max_bytes: u64,
    /// What the step says; none: as the statements need it.
    pub(super) transaction: Option<bool>,
    /// Others are kept out from the first statement on.
    pub(super) lock: bool,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Rows printed.
    pub(super) rows: u64,
    /// There were more.
    pub(super) truncated: bool,
    /// Rows inserted, updated or deleted, also by triggers.
    pub(super) changes: u64,
    pub(super) last_insert_rowid: i64,
}

/// What a text of statements needs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Form {
    /// There is more than one statement.
    several: bool,
    /// The first one begins a transaction.
    begins: bool,
    /// The first one changes rows and returns them: they may not all be printed, and then nothing may stay.
    returns: bool,
}

/// One text of statements on its way.
struct Work<'a> {
    conn: &'a Connection,
    gate: &'a Gate,
    watch: &'a Watch,
    text: Text<'a>,
    form: Form,
    writer: Writer<'a>,
    max_rows: u64,
    counts: Counts,
}

/// Runs all statements.
pub(super) fn run(asked: &Asked, opened: &Opened, watch: &Arc<Watch>, printer: Printer) -> Result<Counts, Told> {
    let Opened { conn, gate, read_only, .. } = opened;
    let text = Text { name: &asked.name, sql: &asked.sql };
    let form = look(conn, gate, text);
    let whole = asked.transaction.unwrap_or((form.several || form.returns) && !form.begins);
    let writer = Writer::new(asked.format, asked.headers, &asked.null, printer);
    let counts = Counts::default();
    let mut work = Work { conn, gate, watch, text, form, writer, max_rows: asked.max_rows, counts };
    if whole || asked.lock {
        begin(conn, gate, *read_only, asked.lock).map_err(|error| told::of(error, watch))?;
    }
    gate.whole(whole || asked.lock);
    let before = conn.total_changes();
    let ended = work.statements(&asked.params).and_then(|()| work.end(whole || asked.lock));
    gate.enter(Stage::Own);
    if let Err(told) = ended {
        let open = !conn.is_autocommit();
        // What cannot be rolled back any more was rolled back by SQLite itself.
        let _ = conn.execute_batch("ROLLBACK").is_ok();
        return Err(match (open || whole, work.wrote(before)) {
            (true, true) => told.with("everything was rolled back"),
            (false, true) => told.with("what the statements before it changed stays"),
            (_, false) => told,
        });
    }
    work.counts.changes = conn.total_changes().saturating_sub(before);
    work.counts.last_insert_rowid = conn.last_insert_rowid();
    Ok(work.counts)
}

/// The write lock is taken at once: a transaction that begins with reading may find that it cannot go on to write.
fn begin(conn: &Connection, gate: &Gate, read_only: bool, lock: bool) -> rusqlite::Result<()> {
    gate.enter(Stage::Own);
    conn.execute_batch(match (read_only, lock) {
        (true, _) => "BEGIN",
        (false, false) => "BEGIN IMMEDIATE",
        (false, true) => "BEGIN EXCLUSIVE",
    })
}

/// Reads up to two statements, and runs none. What is faulty is told when its turn comes.
fn look(conn: &Connection, gate: &Gate, text: Text<'_>) -> Form {
    gate.enter(Stage::Reading);
    let mut batch = Batch::new(conn, text.sql);
    let columns = batch.next().map(|first| first.map(|first| first.column_count()));
    let seen = gate.seen();
    let several = matches!(columns, Ok(Some(_))) && !matches!(batch.next(), Ok(None));
    let returns = matches!(columns, Ok(Some(1..))) && seen.changes;
    gate.enter(Stage::Own);
    gate.seen();
    gate.refused();
    Form { several, begins: seen.begins, returns }
}

impl Work<'_> {
    fn statements(&mut self, params: &Params) -> Result<(), Told> {
        let mut given = Given::new(params);
        let mut batch = Batch::new(self.conn, self.text.sql);
        let mut number = 0;
        loop {
            number += 1;
            self.stage(Stage::Reading, 0)?;
            let next = batch.next().map_err(|error| self.refused(|watch| told::read(error, self.text, number, watch)));
            let Some(mut statement) = next? else { break };
            let bound = given.bind(&mut statement).and_then(|()| if self.form.several { Ok(()) } else { given.all() });
            bound.map_err(|told| told.at(&told::statement(self.text, number)))?;
            self.stage(Stage::Running, 1)?;
            self.statement(&mut statement, number)?;
        }
        if number == 1 {
            return Err(Told::invalid(format!("{} holds no statement", self.text.name)));
        }
        given.all().map_err(|told| told.at(self.text.name))
    }

    /// VACUUM attaches a file while it runs; nothing else may.
    fn stage(&self, stage: Stage, attached: i32) -> Result<(), Told> {
        self.gate.enter(stage);
        let set = self.conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, attached);
        set.map(|_| ()).map_err(|error| told::of(error, self.watch))
    }

    fn statement(&mut self, statement: &mut Statement<'_>, number: usize) -> Result<(), Told> {
        let text = self.text;
        let reads = statement.readonly();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        if !names.is_empty() {
            self.writer.begin(names).map_err(|told| told.at(&told::statement(text, number)))?;
        }
        let mut rows = statement.raw_query();
        loop {
            let row = rows.next();
            let row = row.map_err(|error| self.refused(|watch| told::run(error, text, number, watch)))?;
            let Some(row) = row else { break };
            if self.max_rows > 0 && self.counts.rows >= self.max_rows {
                self.counts.truncated = true;
                if reads {
                    break;
                }
                continue;
            }
            self.row(row).map_err(|told| told.at(&told::statement(text, number)))?;
            self.counts.rows += 1;
        }
        self.writer.end()
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), Told> {
        self.writer.row(row, self.counts.rows + 1)
    }

    /// Why something failed: what the gate refused, or else what SQLite says.
    fn refused(&self, said: impl FnOnce(&Watch) -> Told) -> Told {
        let said = said(self.watch);
        match self.gate.refused() {
            Some(refusal) if said.fault != Fault::Cancelled => {
                Told::denied(format!("{}: {}", self.text.name, refusal.message()))
            }
            // The question could not even be read.
            None if said.fault == Fault::Denied && said.message.contains('\u{fffd}') => {
                said.with("a name in this database is not UTF-8")
            }
            Some(_) | None => said,
        }
    }

    fn end(&mut self, whole: bool) -> Result<(), Told> {
        self.gate.enter(Stage::Own);
        if !whole {
            return match self.conn.is_autocommit() {
                true => Ok(()),
                false => Err(Told::invalid(format!(
                    "{} begins a transaction and does not end it; add COMMIT",
                    self.text.name
                ))),
            };
        }
        if let Some(cut) = self.watch.cut() {
            return Err(Told::cut(cut, self.watch));
        }
        self.conn.execute_batch("COMMIT").map_err(|error| told::of(error, self.watch).at("COMMIT"))
    }

    fn wrote(&self, before: u64) -> bool {
        self.conn.total_changes() > before
    }
}
