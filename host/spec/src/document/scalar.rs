//! Scalars of YAML 1.2: what a plain word means, and what it looked like.

use serde_json::{Number, Value as Json};

/// A scalar with its text as written: `1.10` stays `1.10` where text is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) kind: ScalarKind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ScalarKind {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text,
}

impl Scalar {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: ScalarKind::Text }
    }

    /// A plain (unquoted) scalar, by the core schema.
    pub(crate) fn plain(text: &str) -> Self {
        let kind = match text {
            "" | "~" | "null" | "Null" | "NULL" => ScalarKind::Null,
            "true" | "True" | "TRUE" => ScalarKind::Bool(true),
            "false" | "False" | "FALSE" => ScalarKind::Bool(false),
            _ => number(text).unwrap_or(ScalarKind::Text),
        };
        Self { text: text.to_owned(), kind }
    }

    /// The text where text is wanted; `True` and `true` are one value.
    pub(crate) fn as_text(&self) -> String {
        match self.kind {
            ScalarKind::Bool(value) => value.to_string(),
            ScalarKind::Null => String::new(),
            ScalarKind::Int(_) | ScalarKind::Float(_) | ScalarKind::Text => self.text.clone(),
        }
    }

    pub(crate) fn noun(&self) -> String {
        match self.kind {
            ScalarKind::Null => "an empty value".to_owned(),
            ScalarKind::Bool(value) => format!("`{value}`"),
            ScalarKind::Int(_) | ScalarKind::Float(_) => format!("the number {}", self.text),
            ScalarKind::Text => format!("the text `{}`", shortened(&self.text)),
        }
    }

    /// A JSON value; a number that JSON cannot hold is kept as its text.
    pub(crate) fn to_json(&self) -> Json {
        match self.kind {
            ScalarKind::Null => Json::Null,
            ScalarKind::Bool(value) => Json::Bool(value),
            ScalarKind::Int(value) => i64::try_from(value)
                .map(Number::from)
                .or_else(|_| u64::try_from(value).map(Number::from))
                .map_or_else(|_| Json::String(self.text.clone()), Json::Number),
            ScalarKind::Float(value) => {
                Number::from_f64(value).map_or_else(|| Json::String(self.text.clone()), Json::Number)
            }
            ScalarKind::Text => Json::String(self.text.clone()),
        }
    }
}

/// Enough of a text to recognise it.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= SHOWN && line.len() == text.trim_end().len() {
        return line.to_owned();
    }
    line.chars().take(SHOWN).chain("...".chars()).collect()
}

fn number(text: &str) -> Option<ScalarKind> {
    let radix = |prefix, radix| {
        let digits = text.strip_prefix(prefix)?;
        let plain = digits.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then(|| i128::from_str_radix(digits, radix).ok()).flatten()
    };
    if let Some(value) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(ScalarKind::Int(value));
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let whole = text.parse().ok().map(ScalarKind::Int);
        return whole.or_else(|| text.parse().ok().map(ScalarKind::Float)).filter(|_| !digits.is_empty());
    }
    match digits {
        ".inf" | ".Inf" | ".INF" => {
            let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
            return Some(ScalarKind::Float(f64::INFINITY * sign));
        }
        ".nan" | ".NaN" | ".NAN" => return Some(ScalarKind::Float(f64::NAN)),
        _ => {}
    }
    // Rust also reads `inf`, `nan` and `infinity`, which are words to YAML.
    let shaped = digits.bytes().any(|b| b.is_ascii_digit())
        && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    shaped.then(|| text.parse().ok().map(ScalarKind::Float)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_have_the_types_of_the_core_schema() {
        let table = [
            ("", "null"),
            ("~", "null"),
            ("True", "true"),
            ("yes", "\"yes\""),
            ("on", "\"on\""),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("017", "17"),
            ("-3", "-3"),
            ("+", "\"+\""),
            ("1e3", "1000.0"),
            ("1.10", "1.1"),
            (".5", "0.5"),
            ("1.2.3", "\"1.2.3\""),
            ("2026-01-02", "\"2026-01-02\""),
            (".inf", "\".inf\""),
            ("infinity", "\"infinity\""),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "\"18446744073709551616\""),
            ("1_000", "\"1_000\""),
        ];
        for (text, json) in table {
            assert_eq!(Scalar::plain(text).to_json().to_string(), json, "{text}");
        }
        assert_eq!(Scalar::plain("1.10").as_text(), "1.10");
    }

    #[test]
    fn long_text_is_shortened_in_sentences() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened("first\nsecond"), "first...");
        assert_eq!(shortened(&"x".repeat(50)), format!("{}...", "x".repeat(40)));
    }
}
