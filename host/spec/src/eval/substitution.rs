//! Command substitution in `eval:` text: found here, run by whoever may run things.
//!
//! The danger is a value that looks like a command. The rule: only what the author wrote is read for commands. The text
//! is cut at its commands before any reference in it is replaced, so a `$(...)` that a reference brings stays text.
//! Within a command the references are replaced as in `run`: without quotes, and `$NAME` is left to the shell.

use std::fmt::Write as _;

use pintle_core::plan::Template;

use super::{EvalError, Field, Scope, resolve};

/// Stands before and after a command's number while the text around it is evaluated. No variable and no argument can
/// hold it, and where an output does, it can at most place a command that its author wrote here.
const MARK: char = '\0';

/// Text with commands in it: `$(cmd)` or `` `cmd` ``, not within each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substitution {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Command(String),
}

/// The text is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubstitutionError {
    /// No end to a command.
    #[error("a command opened with `{0}` is never closed; close it")]
    Open(&'static str),
    /// Cannot be given to a program.
    #[error("the text holds a NUL character; remove it")]
    Nul,
}

impl Substitution {
    /// Cuts the text at its commands.
    pub fn parse(text: &str) -> Result<Self, SubstitutionError> {
        if text.contains(MARK) {
            return Err(SubstitutionError::Nul);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = next_command(rest) {
            let (before, tail) = rest.split_at(at);
            let (command, after) = match tail.strip_prefix("$(") {
                Some(inner) => {
                    let end = closing(inner).ok_or(SubstitutionError::Open("$("))?;
                    (inner.get(..end), inner.get(end + 1..))
                }
                None => {
                    let inner = tail.get(1..).unwrap_or_default();
                    let end = inner.find('`').ok_or(SubstitutionError::Open("`"))?;
                    (inner.get(..end), inner.get(end + 1..))
                }
            };
            push_text(&mut parts, before);
            parts.push(Part::Command(command.unwrap_or_default().to_owned()));
            rest = after.unwrap_or_default();
        }
        push_text(&mut parts, rest);
        Ok(Self { parts })
    }

    /// The same with every reference replaced. Text is evaluated as a whole, so that a command may be the default of a
    /// variable: `${DAY:-$(date)}`.
    pub fn resolve(&self, scope: &Scope<'_>) -> Result<Self, EvalError> {
        let (mut marked, mut commands) = (String::new(), Vec::new());
        for part in &self.parts {
            match part {
                Part::Text(text) => marked.push_str(&text.replace("\\`", "`")),
                Part::Command(command) => {
                    // Writing to a String cannot fail.
                    let _ = write!(marked, "{MARK}{}{MARK}", commands.len());
                    commands.push(resolve(&Template(command.clone()), scope, Field::Shell)?);
                }
            }
        }
        let text = resolve(&Template(marked), scope, Field::Expanded)?;
        let mut parts = Vec::new();
        for (place, piece) in text.split(MARK).enumerate() {
            let command = piece.parse::<usize>().ok().filter(|_| place % 2 == 1).and_then(|at| commands.get(at));
            match command {
                Some(command) => parts.push(Part::Command(command.clone())),
                None => push_text(&mut parts, piece),
            }
        }
        Ok(Self { parts })
    }

    /// The text itself, where there is no command in it.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        let text = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Command(_) => None,
        };
        self.parts.iter().map(text).collect()
    }

    /// A command for `sh -c` that prints the value: each command runs in order, the first that fails ends it with its
    /// exit code, and everything else stands in quotes.
    #[must_use]
    pub fn shell_command(&self) -> String {
        let mut runs = String::new();
        let mut print = String::from("printf '%s\\n' ");
        let mut number = 0;
        for part in &self.parts {
            match part {
                Part::Text(text) => print.push_str(&quote(text)),
                Part::Command(command) => {
                    number += 1;
                    // A line break before the parenthesis ends a comment in the command.
                    let separator = if command.contains('#') { "\n" } else { "" };
                    // Writing to a String cannot fail.
                    let _ = write!(runs, "pintle_{number}=$({command}{separator}) || exit $?; ");
                    let _ = write!(print, "\"$pintle_{number}\"");
                }
            }
        }
        runs + &print
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

/// Where the next command begins that no backslash takes its meaning from.
fn next_command(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'`' => return Some(at),
            b'$' if bytes.peek().is_some_and(|(_, next)| *next == b'(') => return Some(at),
            _ => {}
        }
    }
    None
}

/// The parenthesis that ends a command; quotes and inner parentheses are skipped.
fn closing(inner: &str) -> Option<usize> {
    let mut open = 0usize;
    let mut quote: Option<u8> = None;
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (Some(b'\''), b'\'') => quote = None,
            (Some(b'\''), _) => {}
            (_, b'\\') => escaped = true,
            (Some(q), b) if q == b => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(') => open += 1,
            (None, b')') if open == 0 => return Some(at),
            (None, b')') => open -= 1,
            (None, _) => {}
        }
    }
    None
}

/// In single quotes, for a shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_and_the_rest_is_quoted() {
        let table = [
            ("plain", "printf '%s\\n' 'plain'"),
            ("it's", r"printf '%s\n' 'it'\''s'"),
            ("$(date)", "pintle_1=$(date) || exit $?; printf '%s\\n' \"$pintle_1\""),
            (
                "a-`id -u`-$(echo \")\")z",
                "pintle_1=$(id -u) || exit $?; pintle_2=$(echo \")\") || exit $?; \
                 printf '%s\\n' 'a-'\"$pintle_1\"'-'\"$pintle_2\"'z'",
            ),
            (r"\$(no)", r"printf '%s\n' '\$(no)'"),
            ("$(a (b) c)", "pintle_1=$(a (b) c) || exit $?; printf '%s\\n' \"$pintle_1\""),
        ];
        for (text, wanted) in table {
            let command = Substitution::parse(text).map(|parsed| parsed.shell_command());
            assert_eq!(command.as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn open_commands_are_refused() {
        assert_eq!(Substitution::parse("$(date"), Err(SubstitutionError::Open("$(")));
        assert_eq!(Substitution::parse("`date"), Err(SubstitutionError::Open("`")));
        assert_eq!(Substitution::parse("x").map(|parsed| parsed.literal()), Ok(Some("x".to_owned())));
        assert_eq!(Substitution::parse("`x`").map(|parsed| parsed.literal()), Ok(None));
    }
}
