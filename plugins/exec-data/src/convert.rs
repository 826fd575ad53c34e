//! `data.convert`.

use pintle_guest::prelude::*;
use serde_json::Value;

use crate::format::{Format, Rows};
use crate::source::Source;

/// Of `data.convert`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// How the data is written now.
    from: Format,
    /// How it is to be written.
    to: Format,
    #[serde(flatten)]
    source: Source,
    /// Of CSV and TSV: the first row holds the names (`true`, the default), there is no such row (`false`), or these
    /// are the names.
    #[serde(default)]
    headers: Option<Headers>,
    /// Of CSV and TSV: one character between two fields.
    #[serde(default)]
    delimiter: Option<String>,
    /// Prints nothing: what came of it is the output `result` alone.
    #[serde(default)]
    quiet: Lenient<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a truth value or a list of names")]
enum Headers {
    /// Whether there is a row of names.
    Present(bool),
    /// The names themselves, in order. What is read then has no row of names; what is written has one.
    Names(Vec<String>),
}

pub(crate) fn run(input: Input) -> Result<Done, Error> {
    let delimiter = input.delimiter.as_deref().map(delimiter).transpose()?;
    let (headers, names) = match input.headers {
        None => (true, None),
        Some(Headers::Present(present)) => (present, None),
        Some(Headers::Names(names)) => (false, Some(names)),
    };
    let reading = Rows { headers, names: names.clone(), delimiter };
    let writing = Rows { headers: headers || names.is_some(), names, delimiter };
    let value = match input.source.take()? {
        Value::String(text) => input.from.read(&text, &reading)?,
        value => value,
    };
    let text = input.to.write(&value, &writing)?;
    if !input.quiet.0 {
        output::print(&text);
    }
    let result = if input.to == Format::Json { value } else { Value::String(text) };
    Ok(Done::new().output("result", result))
}

fn delimiter(text: &str) -> Result<u8, Error> {
    match text.as_bytes() {
        [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => Ok(*one),
        _ => Err(Error::invalid(format!("`delimiter` of {text:?} is not one plain character, such as `;`"))),
    }
}
