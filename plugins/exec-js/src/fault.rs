//! A script's errors, as one sentence with their place.

use std::fmt;

use boa_engine::builtins::error::Error as ErrorObject;
use boa_engine::error::{EngineError, RuntimeLimitError};
use boa_engine::parser::Error as ParseError;
use boa_engine::parser::lexer::error::Error as LexError;
use boa_engine::{Context, JsError, JsValue};
use pintle_guest::prelude::*;

use crate::engine::{CALL_DEPTH, SOURCE};
use crate::globals::console;
use crate::text::Text;

/// A place in the author's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Line and column, from 1.
    At(u32, u32),
    /// Behind the last character.
    End,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(line, column) => write!(f, "line {line}, column {column}"),
            Self::End => f.write_str("its end"),
        }
    }
}

/// A text that cannot be parsed.
#[derive(Debug)]
pub(crate) struct Faulty {
    /// Where parsing ended.
    pub(crate) place: Place,
    words: String,
}

impl Faulty {
    /// The fault of a text.
    pub(crate) fn of(error: &ParseError, text: &Text<'_>) -> Self {
        let position = match error {
            ParseError::Expected { span, .. } | ParseError::Unexpected { span, .. } => Some(span.start()),
            ParseError::General { position, .. } | ParseError::Lex { err: LexError::Syntax(_, position) } => {
                Some(*position)
            }
            ParseError::AbruptEnd | ParseError::ScopeAnalysis { .. } | ParseError::Lex { err: LexError::IO(_) } => None,
        };
        let place = position.and_then(|position| text.place(position.line_number(), position.column_number()));
        Self { place: place.unwrap_or(Place::End), words: error.to_string() }
    }

    /// The fault for people.
    pub(crate) fn told(self) -> Error {
        // The parser's own words end with the place.
        let words = self.words.rsplit_once(" at line ").map_or(self.words.as_str(), |(words, _)| words);
        Error::invalid(match self.place {
            Place::At(..) => format!("the script is faulty at {}: {words}", self.place),
            Place::End => format!(
                "the script is faulty at {}: a bracket, a quote or a comment is not closed, or closed once too often",
                self.place
            ),
        })
    }
}

/// An error that a script threw, or ran into.
pub(crate) fn of_script(what: &str, error: &JsError, text: &Text<'_>, context: &mut Context) -> Error {
    let words = words(error, context);
    let place = match words.strip_prefix("ReferenceError: ").and_then(|words| words.strip_suffix(" is not defined")) {
        // Of a name that is nowhere defined the interpreter knows the function at best; any use of it is a place to mend.
        Some(name) => text.first_use(name).map(|place| format!(" at {place}")),
        None => place(error, text).map(|place| match text.begins_block(place) && !is_data(error) {
            // Of an operator, too; then it names the function's body.
            true => format!(" in the function at {place}"),
            false => format!(" at {place}"),
        }),
    };
    Error::failed(format!("{what}{}: {words}", place.unwrap_or_default()))
}

/// The interpreter could not be made ready: no fault of the script.
pub(crate) fn of_setup(error: &JsError) -> Error {
    Error::failed(format!("the interpreter could not be made ready: {error}"))
}

/// The innermost place in the script itself. The interpreter tells it in words alone:
/// `at name (script:3:7)`, the innermost first.
fn place(error: &JsError, text: &Text<'_>) -> Option<Place> {
    let told = error.to_string();
    let frames = told.lines().filter_map(|line| line.strip_prefix("    at ")?.strip_suffix(')')?.rsplit_once('('));
    let mut places = frames.filter_map(|(_, place)| place.strip_prefix(SOURCE)?.strip_prefix(':')?.split_once(':'));
    places.find_map(|(line, column)| text.place(line.parse().ok()?, column.parse().ok()?))
}

/// What went wrong, without its place.
pub(crate) fn words(error: &JsError, context: &mut Context) -> String {
    if let Some(engine) = error.as_engine() {
        return match limit(engine) {
            Some(RuntimeLimitError::Recursion | RuntimeLimitError::StackSize) => {
                format!("functions call each other deeper than {CALL_DEPTH} levels")
            }
            Some(RuntimeLimitError::LoopIteration) | None => format!("the interpreter gave up: {engine}"),
        };
    }
    if let Some(native) = error.as_native() {
        return format!("{}: {}", native.kind(), native.message());
    }
    let value = error.as_opaque().cloned().unwrap_or_default();
    match (value.as_string(), is_error(&value)) {
        (Some(text), _) => text.to_std_string_lossy(),
        (None, true) => text_of(&value, context),
        (None, false) => console::shown(&value, context),
    }
}

/// The limit that an engine ran into; also where it meant that it could not.
fn limit(engine: &EngineError) -> Option<RuntimeLimitError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(engine);
    while let Some(error) = cause {
        if let Some(limit) = error.downcast_ref::<RuntimeLimitError>() {
            return Some(*limit);
        }
        cause = error.source();
    }
    None
}

/// Whether what was thrown is no error, but any other value.
fn is_data(error: &JsError) -> bool {
    error.as_opaque().is_some_and(|value| !is_error(value))
}

/// Whether a value is an error.
pub(crate) fn is_error(value: &JsValue) -> bool {
    value.as_object().is_some_and(|object| object.is::<ErrorObject>())
}

/// `TypeError: x is not a function`; a class of the script's own may say it in its own words, or fail at it.
pub(crate) fn text_of(error: &JsValue, context: &mut Context) -> String {
    match error.to_string(context) {
        Ok(text) => text.to_std_string_lossy(),
        Err(_) => error.display().to_string(),
    }
}
