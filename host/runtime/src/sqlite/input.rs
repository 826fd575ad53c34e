//! `with:` of `sqlite.query` and `sqlite.import`. What a reference gives is text: numbers and truth values may be too.

use std::str::FromStr;
use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A number or truth value that may also be written as text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Lenient<T>(pub(super) T);

impl<'de, T: DeserializeOwned + FromStr> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => match text.trim().parse() {
                Ok(value) => Ok(Self(value)),
                Err(_) => Err(D::Error::custom(format_args!("`{text}` is not {}", noun::<T>()))),
            },
            value => T::deserialize(value).map(Self).map_err(D::Error::custom),
        }
    }
}

fn noun<T>() -> &'static str {
    match std::any::type_name::<T>() {
        "bool" => "`true` or `false`",
        "f64" => "a number",
        _ => "a whole number",
    }
}

/// Of `sqlite.query`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    pub(super) dsn: String,
    pub(super) query: Option<String>,
    pub(super) file: Option<String>,
    #[serde(default)]
    pub(super) params: Value,
    #[serde(default)]
    pub(super) output_format: Format,
    #[serde(default)]
    pub(super) headers: Lenient<bool>,
    #[serde(default = "null")]
    pub(super) null_string: String,
    #[serde(default)]
    pub(super) max_rows: Lenient<u64>,
    #[serde(default = "output_bytes")]
    pub(super) max_bytes: Lenient<u64>,
    pub(super) transaction: Option<Lenient<bool>>,
    #[serde(default)]
    pub(super) read_only: Lenient<bool>,
    pub(super) create: Option<Lenient<bool>>,
    #[serde(default = "timeout")]
    pub(super) timeout: Lenient<f64>,
    #[serde(default)]
    #[expect(dead_code, reason = "taken for files written for others: SQLite's transactions are all serializable")]
    isolation_level: Isolation,
    #[serde(default)]
    pub(super) file_lock: Lenient<bool>,
    #[serde(default)]
    #[expect(dead_code, reason = "taken for files written for others: a database in memory ends with its step")]
    shared_memory: Lenient<bool>,
}

/// Of `sqlite.import`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Import {
    pub(super) dsn: String,
    pub(super) import: Rows,
    pub(super) create: Option<Lenient<bool>>,
    #[serde(default = "timeout")]
    pub(super) timeout: Lenient<f64>,
    #[serde(default)]
    #[expect(dead_code, reason = "taken for files written for others: an import takes the write lock at once")]
    file_lock: Lenient<bool>,
}

/// What is imported, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rows {
    pub(super) input_file: String,
    pub(super) table: String,
    pub(super) format: Option<FileFormat>,
    #[serde(default = "yes")]
    pub(super) has_header: Lenient<bool>,
    pub(super) delimiter: Option<String>,
    #[serde(default)]
    pub(super) columns: Columns,
    #[serde(default = "null_values")]
    pub(super) null_values: Vec<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "taken for files written for others: rows go one by one, in one transaction")]
    batch_size: Lenient<u64>,
    #[serde(default)]
    pub(super) on_conflict: OnConflict,
    #[serde(default)]
    pub(super) skip_rows: Lenient<u64>,
    #[serde(default)]
    pub(super) max_rows: Lenient<u64>,
    #[serde(default)]
    pub(super) dry_run: Lenient<bool>,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// An object a line.
    #[default]
    Jsonl,
    /// A list of objects.
    Json,
    /// Comma-separated values.
    Csv,
}

/// What a file of rows is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileFormat {
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// An object a line.
    Jsonl,
    /// A list of objects.
    Json,
}

/// Which fields of the file go into which columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Columns {
    /// All, by their names.
    #[default]
    All,
    /// These; of a file without names the first fields, in this order.
    Named(Vec<String>),
    /// Column to field.
    Mapped(std::collections::BTreeMap<String, String>),
}

/// What becomes of a row whose key is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnConflict {
    /// Nothing is imported.
    #[default]
    #[serde(alias = "fail")]
    Error,
    /// The new row is passed over.
    Ignore,
    /// The new row takes the place of the old one.
    Replace,
}

/// Known, so that others are refused.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Isolation {
    #[default]
    Default,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

/// The values of a statement's parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Params {
    /// By position, over all statements.
    Listed(Vec<Value>),
    /// By name, in every statement.
    Named(Map<String, Value>),
}

fn null() -> String {
    "null".to_owned()
}

fn yes() -> Lenient<bool> {
    Lenient(true)
}

fn timeout() -> Lenient<f64> {
    Lenient(60.0)
}

fn output_bytes() -> Lenient<u64> {
    Lenient(super::limits::OUTPUT_BYTES)
}

fn null_values() -> Vec<String> {
    ["", "NULL", "null", "\\N"].map(str::to_owned).to_vec()
}

/// Reads `with`; the message names the field.
pub(super) fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    let reader = &mut serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner().to_string();
        // Where it stands in JSON that nobody wrote says nothing.
        let words = inner.rsplit_once(" at line ").map_or(inner.as_str(), |(words, _)| words).to_owned();
        if path == "." { words } else { format!("`{path}`: {words}") }
    })
}

impl Query {
    /// The parameters' values.
    pub(super) fn params(&self) -> Result<Params, String> {
        match &self.params {
            Value::Null => Ok(Params::Listed(Vec::new())),
            Value::Array(list) => Ok(Params::Listed(list.clone())),
            Value::Object(map) => Ok(Params::Named(map.clone())),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Err("`params` must be a map of names to values, or a list of values".to_owned())
            }
        }
    }
}

/// `timeout`, in seconds; none: only the step's own time counts.
pub(super) fn span(seconds: Lenient<f64>) -> Result<Option<Duration>, String> {
    match seconds.0 {
        0.0 => Ok(None),
        seconds => match Duration::try_from_secs_f64(seconds) {
            Ok(span) => Ok(Some(span)),
            Err(_) => Err(format!("`timeout` is {seconds}; write seconds, such as 60, or 0 for the step's own time")),
        },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_truth_values_may_be_text_and_a_fault_names_its_field() {
        let query: Query = read(r#"{"dsn":"a","query":"b","max_rows":"7","headers":"true","timeout":"1.5"}"#).unwrap();
        assert_eq!((query.max_rows.0, query.headers.0, query.timeout.0), (7, true, 1.5));
        let fault = |json: &str| read::<Query>(json).unwrap_err();
        assert_eq!(fault(r#"{"dsn":"a","max_rows":"many"}"#), "`max_rows`: `many` is not a whole number");
        assert_eq!(fault(r#"{"dsn":"a","headers":"maybe"}"#), "`headers`: `maybe` is not `true` or `false`");
        assert!(fault(r#"{"query":"b"}"#).contains("missing field `dsn`"), "{}", fault(r#"{"query":"b"}"#));
        let import: Import =
            read(r#"{"dsn":"a","import":{"input_file":"b","table":"c","on_conflict":"fail","columns":{"x":"y"}}}"#)
                .unwrap();
        assert_eq!(import.import.on_conflict, OnConflict::Error);
        assert!(matches!(import.import.columns, Columns::Mapped(_)));
    }

    #[test]
    fn params_are_a_map_or_a_list() {
        let params = |json: &str| read::<Query>(&format!(r#"{{"dsn":"a","params":{json}}}"#)).unwrap().params();
        assert!(matches!(params("[1]"), Ok(Params::Listed(list)) if list.len() == 1));
        assert!(matches!(params(r#"{"a":1}"#), Ok(Params::Named(_))));
        assert!(params("7").unwrap_err().starts_with("`params` must be a map"));
    }

    #[test]
    fn a_timeout_is_seconds_and_none_is_the_steps() {
        assert_eq!(span(Lenient(1.5)), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(span(Lenient(0.0)), Ok(None));
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(span(Lenient(bad)).is_err(), "{bad}");
        }
    }
}
