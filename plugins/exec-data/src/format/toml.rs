//! TOML: what it has that JSON has not, and what it lacks.

use serde_json::Value;
use toml::{Table, de};

/// A table as JSON: dates and times become text, what is no number becomes null.
pub(super) fn read(table: Table) -> Value {
    from_toml(toml::Value::Table(table))
}

fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(instant) => Value::String(instant.to_string()),
        toml::Value::Array(items) => items.into_iter().map(from_toml).collect(),
        toml::Value::Table(fields) => fields.into_iter().map(|(name, value)| (name, from_toml(value))).collect(),
    }
}

/// Why a text is no TOML, in one line: the library's own words are a drawing.
pub(super) fn fault(text: &str, error: &de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    format!("line {line}, column {column}: {message}")
}

/// A value as TOML.
///
/// # Errors
/// What of it TOML does not have, and where that is.
pub(super) fn write(value: &Value) -> Result<String, String> {
    if !value.is_object() {
        return Err("the top must be a table: give the value a name".to_owned());
    }
    if let Some((path, lack)) = lacking(value) {
        return Err(format!("`{path}` is {lack}"));
    }
    toml::to_string_pretty(value).map_err(|error| error.to_string())
}

/// The first value that TOML cannot hold, with its path.
fn lacking(value: &Value) -> Option<(String, String)> {
    let below = |part: String, value: &Value| {
        lacking(value).map(|(path, lack)| match path.as_str() {
            "" => (part, lack),
            path if path.starts_with('[') => (format!("{part}{path}"), lack),
            path => (format!("{part}.{path}"), lack),
        })
    };
    match value {
        Value::Null => Some((String::new(), "null, which TOML does not have".to_owned())),
        Value::Number(number) if number.is_u64() && !number.is_i64() => {
            Some((String::new(), format!("{number}, and whole numbers of TOML end at {}", i64::MAX)))
        }
        Value::Array(items) => items.iter().enumerate().find_map(|(place, item)| below(format!("[{place}]"), item)),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| below(name.clone(), field)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
