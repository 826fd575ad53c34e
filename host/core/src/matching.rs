//! `expected`: whether a value is what a condition waits for.
//!
//! One rule for preconditions, repeat conditions and probes, wherever they are decided. Expressions are those of the
//! `regex` crate: linear in the text, so that no author can stall the decider.

use regex::{Regex, RegexBuilder};

/// Bytes of a compiled expression: a few characters (`(\w{90}){90}`) can stand for very many.
const COMPILED_BYTES: usize = 512 * 1024;

/// Marks the rest of the text as a regular expression.
pub const EXPRESSION: &str = "re:";

/// The expression behind `re:` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`re:{expression}` is not a regular expression: {reason}")]
pub struct InvalidExpression {
    expression: String,
    reason: String,
}

/// Whether the value, or one of its lines, equals `expected`, or matches the expression after `re:` (anywhere in it,
/// case-sensitively).
pub fn match_expected(value: &str, expected: &str) -> Result<bool, InvalidExpression> {
    match expected.strip_prefix(EXPRESSION) {
        Some(text) => {
            let expression = expression(text)?;
            Ok(value.lines().any(|line| expression.is_match(line)) || expression.is_match(value))
        }
        None => Ok(value == expected || value.lines().any(|line| line == expected)),
    }
}

/// Whether the output holds the wanted text anywhere, or matches the expression after `re:` (`continue_on.output`).
pub fn holds_expected(output: &str, wanted: &str) -> Result<bool, InvalidExpression> {
    match wanted.strip_prefix(EXPRESSION) {
        Some(_) => match_expected(output, wanted),
        None => Ok(output.contains(wanted)),
    }
}

/// Whether `expected` can be read at all; a checker asks before anything runs.
pub fn check_expected(expected: &str) -> Result<(), InvalidExpression> {
    match expected.strip_prefix(EXPRESSION) {
        Some(text) => expression(text).map(|_| ()),
        None => Ok(()),
    }
}

fn expression(text: &str) -> Result<Regex, InvalidExpression> {
    RegexBuilder::new(text)
        .size_limit(COMPILED_BYTES)
        .build()
        .map_err(|error| InvalidExpression { expression: text.to_owned(), reason: last_line(&error.to_string()) })
}

/// The regex crate draws a picture; its last line says what is wrong.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_match_by_line_or_expression() {
        let table = [
            ("ok", "ok", true),
            ("ok\n", "ok", true),
            ("a\r\nok\r\nb", "ok", true),
            ("not ok", "ok", false),
            ("OK", "ok", false),
            ("", "", true),
            ("x", "", false),
            ("x\n\ny", "", true),
            ("a\nb", "a\nb", true),
            ("build-42", "re:[0-9]+", true),
            ("one\n2\nthree", "re:^[0-9]$", true),
            ("one\ntwo", "re:e\nt", true),
            ("ABC", "re:abc", false),
            ("ABC", "re:(?i)abc", true),
            ("anything", "re:", true),
            ("re:x", "re:re:x", true),
        ];
        for (value, expected, met) in table {
            assert_eq!(match_expected(value, expected), Ok(met), "{value:?} against {expected:?}");
        }
    }

    #[test]
    fn outputs_hold_text_anywhere() {
        assert_eq!(holds_expected("disk is full now", "is full"), Ok(true));
        assert_eq!(holds_expected("disk is full now", "is empty"), Ok(false));
        assert_eq!(holds_expected("code 17", "re:code [0-9]+"), Ok(true));
    }

    #[test]
    fn a_bad_expression_is_an_error_and_not_a_miss() {
        let said = match_expected("x", "re:(").map_err(|error| error.to_string());
        assert_eq!(said, Err("`re:(` is not a regular expression: unclosed group".to_owned()));
        assert_eq!(check_expected("re:["), match_expected("", "re:[").map(|_| ()));
        assert_eq!(check_expected("("), Ok(()));
    }
}
