//! `${NAME:-word}` and its kin, as POSIX has them; nothing is assigned and nothing is run.

mod trim;

use super::{EvalError, Expanded, Field, Scope, Walk, expand};
use crate::limits::MAX_EXPANSION_DEPTH;
use trim::trim;

pub(super) enum Operated {
    Value(String),
    /// Not an operation after all, or on a variable that is not set: it stays as written.
    Literal,
    NeedsAssignment,
}

/// Performs what stands between the braces.
pub(super) fn operate(body: &str, scope: &Scope<'_>, walk: Walk<'_>) -> Result<Operated, EvalError> {
    if walk.depth >= MAX_EXPANSION_DEPTH {
        return Ok(Operated::Literal);
    }
    if let Some(name) = body.strip_prefix('#') {
        let Some(value) = look_up(scope, name) else { return Ok(Operated::Literal) };
        walk.spend(value.len())?;
        return Ok(Operated::Value(value.chars().count().to_string()));
    }
    let end = body.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'_')).unwrap_or(body.len());
    let (name, operation) = body.split_at(end);
    let value = look_up(scope, name);
    let operator = operator_of(operation);
    walk.spend(body.len() + value.map_or(0, str::len))?;
    let word = |word| expand(word, scope, Field::Expanded, walk.deeper());
    let unless = |unset: bool, value: Option<&str>, text| match value.filter(|_| !unset) {
        Some(value) => Ok(Operated::Value(value.to_owned())),
        None => word(text).map(operated),
    };
    let empty = value.is_none_or(str::is_empty);
    match operator {
        ":-" => unless(empty, value, word_of(operation, 2)),
        "-" => unless(value.is_none(), value, word_of(operation, 1)),
        ":+" | "+" => {
            let absent = if operator == ":+" { empty } else { value.is_none() };
            if absent {
                Ok(Operated::Value(String::new()))
            } else {
                word(word_of(operation, operator.len())).map(operated)
            }
        }
        ":=" | "=" => {
            let absent = if operator == ":=" { empty } else { value.is_none() };
            let kept = value.filter(|_| !absent).map(|value| Operated::Value(value.to_owned()));
            Ok(kept.unwrap_or(Operated::NeedsAssignment))
        }
        "#" | "##" | "%" | "%%" => {
            let pattern = word(word_of(operation, operator.len()))?;
            Ok(match (value, pattern) {
                (Some(value), Expanded::Value(pattern)) => {
                    walk.spend(trim::cost(&pattern))?;
                    trim(value, &pattern, operator).map_or(Operated::Literal, Operated::Value)
                }
                (_, Expanded::NeedsAssignment) => Operated::NeedsAssignment,
                (None, Expanded::Value(_)) => Operated::Literal,
            })
        }
        ":" => Ok(value
            .and_then(|value| substring(value, word_of(operation, 1)))
            .map_or(Operated::Literal, Operated::Value)),
        _ => Ok(Operated::Literal),
    }
}

fn operated(expanded: Expanded) -> Operated {
    match expanded {
        Expanded::Value(value) => Operated::Value(value),
        Expanded::NeedsAssignment => Operated::NeedsAssignment,
    }
}

fn look_up<'s>(scope: &'s Scope<'_>, name: &str) -> Option<&'s str> {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return scope.positional(name);
    }
    scope.variable(name)
}

fn operator_of(operation: &str) -> &'static str {
    const OPERATORS: [&str; 11] = [":-", ":+", ":=", "##", "%%", "-", "+", "=", "#", "%", ":"];
    OPERATORS.into_iter().find(|operator| operation.starts_with(operator)).unwrap_or_default()
}

fn word_of(operation: &str, operator: usize) -> &str {
    operation.get(operator..).unwrap_or_default()
}

/// `offset` or `offset:length`, in characters; negative ones count from the end.
fn substring(value: &str, word: &str) -> Option<String> {
    let (offset, length) = match word.split_once(':') {
        Some((offset, length)) => (offset, Some(length)),
        None => (word, None),
    };
    let count = i64::try_from(value.chars().count()).ok()?;
    let number = |text: &str| text.trim().parse::<i64>().ok();
    let offset = number(offset)?;
    let start = if offset < 0 { count.checked_add(offset)? } else { offset.min(count) };
    if start < 0 {
        return Some(String::new());
    }
    let end = match length.map(number) {
        None => count,
        Some(length) => {
            let length = length?;
            let end = if length < 0 { count.checked_add(length)? } else { start.saturating_add(length) };
            end.min(count)
        }
    };
    let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
    (start <= end).then(|| value.chars().skip(start).take(end - start).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_in_characters() {
        let table = [
            ("hello", "1", Some("ello")),
            ("hello", "1:3", Some("ell")),
            ("hello", " -3", Some("llo")),
            ("hello", " -3:2", Some("ll")),
            ("hello", "1:-1", Some("ell")),
            ("hello", "9", Some("")),
            ("hello", "0:99", Some("hello")),
            ("hello", "4:-3", None),
            ("hello", "x", None),
            ("hällo", "1:1", Some("ä")),
            ("hello", "-9", Some("")),
        ];
        for (value, word, wanted) in table {
            assert_eq!(substring(value, word).as_deref(), wanted, "${{{value}:{word}}}");
        }
    }
}
