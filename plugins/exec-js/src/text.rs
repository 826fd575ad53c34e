//! A script's text, and how it is to be run.
//!
//! A script whose last expression is its result is JavaScript's own notion of a script; `return` and `await` belong into
//! functions. Both are wanted at the top of a step's script, so a text that is no script by itself becomes the body of an
//! async function.

use std::borrow::Cow;
use std::ops::ControlFlow;

use boa_engine::ast::expression::{Expression, Identifier};
use boa_engine::ast::scope::Scope;
use boa_engine::ast::statement::Statement;
use boa_engine::ast::visitor::Visitor;
use boa_engine::ast::{Position, Script, Spanned, StatementListItem};
use boa_engine::interner::{Interner, ToInternedString};
use boa_engine::parser::{Error as ParseError, Parser, Source};
use pintle_guest::prelude::*;

use crate::fault::{Faulty, Place};

/// How a text is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// As it is: its result is the value of its last expression.
    Script,
    /// As the body of an async function: its result is what it returns.
    Body,
}

/// A text that can be run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'t> {
    written: &'t str,
    shape: Shape,
}

impl<'t> Text<'t> {
    /// Finds how a text is to be run. The error of one that cannot be names the place that no reading could pass.
    pub(crate) fn of(written: &'t str) -> Result<Self, Error> {
        let [script, body] = [Shape::Script, Shape::Body].map(|shape| Self { written, shape });
        let as_script = script.parse();
        match &as_script {
            Ok(parsed) if parsed.first_use("await").is_none() => return Ok(script),
            // A script all the same, and one that breaks a rule: as a body it might get by, and would not mean more.
            Err(error @ (ParseError::General { .. } | ParseError::ScopeAnalysis { .. })) => {
                return Err(Faulty::of(error, &script).told());
            }
            Ok(_) | Err(_) => {}
        }
        match (as_script, body.parse()) {
            (_, Ok(parsed)) if parsed.is_one_call() => Ok(body),
            (Ok(_), _) => Ok(script),
            (Err(error), Ok(_)) => Err(Faulty::of(&error, &script).told()),
            (Err(as_script), Err(as_body)) => {
                let (as_script, as_body) = (Faulty::of(&as_script, &script), Faulty::of(&as_body, &body));
                // Where one reading stumbles over a `return` or an `await`, the other one gets further.
                Err(if as_script.place >= as_body.place { as_script } else { as_body }.told())
            }
        }
    }

    /// What is run.
    pub(crate) fn runnable(&self) -> Cow<'t, str> {
        match self.shape {
            Shape::Script => Cow::Borrowed(self.written),
            Shape::Body => Cow::Owned(format!("(async () => {{\n{}\n}})()", self.written)),
        }
    }

    /// Where a place of what is run stands in what was written; none before its beginning.
    pub(crate) fn place(&self, line: u32, column: u32) -> Option<Place> {
        let line = match self.shape {
            Shape::Script => line,
            Shape::Body => line.checked_sub(1)?,
        };
        let lines = u32::try_from(self.written.lines().count()).unwrap_or(u32::MAX);
        (line > 0).then_some(if line <= lines { Place::At(line, column) } else { Place::End })
    }

    /// Whether a block begins at a place.
    pub(crate) fn begins_block(&self, place: Place) -> bool {
        let Place::At(line, column) = place else { return false };
        let before = |count: u32| usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX);
        let line = self.written.lines().nth(before(line));
        line.and_then(|line| line.chars().nth(before(column))) == Some('{')
    }

    /// Where a name is used first.
    pub(crate) fn first_use(&self, name: &str) -> Option<Place> {
        let position = self.parse().ok()?.first_use(name)?;
        self.place(position.line_number(), position.column_number())
    }

    fn parse(&self) -> Result<Parsed, ParseError> {
        let mut interner = Interner::default();
        let text = self.runnable();
        let script = Parser::new(Source::from_bytes(&*text)).parse_script(&Scope::new_global(), &mut interner)?;
        Ok(Parsed { script, interner })
    }
}

/// A text as its syntax.
struct Parsed {
    script: Script,
    interner: Interner,
}

impl Parsed {
    /// Where a name is used first. The name `await` of a script is one, too: `await (x)` is, by the letter, the call of a
    /// function of that name, and not what anybody means.
    fn first_use(&self, name: &str) -> Option<Position> {
        match (FirstUse { name, interner: &self.interner }).visit_script(&self.script) {
            ControlFlow::Continue(()) => None,
            ControlFlow::Break(position) => Some(position),
        }
    }

    /// Whether a body is still one when it stands in its function: its brackets do not end the function before its time.
    fn is_one_call(&self) -> bool {
        let [StatementListItem::Statement(statement)] = self.script.statements().statements() else { return false };
        let Statement::Expression(Expression::Call(call)) = statement.as_ref() else { return false };
        matches!(call.function().flatten(), Expression::AsyncArrowFunction(_))
    }
}

struct FirstUse<'a> {
    name: &'a str,
    interner: &'a Interner,
}

impl<'ast> Visitor<'ast> for FirstUse<'_> {
    type BreakTy = Position;

    fn visit_identifier(&mut self, used: &'ast Identifier) -> ControlFlow<Position> {
        match used.to_interned_string(self.interner) == self.name {
            true => ControlFlow::Break(used.span().start()),
            false => ControlFlow::Continue(()),
        }
    }
}
