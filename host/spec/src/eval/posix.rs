//! `${NAME:-word}` and its kin, as POSIX has them; nothing is assigned and nothing is run.

use regex::Regex;

use super::{EvalError, Expanded, Field, Scope, expand};
use crate::limits::MAX_EXPANSION_DEPTH;

pub(super) enum Operated {
    Value(String),
    /// Not an operation after all, or on a variable that is not set: it stays as written.
    Literal,
    NeedsAssignment,
}

/// Performs what stands between the braces.
pub(super) fn operate(body: &str, scope: &Scope<'_>, depth: usize) -> Result<Operated, EvalError> {
    if depth >= MAX_EXPANSION_DEPTH {
        return Ok(Operated::Literal);
    }
    if let Some(name) = body.strip_prefix('#') {
        let length = look_up(scope, name).map(|value| value.chars().count().to_string());
        return Ok(length.map_or(Operated::Literal, Operated::Value));
    }
    let end = body.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'_')).unwrap_or(body.len());
    let (name, operation) = body.split_at(end);
    let value = look_up(scope, name);
    let operator = operator_of(operation);
    let word = |word| expand(word, scope, Field::Expanded, depth + 1);
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

/// Takes the shortest or longest match of a shell pattern from one end. Linear: the pattern becomes an expression.
fn trim(value: &str, pattern: &str, operator: &str) -> Option<String> {
    let expression = match operator {
        "#" => format!("(?s)^(?:{})", glob(pattern, true)),
        "##" => format!("(?s)^(?:{})", glob(pattern, false)),
        // The shortest suffix is what the longest beginning leaves.
        "%" => format!("(?s)^(?P<kept>.*)(?:{})$", glob(pattern, true)),
        _ => format!("(?s)^(?P<kept>.*?)(?:{})$", glob(pattern, false)),
    };
    let expression = Regex::new(&expression).ok()?;
    let Some(found) = expression.captures(value) else { return Some(value.to_owned()) };
    if let Some(kept) = found.name("kept") {
        return Some(kept.as_str().to_owned());
    }
    let end = found.get(0).map_or(0, |whole| whole.end());
    value.get(end..).map(str::to_owned)
}

/// A shell pattern as a regular expression.
fn glob(pattern: &str, shortest: bool) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '*' => out.push_str(if shortest { ".*?" } else { ".*" }),
            '?' => out.push('.'),
            '\\' => {
                let next = rest.get(taken..).and_then(|rest| rest.chars().next());
                let literal = next.unwrap_or('\\');
                taken += next.map_or(0, char::len_utf8);
                out.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
            }
            '[' => match class(rest) {
                Some((set, len)) => {
                    taken = len;
                    out.push_str(&set);
                }
                None => out.push_str(r"\["),
            },
            _ => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

/// `[a-z]` or `[!a-z]`, and its length in the pattern.
fn class(rest: &str) -> Option<(String, usize)> {
    let inner = rest.strip_prefix('[')?;
    let (negated, set) = match inner.strip_prefix(['!', '^']) {
        Some(set) => ("^", set),
        None => ("", inner),
    };
    // A bracket that comes first is one of the set.
    let first = set.chars().next().map_or(0, char::len_utf8);
    let end = first + set.get(first..)?.find(']')?;
    let members: String = set.get(..end)?.chars().fold(String::new(), |mut members, c| {
        if matches!(c, '[' | ']' | '\\' | '^' | '&' | '~') {
            members.push('\\');
        }
        members.push(c);
        members
    });
    let len = rest.len() - set.len() + end + 1;
    Some((format!("[{negated}{members}]"), len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_taken_from_either_end() {
        let table = [
            ("a/b/c.tar.gz", "#", "*/", "b/c.tar.gz"),
            ("a/b/c.tar.gz", "##", "*/", "c.tar.gz"),
            ("a/b/c.tar.gz", "%", ".*", "a/b/c.tar"),
            ("a/b/c.tar.gz", "%%", ".*", "a/b/c"),
            ("v1.2", "#", "v", "1.2"),
            ("v1.2", "#", "x", "v1.2"),
            ("x42", "#", "[a-z]", "42"),
            ("x42", "%", "[!a-z]", "x4"),
            ("a+b", "%", "+b", "a"),
            ("a*b", "%", r"\*b", "a"),
            ("äöü", "#", "?", "öü"),
            ("line\nline", "##", "*e", ""),
            ("a[b", "#", "a[", "b"),
            ("]x", "#", "[]]", "x"),
        ];
        for (value, operator, pattern, wanted) in table {
            let got = trim(value, pattern, operator);
            assert_eq!(got.as_deref(), Some(wanted), "${{{value}{operator}{pattern}}}");
        }
    }

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
