//! Reading fields of known types out of the tree: every reader either answers or leaves a fault behind.

mod path;

pub(crate) use path::Path;

use pintle_core::matching::{EXPRESSION, check_expected};
use pintle_core::time::Span;

use crate::custom::Customs;
use crate::document::{Entry, Node, Scalar, ScalarKind, Value};
use crate::fault::Findings;
use crate::fields::Fields;
use crate::known::KnownActions;
use crate::limits::{MAX_EXPRESSIONS, MAX_SECONDS};
use crate::nearest::nearest;
use crate::source::Place;

/// A value with its field path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'p> {
    pub(crate) node: &'p Node,
    pub(crate) path: Path<'p>,
}

impl<'p> At<'p> {
    pub(crate) fn root(node: &'p Node) -> Self {
        Self { node, path: Path::root() }
    }

    pub(crate) fn place(&self) -> Place {
        self.node.place
    }

    pub(crate) fn entries(&self) -> &'p [Entry] {
        match &self.node.value {
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&'p Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of a field, if it is set to anything.
    pub(crate) fn get<'c>(&'c self, key: &'c str) -> Option<At<'c>> {
        self.get_even_null(key).filter(|at| !at.node.is_null())
    }

    pub(crate) fn get_even_null<'c>(&'c self, key: &'c str) -> Option<At<'c>> {
        let node = &self.entry(key)?.node;
        Some(At { node, path: self.path.key(key) })
    }

    pub(crate) fn fields<'c>(&'c self) -> impl Iterator<Item = (&'c Entry, At<'c>)> {
        self.entries().iter().map(|entry| (entry, At { node: &entry.node, path: self.path.key(&entry.key) }))
    }

    /// The items of a list; one value stands for a list of one.
    pub(crate) fn items<'c>(&'c self) -> Vec<At<'c>> {
        match &self.node.value {
            Value::List(items) => {
                items.iter().enumerate().map(|(index, node)| At { node, path: self.path.index(index) }).collect()
            }
            Value::Scalar(_) | Value::Map(_) => vec![At { node: self.node, path: self.path.same() }],
        }
    }

    pub(crate) fn scalar(&self) -> Option<&'p Scalar> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }
}

/// The state of one reading: who performs what, and what was found.
pub(crate) struct Reader<'k> {
    pub(crate) known: &'k dyn KnownActions,
    pub(crate) findings: Findings,
    /// The actions that the document describes itself.
    pub(crate) customs: Customs,
    /// The document is a DAG that other DAGs run.
    pub(crate) is_below: bool,
    /// The document.
    text: &'k str,
    /// Regular expressions that were checked.
    expressions: usize,
}

impl<'k> Reader<'k> {
    pub(crate) fn new(known: &'k dyn KnownActions, text: &'k str) -> Self {
        let customs = Customs::default();
        Self { known, findings: Findings::default(), customs, is_below: false, text, expressions: 0 }
    }

    /// Whether the document holds a text anywhere.
    pub(crate) fn holds(&self, part: &str) -> bool {
        self.text.contains(part)
    }

    /// Where a part of a value stands, if it is written there as it is.
    pub(crate) fn place_of(&self, value: Place, part: &str) -> Place {
        let (start, end) = (value.start as usize, value.end as usize);
        let found = self.text.get(start..end).and_then(|written| written.find(part));
        found.map_or(value, |at| Place::new(start + at, start + at + part.len()))
    }

    pub(crate) fn fault(&mut self, at: &At<'_>, message: impl Into<String>) {
        self.findings.fault(at.place(), at.path.to_string(), message.into());
    }

    pub(crate) fn notice(&mut self, at: &At<'_>, message: impl Into<String>) {
        self.findings.notice(at.place(), at.path.to_string(), message.into());
    }

    /// A notice at a field's key.
    pub(crate) fn notice_key(&mut self, at: &At<'_>, key: &str, message: impl Into<String>) {
        if let Some(entry) = at.entry(key) {
            self.findings.notice(entry.key_place, at.path.key(key).to_string(), message.into());
        }
    }

    /// A fault at a field's key.
    pub(crate) fn fault_key(&mut self, at: &At<'_>, key: &str, message: impl Into<String>) {
        let place = at.entry(key).map_or(at.place(), |entry| entry.key_place);
        self.findings.fault(place, at.path.key(key).to_string(), message.into());
    }

    /// "`field` must be ..., not ...".
    pub(crate) fn mismatch(&mut self, at: &At<'_>, wanted: &str) {
        let (name, noun) = (at.path.last(), at.node.noun());
        self.fault(at, format!("{name} must be {wanted}, not {noun}"));
    }

    /// Faults for keys that nobody reads; notices for those that do nothing yet.
    pub(crate) fn check_fields(&mut self, at: &At<'_>, fields: &Fields) {
        for (entry, value) in at.fields() {
            let (key, path) = (entry.key.as_str(), value.path.to_string());
            if fields.row(key).is_some() {
                continue;
            }
            if let Some(inert) = fields.inert.iter().find(|field| field.name == key) {
                let message = format!("`{key}` is accepted, but {}", inert.about);
                self.findings.notice(entry.key_place, path, message);
            } else if let Some((_, what)) = fields.refused.iter().find(|(name, _)| *name == key) {
                self.findings.fault(entry.key_place, path, format!("`{key}` {what}"));
            } else {
                let hinted = self.findings.takes_hint();
                let message = unknown_field(key, fields, hinted);
                self.findings.fault(entry.key_place, path, message);
            }
        }
    }

    /// Any scalar, as its text.
    pub(crate) fn text(&mut self, at: &At<'_>) -> Option<String> {
        match at.scalar() {
            Some(scalar) if scalar.kind != ScalarKind::Null => Some(scalar.as_text()),
            Some(_) | None => {
                self.mismatch(at, "text");
                None
            }
        }
    }

    pub(crate) fn text_field(&mut self, at: &At<'_>, key: &str) -> Option<String> {
        let field = at.get(key)?;
        self.text(&field)
    }

    /// As [`Self::text`], and not empty.
    pub(crate) fn word(&mut self, at: &At<'_>) -> Option<String> {
        let text = self.text(at)?;
        if text.trim().is_empty() {
            let name = at.path.last();
            self.fault(at, format!("{name} is empty; give it a value, or remove it"));
            return None;
        }
        Some(text)
    }

    pub(crate) fn word_field(&mut self, at: &At<'_>, key: &str) -> Option<String> {
        let field = at.get(key)?;
        self.word(&field)
    }

    /// One text, or a list of texts.
    pub(crate) fn texts(&mut self, at: &At<'_>) -> Vec<String> {
        at.items().iter().filter_map(|item| self.text(item)).collect()
    }

    pub(crate) fn boolean(&mut self, at: &At<'_>) -> Option<bool> {
        match at.scalar().map(|scalar| scalar.kind) {
            Some(ScalarKind::Bool(value)) => Some(value),
            _ => {
                self.mismatch(at, "`true` or `false`");
                None
            }
        }
    }

    pub(crate) fn boolean_field(&mut self, at: &At<'_>, key: &str) -> Option<bool> {
        let field = at.get(key)?;
        self.boolean(&field)
    }

    /// A whole number within bounds.
    pub(crate) fn whole(&mut self, at: &At<'_>, least: i128, most: i128) -> Option<i128> {
        match at.scalar().map(|scalar| scalar.kind) {
            Some(ScalarKind::Int(value)) if (least..=most).contains(&value) => Some(value),
            _ => {
                self.mismatch(at, &format!("a whole number from {least} to {most}"));
                None
            }
        }
    }

    pub(crate) fn count(&mut self, at: &At<'_>, most: u64) -> Option<u32> {
        let most = most.min(u64::from(u32::MAX));
        self.whole(at, 0, i128::from(most)).and_then(|value| u32::try_from(value).ok())
    }

    pub(crate) fn count_field(&mut self, at: &At<'_>, key: &str, most: u64) -> Option<u32> {
        let field = at.get(key)?;
        self.count(&field, most)
    }

    /// Seconds, to the millisecond.
    pub(crate) fn seconds(&mut self, at: &At<'_>) -> Option<Span> {
        let span = at.scalar().and_then(|scalar| seconds(scalar.kind));
        if span.is_none() {
            self.mismatch(at, &format!("a number of seconds from 0 to {MAX_SECONDS}"));
        }
        span
    }

    pub(crate) fn seconds_field(&mut self, at: &At<'_>, key: &str) -> Option<Span> {
        let field = at.get(key)?;
        self.seconds(&field)
    }

    /// Exit codes: one, or a list.
    pub(crate) fn exit_codes(&mut self, at: &At<'_>, key: &str) -> Vec<i32> {
        let Some(field) = at.get(key) else { return Vec::new() };
        let bounds = (i128::from(i32::MIN), i128::from(i32::MAX));
        field
            .items()
            .iter()
            .filter_map(|item| self.whole(item, bounds.0, bounds.1))
            .filter_map(|code| i32::try_from(code).ok())
            .collect()
    }

    /// Whether a regular expression can be read; else a fault.
    pub(crate) fn check_pattern(&mut self, at: &At<'_>, pattern: &str) -> bool {
        self.check_matching(at, &format!("{EXPRESSION}{pattern}"), "")
    }

    /// Whether `expected` (a line, or `re:` and an expression) can be read; else a fault.
    pub(crate) fn check_expected(&mut self, at: &At<'_>, expected: &str) -> bool {
        self.check_matching(at, expected, EXPRESSION)
    }

    /// `mark` is what the author wrote before the expression.
    fn check_matching(&mut self, at: &At<'_>, expected: &str, mark: &str) -> bool {
        if !expected.starts_with(EXPRESSION) {
            return true;
        }
        self.expressions += 1;
        if self.expressions > MAX_EXPRESSIONS {
            self.fault(at, format!("a DAG may have {MAX_EXPRESSIONS} regular expressions; use fewer"));
            return false;
        }
        // Nobody would see one more fault, and compiling is the dearest thing a document can ask for.
        if self.findings.is_full() {
            return false;
        }
        let checked = check_expected(expected);
        if let Err(error) = &checked {
            // The error shows the mark, which the author may not have written.
            let said = error.to_string().replacen(EXPRESSION, mark, 1);
            self.fault(at, format!("{said}; correct the expression"));
        }
        checked.is_ok()
    }

    /// A map, or a fault.
    pub(crate) fn expect_map(&mut self, at: &At<'_>, example: &str) -> bool {
        if !at.is_map() {
            self.mismatch(at, &format!("a map such as `{example}`"));
        }
        at.is_map()
    }
}

fn seconds(kind: ScalarKind) -> Option<Span> {
    match kind {
        ScalarKind::Int(value) => u64::try_from(value).ok().filter(|secs| *secs <= MAX_SECONDS).map(Span::from_secs),
        ScalarKind::Float(value) if value >= 0.0 && value <= MAX_SECONDS as f64 => {
            // In range, so the conversion is exact to the millisecond.
            Some(Span((value * 1000.0).round() as u64))
        }
        ScalarKind::Float(_) | ScalarKind::Null | ScalarKind::Bool(_) | ScalarKind::Text => None,
    }
}

fn unknown_field(key: &str, fields: &Fields, hinted: bool) -> String {
    let inert = fields.inert.iter().map(|field| field.name);
    let others = inert.chain(fields.refused.iter().map(|(name, _)| *name));
    match nearest(key, fields.names().chain(others).filter(|_| hinted)) {
        Some(name) => format!("invalid keys: `{key}` is unknown in {}; did you mean `{name}`?", fields.of),
        None if fields.read.len() <= 12 => {
            let known = fields.names().collect::<Vec<_>>().join("`, `");
            format!("invalid keys: `{key}` is unknown in {}; it has `{known}`", fields.of)
        }
        None => format!("invalid keys: `{key}` is unknown in {}; remove it", fields.of),
    }
}
