//! `#`, `##`, `%` and `%%`: taking a shell pattern from one end of a value.
//!
//! A pattern becomes a regular expression that is matched at the beginning, so the time is linear in the value; from the
//! end, value and pattern are both read backwards.

use regex::RegexBuilder;

use crate::limits::MAX_PATTERN_BYTES;

/// Bytes that the compiled form of a pattern may take.
const MAX_COMPILED: usize = 1 << 20;

/// What making an expression of a pattern costs beside looking at the value, in bytes of [`super::Walk::spend`].
pub(super) fn cost(pattern: &str) -> usize {
    if is_plain(pattern) { pattern.len() } else { 4096 + 64 * pattern.len().min(MAX_PATTERN_BYTES) }
}

/// The value without the shortest or longest match of the pattern. None: no pattern that can be matched.
pub(super) fn trim(value: &str, pattern: &str, operator: &str) -> Option<String> {
    let (suffix, shortest) = (operator.starts_with('%'), operator.len() == 1);
    if is_plain(pattern) {
        let kept = if suffix { value.strip_suffix(pattern) } else { value.strip_prefix(pattern) };
        return Some(kept.unwrap_or(value).to_owned());
    }
    if pattern.len() > MAX_PATTERN_BYTES {
        return None;
    }
    let mut parts = glob(pattern, shortest);
    if suffix {
        parts.reverse();
    }
    let expression = format!("(?s)^(?:{})", parts.concat());
    let expression = RegexBuilder::new(&expression).size_limit(MAX_COMPILED).build().ok()?;
    if !suffix {
        let end = expression.find(value).map_or(0, |found| found.end());
        return value.get(end..).map(str::to_owned);
    }
    let backwards: String = value.chars().rev().collect();
    let taken = expression.find(&backwards).map_or(0, |found| found.end());
    value.get(..value.len().checked_sub(taken)?).map(str::to_owned)
}

fn is_plain(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '[', '\\'])
}

/// A shell pattern as a regular expression, one string for each of its parts.
fn glob(pattern: &str, shortest: bool) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        parts.push(match c {
            '*' => if shortest { ".*?" } else { ".*" }.to_owned(),
            '?' => ".".to_owned(),
            '\\' => {
                let next = rest.get(taken..).and_then(|rest| rest.chars().next());
                taken += next.map_or(0, char::len_utf8);
                literal(next.unwrap_or('\\'))
            }
            '[' => match class(rest) {
                Some((set, len)) => {
                    taken = len;
                    set
                }
                None => literal('['),
            },
            _ => literal(c),
        });
        rest = rest.get(taken..).unwrap_or_default();
    }
    parts
}

fn literal(c: char) -> String {
    regex::escape(c.encode_utf8(&mut [0; 4]))
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
    fn a_pattern_that_is_too_long_is_none() {
        assert_eq!(trim("xa", &"?".repeat(MAX_PATTERN_BYTES + 1), "#"), None);
        assert_eq!(trim("xa", &"x".repeat(MAX_PATTERN_BYTES + 1), "#").as_deref(), Some("xa"));
    }
}
