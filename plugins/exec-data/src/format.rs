//! Data as text, and text as data.

mod toml;

use pintle_guest::prelude::*;
use serde_json::{Map, Value};

/// Code of the failure that data is not of the format that was named.
const UNREADABLE: &str = "unreadable";

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// One value, or several one after the other (JSON lines).
    Json,
    /// One document, or several.
    Yaml,
    /// A table.
    Toml,
    /// Rows with commas.
    Csv,
    /// Rows with tabs.
    Tsv,
    /// Text as it is.
    Text,
}

/// How rows are read and written.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// The first row holds the names.
    pub(crate) headers: bool,
    /// Names, in order; without them those of the data.
    pub(crate) names: Option<Vec<String>>,
    /// Between two fields; without it the format's own.
    pub(crate) delimiter: Option<u8>,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Csv => "CSV",
            Self::Tsv => "TSV",
            Self::Text => "text",
        }
    }

    fn unreadable(self, why: impl std::fmt::Display) -> Error {
        Error::invalid(format!("the data is not {}: {why}", self.name())).code(UNREADABLE)
    }

    fn unwritable(self, why: impl std::fmt::Display) -> Error {
        Error::invalid(format!("this cannot be written as {}: {why}", self.name()))
    }

    fn delimiter(self, rows: &Rows) -> u8 {
        rows.delimiter.unwrap_or(if self == Self::Tsv { b'\t' } else { b',' })
    }

    /// Reads text.
    pub(crate) fn read(self, text: &str, rows: &Rows) -> Result<Value, Error> {
        match self {
            Self::Json => {
                let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
                one_or_all(values.map_err(|error| self.unreadable(error))?, || self.unreadable("it is empty"))
            }
            Self::Yaml => {
                let documents = serde_saphyr::from_multiple(text).map_err(|error| self.unreadable(error))?;
                one_or_all(documents, || self.unreadable("it is empty"))
            }
            Self::Toml => {
                let table = text.parse().map_err(|error| self.unreadable(toml::fault(text, &error)))?;
                Ok(toml::read(table))
            }
            Self::Csv | Self::Tsv => self.read_rows(text, rows),
            Self::Text => Ok(Value::String(text.to_owned())),
        }
    }

    fn read_rows(self, text: &str, rows: &Rows) -> Result<Value, Error> {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).delimiter(self.delimiter(rows)).from_reader(text.as_bytes());
        let mut records = reader.records();
        let mut names = rows.names.clone();
        if rows.headers {
            let first = records.next().transpose().map_err(|error| self.unreadable(error))?;
            let found = first.map(|record| record.iter().map(str::to_owned).collect());
            names = names.or(found);
        }
        let mut all = Vec::new();
        for record in records {
            let record = record.map_err(|error| self.unreadable(error))?;
            let fields = record.iter().map(|field| Value::String(field.to_owned()));
            all.push(match &names {
                Some(names) => Value::Object(names.iter().cloned().zip(fields).collect()),
                None => Value::Array(fields.collect()),
            });
        }
        Ok(Value::Array(all))
    }

    /// Writes data, with a line break at its end where the format has lines.
    pub(crate) fn write(self, value: &Value, rows: &Rows) -> Result<String, Error> {
        match self {
            Self::Json => Ok(format!("{}\n", serde_json::to_string_pretty(value)?)),
            Self::Yaml => serde_saphyr::to_string(value).map_err(|error| self.unwritable(error)),
            Self::Toml => toml::write(value).map_err(|why| self.unwritable(why)),
            Self::Csv | Self::Tsv => self.write_rows(value, rows),
            Self::Text => Ok(match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
        }
    }

    fn write_rows(self, value: &Value, rows: &Rows) -> Result<String, Error> {
        let table = match value {
            Value::Array(table) => table.as_slice(),
            single @ Value::Object(_) => std::slice::from_ref(single),
            _ => return Err(self.unwritable("the top must be a list of rows")),
        };
        let names = rows.names.clone().unwrap_or_else(|| names_of(table));
        let mut writer =
            csv::WriterBuilder::new().flexible(true).delimiter(self.delimiter(rows)).from_writer(Vec::new());
        let mut write = |fields: Vec<String>| writer.write_record(fields).map_err(|error| self.unwritable(error));
        if rows.headers && !names.is_empty() {
            write(names.clone())?;
        }
        for row in table {
            write(match row {
                Value::Object(fields) => names.iter().map(|name| field(fields.get(name))).collect(),
                Value::Array(fields) => fields.iter().map(|value| field(Some(value))).collect(),
                scalar => vec![field(Some(scalar))],
            })?;
        }
        let bytes = writer.into_inner().map_err(|error| self.unwritable(error))?;
        Ok(String::from_utf8(bytes)?)
    }
}

fn one_or_all(mut values: Vec<Value>, empty: impl FnOnce() -> Error) -> Result<Value, Error> {
    match (values.len(), values.pop()) {
        (1, Some(one)) => Ok(one),
        (_, Some(last)) => {
            values.push(last);
            Ok(Value::Array(values))
        }
        (_, None) => Err(empty()),
    }
}

/// The names of all rows' fields, in the order in which they first appear.
fn names_of(table: &[Value]) -> Vec<String> {
    let mut seen = Map::new();
    for row in table.iter().filter_map(Value::as_object) {
        seen.extend(row.keys().map(|name| (name.clone(), Value::Null)));
    }
    seen.into_iter().map(|(name, _)| name).collect()
}

fn field(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
