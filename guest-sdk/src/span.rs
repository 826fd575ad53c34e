//! Lengths of time as documents write them: `500ms`, `30s`, `1h30m`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Units and how many milliseconds each has; a longer name stands before one that it begins with.
const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// A length of time of at least a millisecond, in milliseconds; at most 49 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u32);

impl Span {
    /// Whole numbers with their units, one after the other: `1m30s`. A day has 24 hours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut all: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (count, behind) = rest.split_at(digits);
            let (name, unit) = UNITS.into_iter().find(|(name, _)| behind.starts_with(name))?;
            all = all.checked_add(count.parse::<u64>().ok()?.checked_mul(unit)?)?;
            rest = behind.strip_prefix(name)?;
        }
        u32::try_from(all).ok().filter(|ms| *ms > 0).map(Self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || format!("`{text}` is not a length of time: write one such as `500ms`, `30s` or `1h30m`");
        Self::parse(&text).ok_or_else(|| D::Error::custom(wrong()))
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        let table = [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            (" 1m30s ", Some(90_000)),
            ("1h", Some(3_600_000)),
            ("1d12h", Some(129_600_000)),
            ("2w", Some(1_209_600_000)),
            ("0s", None),
            ("", None),
            ("30", None),
            ("s", None),
            ("-1s", None),
            ("1y", None),
            ("50d", None),
            ("99999999999999999999s", None),
        ];
        for (text, wanted) in table {
            assert_eq!(Span::parse(text), wanted.map(Span), "{text:?}");
        }
    }
}
