//! Typed input: JSON into Rust types, with faults that name the field.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_path_to_error::Segment;

/// Why a JSON document does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFault {
    /// Names and indexes from the root to the place.
    pub place: Vec<String>,
    /// What is wrong there.
    pub message: String,
}

impl InputFault {
    /// The place as a JSON pointer.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.place.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
    }

    /// The place as people write it: `headers.Accept`, `expect[0]`.
    #[must_use]
    pub fn dotted(&self) -> String {
        let mut text = String::new();
        for part in &self.place {
            if part.bytes().all(|byte| byte.is_ascii_digit()) {
                text.push_str(&format!("[{part}]"));
            } else {
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(part);
            }
        }
        text
    }
}

impl fmt::Display for InputFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "`{}`: {}", self.dotted(), self.message)
        }
    }
}

/// Reads a JSON document as `T`.
///
/// # Errors
/// The first place where it does not fit.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, InputFault> {
    let value: Value = serde_json::from_str(json)
        .map_err(|error| InputFault { place: Vec::new(), message: format!("this is not JSON: {error}") })?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = error.path().iter().filter_map(name).collect();
        InputFault { place, message: error.into_inner().to_string() }
    })
}

fn name(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

/// A number or truth value that may also be written as text. A step's `with` often takes one from a reference, and
/// what a reference gives is text: `timeout_sec: ${params.timeout}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lenient<T>(pub T);

impl<'de, T> Deserialize<'de> for Lenient<T>
where
    T: DeserializeOwned + FromStr,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if let Value::String(text) = &value {
            return text
                .trim()
                .parse()
                .map(Self)
                .map_err(|_| D::Error::custom(format_args!("`{text}` is not a {}", short_name::<T>())));
        }
        T::deserialize(value).map(Self).map_err(D::Error::custom)
    }
}

fn short_name<T>() -> &'static str {
    match std::any::type_name::<T>() {
        "bool" => "truth value: write true or false",
        "u16" | "u32" | "u64" | "usize" => "whole number from 0",
        _ => "number",
    }
}

impl<T: JsonSchema> JsonSchema for Lenient<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        expect: Vec<u16>,
        timeout_sec: Option<Lenient<u32>>,
        silent: Option<Lenient<bool>>,
    }

    fn fault(json: &str) -> String {
        parse::<Input>(json).expect_err("the input is faulty").to_string()
    }

    #[test]
    fn a_fault_names_its_place() {
        assert_eq!(
            fault(r#"{"headers":{"Accept":3}}"#),
            "`headers.Accept`: invalid type: integer `3`, expected a string"
        );
        assert_eq!(fault(r#"{"expect":[200,"x"]}"#), "`expect[1]`: invalid type: string \"x\", expected u16");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_known_ones() {
        assert!(fault(r#"{"header":{}}"#).contains("unknown field `header`, expected one of `headers`"));
    }

    #[test]
    fn text_that_is_no_json_is_said_to_be_none() {
        assert!(fault("{").starts_with("this is not JSON: "));
    }

    #[test]
    fn scalars_may_come_as_text() {
        let input: Input = parse(r#"{"timeout_sec":" 30 ","silent":"true"}"#).expect("text is taken");
        assert_eq!((input.timeout_sec, input.silent), (Some(Lenient(30)), Some(Lenient(true))));
        let input: Input = parse(r#"{"timeout_sec":5,"headers":{"a":"b"},"expect":[1]}"#).expect("numbers are taken");
        assert_eq!((input.timeout_sec, input.headers.len(), input.expect), (Some(Lenient(5)), 1, vec![1]));
        assert_eq!(fault(r#"{"timeout_sec":"soon"}"#), "`timeout_sec`: `soon` is not a whole number from 0");
    }

    #[test]
    fn pointers_escape_what_they_must() {
        let fault = InputFault { place: vec!["a/b".into(), "~".into(), "0".into()], message: String::new() };
        assert_eq!(fault.pointer(), "/a~1b/~0/0");
        assert_eq!(fault.dotted(), "a/b.~[0]");
    }
}
