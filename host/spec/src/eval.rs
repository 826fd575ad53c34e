//! Evaluating text: one evaluator, one pass, no I/O.
//!
//! The danger is the value: it may hold anything, references and shell text included. The rule: only what the author
//! wrote is read for references, never what a reference stood for; nothing is quoted and nothing is run. What needs a
//! process ([`Substitution`]) is handed out as a request. A reference that leads nowhere stays as it is written.
//!
//! | written | means | where |
//! |---|---|---|
//! | `${params.x}`, `${consts.x}`, `${env.X}`, `${steps.ID.outputs.x}`, `${context.run.id}` | the value | everywhere |
//! | `${ITEM}`, `${ITEM.x}`, `${foreach.key}`, `${foreach.item.x}` | of an item that is fanned out | in that item |
//! | `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME%.*}`, ... | a variable, as POSIX has it | [`Field::Expanded`] |
//! | `\$` | a dollar sign | [`Field::Expanded`]; in [`Field::Shell`] the backslash is the shell's |

mod item;
mod json;
mod lex;
mod posix;
mod scope;
mod substitution;

pub use item::{Fan, ItemFacts};
pub use json::resolve_json;
pub use scope::{
    Outer, PushBackFact, PushBackFacts, RunFacts, RunScope, Scope, StepFacts, StepValues, instant, is_managed,
};
pub use substitution::{Substitution, SubstitutionError};

use std::borrow::Cow;
use std::cell::Cell;

use pintle_core::plan::Template;

use crate::limits::MAX_VALUE_BYTES;
pub(crate) use json::{resolve_json_typed, resolve_typed};
pub(crate) use lex::{Piece, pieces};
pub(crate) use scope::{CONTEXT_FIELDS, depends_on, is_of_try};

/// Who else reads a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Nobody: `$NAME` is expanded here (`env`, `working_dir`, `with`, paths, values of conditions).
    Expanded,
    /// A shell: `$NAME` is the shell's (`run`, commands of conditions).
    Shell,
}

/// Why a text has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// References to large values multiply.
    #[error("the value would be longer than {MAX_VALUE_BYTES} bytes; refer to files instead of large outputs")]
    TooLarge,
    /// Operators on large values multiply.
    #[error("the text takes too much work to evaluate; use fewer `${{NAME...}}` on large values, or a step of its own")]
    TooMuchWork,
    /// The plan holds JSON that is none.
    #[error("the step's input is not JSON: {0}; submit the DAG again")]
    NotJson(String),
}

/// The value of a text in a scope.
pub fn resolve(template: &Template, scope: &Scope<'_>, field: Field) -> Result<String, EvalError> {
    scope.intact()?;
    let text = template.0.as_str();
    if !text.contains('$') {
        return Ok(text.to_owned());
    }
    let given = scope.work_left();
    let left = Cell::new(given);
    let value = match expand(text, scope, field, Walk { depth: 0, left: &left })? {
        Expanded::Value(value) => value,
        Expanded::NeedsAssignment => text.to_owned(),
    };
    scope.spend(given - left.get() + value.len())?;
    Ok(value)
}

/// Whether a text holds anything that [`resolve`] might replace in an expanded field.
pub(crate) fn holds_reference(text: &str) -> bool {
    pieces(text).any(|piece| !matches!(piece, Piece::Text(_) | Piece::Escaped(_)))
}

/// What an expansion came to.
enum Expanded {
    Value(String),
    /// `${X:=word}` of a variable that is not set: nothing assigns here, so the whole field stays as it is.
    NeedsAssignment,
}

/// How deep an expansion is, and how much work it may still do. One text of a mebibyte may hold a hundred thousand
/// operators, and each may look at a value of a mebibyte.
#[derive(Debug, Clone, Copy)]
struct Walk<'w> {
    depth: usize,
    left: &'w Cell<usize>,
}

impl Walk<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// `bytes` are looked at.
    fn spend(self, bytes: usize) -> Result<(), EvalError> {
        self.left.set(self.left.get().checked_sub(bytes).ok_or(EvalError::TooMuchWork)?);
        Ok(())
    }
}

fn expand(text: &str, scope: &Scope<'_>, field: Field, walk: Walk<'_>) -> Result<Expanded, EvalError> {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Escaped(whole) if field == Field::Expanded => push_unescaped(whole, &mut out),
            Piece::Escaped(whole) => out.push_str(whole),
            Piece::Qualified { whole, path } => {
                walk.spend(scope.taken_apart(path))?;
                match scope.qualified(path) {
                    Some(value) => out.push_str(&value),
                    None => out.push_str(whole),
                }
            }
            Piece::Variable { whole, name } => match variable(scope, whole, name, field) {
                Some(value) => out.push_str(&value),
                None => out.push_str(whole),
            },
            Piece::Operation { whole, .. } if field == Field::Shell => out.push_str(whole),
            Piece::Operation { whole, body } => match posix::operate(body, scope, walk)? {
                posix::Operated::Value(value) => out.push_str(&value),
                posix::Operated::Literal => out.push_str(whole),
                posix::Operated::NeedsAssignment => return Ok(Expanded::NeedsAssignment),
            },
        }
        if out.len() > MAX_VALUE_BYTES {
            return Err(EvalError::TooLarge);
        }
    }
    Ok(Expanded::Value(out))
}

/// Two backslashes before a reference are one; one that is left takes the meaning of the `$`.
fn push_unescaped(whole: &str, out: &mut String) {
    let slashes = whole.trim_end_matches('$').len();
    out.extend(std::iter::repeat_n('\\', slashes / 2));
    if whole.ends_with('$') {
        out.push('$');
    }
}

/// `$NAME`, or a positional `$1`; the latter also in text for a shell, which was given no arguments of its own. So is
/// `${ITEM}` where an item is fanned out.
fn variable<'s>(scope: &'s Scope<'_>, whole: &str, name: &str, field: Field) -> Option<Cow<'s, str>> {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return scope.positional(name).map(Cow::Borrowed);
    }
    if let Some(item) = scope.item(name).filter(|_| whole.starts_with("${")) {
        return Some(item);
    }
    (field == Field::Expanded).then(|| scope.variable(name)).flatten().map(Cow::Borrowed)
}

#[cfg(test)]
mod tests;
