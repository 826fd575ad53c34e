//! Rows as text: an object a line, a list of objects, or CSV. Each statement that returns rows has a list, or a header, of
//! its own.

use std::collections::BTreeSet;

use pintle_plane::executor::Fault;
use rusqlite::Row;

use super::input::Format;
use super::print::Printer;
use super::told::Told;
use super::value;

/// Writes the rows of one statement after the other.
pub(super) struct Writer<'a> {
    format: Format,
    headers: bool,
    null: &'a str,
    printer: Printer,
    /// Columns of the statement; none: it returns no rows.
    names: Option<Vec<String>>,
    /// The names as JSON keys, each with its colon.
    keys: Vec<Vec<u8>>,
    first: bool,
}

impl<'a> Writer<'a> {
    /// Prints through `printer`; `null` stands for NULL in CSV.
    pub(super) fn new(format: Format, headers: bool, null: &'a str, printer: Printer) -> Self {
        Self { format, headers, null, printer, names: None, keys: Vec::new(), first: true }
    }

    /// A statement with these columns comes.
    pub(super) fn begin(&mut self, names: Vec<String>) -> Result<(), Told> {
        self.first = true;
        match self.format {
            Format::Csv if self.headers => self.record(&names)?,
            Format::Csv => {}
            Format::Json | Format::Jsonl => {
                let mut seen = BTreeSet::new();
                if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
                    let message =
                        format!("two columns are named `{twice}`; give one another name with AS, or write CSV");
                    return Err(Told::invalid(message));
                }
                self.keys =
                    names.iter().map(|name| format!("{}:", serde_json::Value::from(name.as_str())).into()).collect();
            }
        }
        if self.format == Format::Json {
            self.printer.print(b"[")?;
        }
        self.names = Some(names);
        Ok(())
    }

    /// One row; `number` is its own among all that were printed.
    pub(super) fn row(&mut self, row: &Row<'_>, number: u64) -> Result<(), Told> {
        let names = self.names.as_deref().unwrap_or_default();
        let bad = |column: usize, reason: &str| {
            let name = names.get(column).map_or("", String::as_str);
            Told::new(Fault::Invalid, format!("row {number}, column `{name}` {reason}"))
        };
        let get = |column: usize| row.get_ref(column).map_err(|error| bad(column, &error.to_string()));
        if self.format == Format::Csv {
            let field = |column: usize| {
                let field = value::field(get(column)?).map_err(|reason| bad(column, reason))?;
                Ok(field.unwrap_or_else(|| self.null.to_owned()))
            };
            let fields = (0..names.len()).map(field).collect::<Result<Vec<String>, Told>>()?;
            return self.record(&fields);
        }
        let mut line = Vec::with_capacity(64);
        if self.format == Format::Json && !self.first {
            line.extend_from_slice(b",\n ");
        }
        line.push(b'{');
        for (column, key) in self.keys.iter().enumerate() {
            if column > 0 {
                line.push(b',');
            }
            line.extend_from_slice(key);
            value::json(get(column)?, &mut line).map_err(|reason| bad(column, reason))?;
        }
        line.push(b'}');
        if self.format == Format::Jsonl {
            line.push(b'\n');
        }
        self.first = false;
        self.printer.print(&line)
    }

    /// The statement is over: its rows do not wait for those of the next.
    pub(super) fn end(&mut self) -> Result<(), Told> {
        if self.names.take().is_some() && self.format == Format::Json {
            self.printer.print(b"]\n")?;
        }
        self.printer.flush()
    }

    fn record(&mut self, fields: &[String]) -> Result<(), Told> {
        let mut line = csv::WriterBuilder::new().buffer_capacity(256).from_writer(Vec::new());
        let written = line.write_record(fields);
        let line =
            written.map_err(|error| error.to_string()).and_then(|()| line.into_inner().map_err(|e| e.to_string()));
        self.printer.print(&line.map_err(|reason| Told::new(Fault::Failed, reason))?)
    }
}
