//! Rows of a file, one by one, each with where it stands. A row is bounded; the file is not.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::input::FileFormat;
use super::limits::ROW_BYTES;
use super::told::Told;

/// How a file is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) format: FileFormat,
    /// The first line names the fields (CSV, TSV).
    pub(super) header: bool,
    pub(super) delimiter: u8,
}

/// A row of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    /// Texts in the order of the fields.
    Fields(Vec<String>),
    /// Values by their names.
    Object(Map<String, Value>),
}

/// Takes rows as they come: the names of the fields, where the file has them, then a row with its place.
pub(super) trait Taker {
    /// The first line's names.
    fn names(&mut self, names: Vec<String>) -> Result<(), Told>;
    /// A row; `false`: no more are wanted.
    fn row(&mut self, record: Record, place: &str) -> Result<bool, Told>;
}

/// Reads all rows of a file into `taker`. Faults name their line (of a JSON list: its item).
pub(super) fn read(file: impl Read, form: Form, taker: &mut dyn Taker) -> Result<(), Told> {
    let left = Rc::new(Cell::new(ROW_BYTES));
    let bounded = Bounded { inner: file, left: Rc::clone(&left) };
    match form.format {
        FileFormat::Csv | FileFormat::Tsv => table(bounded, form, &left, taker),
        FileFormat::Jsonl => lines(BufReader::new(bounded), &left, taker),
        FileFormat::Json => list(BufReader::new(bounded), &left, taker),
    }
}

/// Ends where a row goes on for too long.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.get().checked_sub(read) {
            Some(left) => self.left.set(left),
            None => {
                let message = format!("a row has more than {ROW_BYTES} bytes; is a quote or a bracket not closed?");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(read)
    }
}

fn table(file: impl Read, form: Form, left: &Cell<usize>, taker: &mut dyn Taker) -> Result<(), Told> {
    let mut reader = csv::ReaderBuilder::new().has_headers(form.header).delimiter(form.delimiter).from_reader(file);
    let bad = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let words = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("it has {len} fields, and the rows before have {expected_len}")
            }
            csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
            csv::ErrorKind::Io(error) => error.to_string(),
            _ => error.to_string(),
        };
        Told::invalid(words).at(&format!("line {line}"))
    };
    if form.header {
        let names = reader.headers().map_err(bad)?.iter().map(str::to_owned).collect();
        taker.names(names)?;
    }
    let mut record = csv::StringRecord::new();
    loop {
        left.set(ROW_BYTES);
        if !reader.read_record(&mut record).map_err(bad)? {
            return Ok(());
        }
        let place = format!("line {}", record.position().map_or(0, csv::Position::line));
        if !taker.row(Record::Fields(record.iter().map(str::to_owned).collect()), &place)? {
            return Ok(());
        }
    }
}

fn lines(mut file: impl BufRead, left: &Cell<usize>, taker: &mut dyn Taker) -> Result<(), Told> {
    let mut line = Vec::new();
    for number in 1.. {
        let place = format!("line {number}");
        line.clear();
        left.set(ROW_BYTES);
        let read = file.read_until(b'\n', &mut line).map_err(|error| Told::invalid(error.to_string()).at(&place))?;
        if read == 0 {
            break;
        }
        let text = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let object = serde_json::from_slice(text).map_err(|error| Told::invalid(json_fault(&error)).at(&place))?;
        if !taker.row(Record::Object(object), &place)? {
            break;
        }
    }
    Ok(())
}

/// What serde says, without its own count of lines where the row is told by its own.
fn json_fault(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let words = said.rsplit_once(" at line ").map_or(said.as_str(), |(words, _)| words);
    format!("it is not a JSON object: {words} (column {})", error.column())
}

fn list(file: impl BufRead, left: &Cell<usize>, taker: &mut dyn Taker) -> Result<(), Told> {
    let mut reader = serde_json::Deserializer::from_reader(file);
    let mut stopped = Ok(true);
    let mut items = Items { left, taker, stopped: &mut stopped, number: 0 };
    let read = reader.deserialize_seq(&mut items);
    let number = items.number;
    match (stopped, read) {
        (Err(told), _) => Err(told),
        (Ok(false), _) => Ok(()),
        (Ok(true), Ok(())) => reader.end().map_err(|error| Told::invalid(format!("behind the list: {error}"))),
        (Ok(true), Err(error)) => {
            Err(Told::invalid(format!("it is not a JSON list of objects: {error}"))
                .at(&format!("item {}", number.max(1))))
        }
    }
}

struct Items<'a, 't> {
    left: &'a Cell<usize>,
    taker: &'t mut dyn Taker,
    /// What the taker said; a fault or `false` ends the reading.
    stopped: &'a mut Result<bool, Told>,
    number: u64,
}

impl<'de> Visitor<'de> for &mut Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        loop {
            self.left.set(ROW_BYTES);
            self.number += 1;
            let Some(object) = seq.next_element_seed(Object)? else { return Ok(()) };
            *self.stopped = self.taker.row(Record::Object(object), &format!("item {}", self.number));
            if !matches!(self.stopped, Ok(true)) {
                return Err(serde::de::Error::custom("enough"));
            }
        }
    }
}

struct Object;

impl<'de> DeserializeSeed<'de> for Object {
    type Value = Map<String, Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }
}
