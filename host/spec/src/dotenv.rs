//! Files of `NAME=value` lines. Parsed here because nothing but the text may decide: no process environment is read.

use pintle_core::plan::Template;

use crate::limits::MAX_DOTENV_BYTES;
use crate::words::is_name;

/// Why a file of variables cannot be read. The value is not in it: it may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DotenvError {
    /// More than is read.
    #[error("the file has more than {MAX_DOTENV_BYTES} bytes; keep only variables in it")]
    TooLarge,
    /// A line that sets nothing.
    #[error("line {0} sets no variable; write `NAME=value`, or put `#` before it")]
    Shape(usize),
    /// A quote without an end.
    #[error("the quote opened in line {0} is never closed; close it")]
    Open(usize),
    /// Text behind a quoted value.
    #[error("line {0} goes on behind the closing quote; put the whole value in quotes, or `#` before a remark")]
    Trailing(usize),
}

/// The variables in order. References in a value are evaluated when the run's environment is made; in single quotes a
/// `$` is only a `$`.
pub fn parse_dotenv(text: &str) -> Result<Vec<(String, Template)>, DotenvError> {
    if text.len() > MAX_DOTENV_BYTES {
        return Err(DotenvError::TooLarge);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = Vec::new();
    let mut rest = text;
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let (content, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let entry = content.trim();
        if entry.is_empty() || entry.starts_with('#') {
            rest = after;
            continue;
        }
        let entry = entry.strip_prefix("export ").map_or(entry, str::trim_start);
        let (name, value) = entry.split_once('=').ok_or(DotenvError::Shape(line))?;
        let name = name.trim();
        if !is_name(name) {
            return Err(DotenvError::Shape(line));
        }
        let value = value.trim_start();
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            variables.push((name.to_owned(), Template(bare(value).to_owned())));
            rest = after;
            continue;
        };
        // A quoted value may go on over line breaks: look for its end in all that follows.
        let opened = content.find(quote).map_or(content.len(), |at| at + quote.len_utf8());
        let inner = rest.get(opened..).unwrap_or_default();
        let (value, length) = quoted(inner, quote).ok_or(DotenvError::Open(line))?;
        let consumed = inner.get(..length).unwrap_or_default();
        let tail = inner.get(length..).unwrap_or_default();
        let (remark, after) = tail.split_once('\n').unwrap_or((tail, ""));
        line += consumed.matches('\n').count();
        if !remark.trim().is_empty() && !remark.trim_start().starts_with('#') {
            return Err(DotenvError::Trailing(line));
        }
        variables.push((name.to_owned(), Template(value)));
        rest = after;
    }
    Ok(variables)
}

/// An unquoted value ends before ` #`.
fn bare(value: &str) -> &str {
    if value.starts_with('#') {
        return "";
    }
    let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
    value.get(..end).unwrap_or(value).trim_end()
}

/// The value up to the closing quote, and how many bytes it took with that quote.
fn quoted(inner: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => return Some((value, at + quote.len_utf8())),
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                escaped @ ('"' | '\\') => value.push(escaped),
                // `\$` stays escaped for the evaluator.
                other => value.extend(['\\', other]),
            },
            '$' if quote == '\'' => {
                // As the evaluator has it: its own backslashes doubled, and one that takes the meaning of the `$`.
                let slashes = value.len() - value.trim_end_matches('\\').len();
                value.extend(std::iter::repeat_n('\\', slashes + 1));
                value.push('$');
            }
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_set_variables() {
        let text = "\u{feff}# remark\n\nA=1\nexport B = two words # remark\nC='x $Y \"z\"'\nD=\"a\\n\\\"b\\\" \\$E\" # end\nF=\nG=a#b\nH=\"one\ntwo\"\nI=$A/x\r\nJ=#none\n";
        let got = parse_dotenv(text)
            .map(|all| all.into_iter().map(|(name, value)| format!("{name}|{}", value.0)).collect::<Vec<_>>());
        let wanted =
            ["A|1", "B|two words", r#"C|x \$Y "z""#, "D|a\n\"b\" \\$E", "F|", "G|a#b", "H|one\ntwo", "I|$A/x", "J|"];
        assert_eq!(got, Ok(wanted.map(str::to_owned).to_vec()));
    }

    #[test]
    fn faults_name_their_line() {
        assert_eq!(parse_dotenv("A=1\nnothing\n"), Err(DotenvError::Shape(2)));
        assert_eq!(parse_dotenv("1A=1"), Err(DotenvError::Shape(1)));
        assert_eq!(parse_dotenv("A=1\nB='x\ny"), Err(DotenvError::Open(2)));
        assert_eq!(parse_dotenv("A='x\ny' z"), Err(DotenvError::Trailing(2)));
        let said = parse_dotenv("A='x\ny' z").map_err(|error| error.to_string());
        let wanted = "line 2 goes on behind the closing quote; put the whole value in quotes, or `#` before a remark";
        assert_eq!(said, Err(wanted.to_owned()));
    }
}
