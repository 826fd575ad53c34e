//! JSON and SQL, value by value.
//!
//! | JSON | SQL | and back |
//! |---|---|---|
//! | null | NULL | null |
//! | true, false | 1, 0 | 1, 0 |
//! | a whole number of 64 bits | INTEGER, exactly | the same |
//! | any other number | REAL | the shortest that reads back the same; infinite: "Infinity", "-Infinity" |
//! | text | TEXT | the same |
//! | `{"base64": "..."}` | BLOB | its base64, as text |
//! | a list, any other object | TEXT: JSON, for SQLite's own functions | that text |

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::{Value as Sql, ValueRef};
use serde_json::Value;

/// The key of an object that stands for bytes.
const BASE64: &str = "base64";

/// A value for SQL.
pub(super) fn sql(value: &Value) -> Result<Sql, String> {
    Ok(match value {
        Value::Null => Sql::Null,
        Value::Bool(truth) => Sql::Integer(i64::from(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), ..) => Sql::Integer(whole),
            (None, Some(large), _) => {
                return Err(format!(
                    "{large} is beyond SQLite's integers, which end at {}; write it as text",
                    i64::MAX
                ));
            }
            (None, None, Some(real)) => Sql::Real(real),
            (None, None, None) => return Err(format!("{number} is no number that SQLite can hold")),
        },
        Value::String(text) => Sql::Text(text.clone()),
        Value::Object(object) if object.len() == 1 && object.get(BASE64).is_some_and(Value::is_string) => {
            let text = object.get(BASE64).and_then(Value::as_str).unwrap_or_default();
            Sql::Blob(STANDARD.decode(text).map_err(|error| format!("`base64` cannot be read: {error}"))?)
        }
        Value::Array(_) | Value::Object(_) => Sql::Text(value.to_string()),
    })
}

/// Text that is not UTF-8: what to say of it.
pub(super) const NOT_TEXT: &str = "is text that is not UTF-8; `hex(...)` or `CAST(... AS BLOB)` makes it readable";

/// Writes a value as JSON.
pub(super) fn json(value: ValueRef<'_>, into: &mut Vec<u8>) -> Result<(), &'static str> {
    let written = match value {
        ValueRef::Null => serde_json::to_writer(into, &()),
        ValueRef::Integer(whole) => serde_json::to_writer(into, &whole),
        ValueRef::Real(real) if real.is_finite() => serde_json::to_writer(into, &real),
        ValueRef::Real(real) => serde_json::to_writer(into, infinite(real)),
        ValueRef::Text(text) => serde_json::to_writer(into, std::str::from_utf8(text).map_err(|_| NOT_TEXT)?),
        ValueRef::Blob(bytes) => serde_json::to_writer(into, &STANDARD.encode(bytes)),
    };
    written.map_err(|_| "cannot be written as JSON")
}

/// A value as a field of CSV; none is NULL.
pub(super) fn field(value: ValueRef<'_>) -> Result<Option<String>, &'static str> {
    Ok(Some(match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(whole) => whole.to_string(),
        ValueRef::Real(real) if real.is_finite() => Value::from(real).to_string(),
        ValueRef::Real(real) => infinite(real).to_owned(),
        ValueRef::Text(text) => std::str::from_utf8(text).map_err(|_| NOT_TEXT)?.to_owned(),
        ValueRef::Blob(bytes) => STANDARD.encode(bytes),
    }))
}

fn infinite(real: f64) -> &'static str {
    if real < 0.0 { "-Infinity" } else { "Infinity" }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn there_and_back(json: &str) -> (Sql, String, Option<String>) {
        let there = sql(&serde_json::from_str(json).unwrap()).unwrap();
        let mut back = Vec::new();
        super::json((&there).into(), &mut back).unwrap();
        let field = field((&there).into()).unwrap();
        (there, String::from_utf8(back).unwrap(), field)
    }

    #[test]
    fn values_go_there_and_back_as_the_table_says() {
        let text = |text: &str| Sql::Text(text.to_owned());
        for (json, wanted, back, csv) in [
            ("null", Sql::Null, "null", None),
            ("true", Sql::Integer(1), "1", Some("1")),
            ("9223372036854775807", Sql::Integer(i64::MAX), "9223372036854775807", Some("9223372036854775807")),
            ("-9223372036854775808", Sql::Integer(i64::MIN), "-9223372036854775808", Some("-9223372036854775808")),
            ("0.1", Sql::Real(0.1), "0.1", Some("0.1")),
            ("2.0", Sql::Real(2.0), "2.0", Some("2.0")),
            ("1e300", Sql::Real(1e300), "1e+300", Some("1e+300")),
            (r#""it's \"ä\"""#, text("it's \"ä\""), r#""it's \"ä\"""#, Some("it's \"ä\"")),
            (r#"{"base64":"AP8="}"#, Sql::Blob(vec![0, 255]), r#""AP8=""#, Some("AP8=")),
            (r#"{"base64":1}"#, text(r#"{"base64":1}"#), r#""{\"base64\":1}""#, Some(r#"{"base64":1}"#)),
            (r#"[1,"a"]"#, text(r#"[1,"a"]"#), r#""[1,\"a\"]""#, Some(r#"[1,"a"]"#)),
        ] {
            let (there, json_back, field) = there_and_back(json);
            assert_eq!((there, json_back.as_str(), field.as_deref()), (wanted, back, csv), "{json}");
        }
    }

    #[test]
    fn what_cannot_be_held_is_told() {
        assert!(sql(&Value::from(u64::MAX)).unwrap_err().contains("beyond SQLite's integers"));
        assert!(sql(&serde_json::json!({"base64": "?"})).unwrap_err().contains("cannot be read"));
        assert_eq!(json(ValueRef::Text(b"\xff"), &mut Vec::new()), Err(NOT_TEXT));
        assert_eq!(field(ValueRef::Text(b"\xff")), Err(NOT_TEXT));
        let mut into = Vec::new();
        json(ValueRef::Real(f64::NEG_INFINITY), &mut into).unwrap();
        assert_eq!(into, br#""-Infinity""#);
    }
}
