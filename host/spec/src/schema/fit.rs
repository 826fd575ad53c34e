//! A value held against a JSON Schema that a document's author wrote.
//!
//! The danger is work: schemas stand in each other, choices multiply, and a value may be a mebibyte long. The rule: every
//! look at a value costs, and what is to be spent is bounded ([`MAX_SCHEMA_WORK`]); nothing is fetched, and expressions
//! are of the kind that needs no backtracking. A misfit says where and what was expected, never what was found.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt;

use regex::Regex;
use serde_json::{Map, Value};

use crate::eval::holds_reference;
use crate::limits::{MAX_SCHEMA_NESTING, MAX_SCHEMA_WORK};

/// The first place where a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Keys and indexes from the root.
    pub(crate) at: Vec<Step>,
    /// "must be text, not a list".
    pub(crate) what: String,
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut path = String::new();
        for step in &self.at {
            match step {
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => path.push_str(&format!(".{key}")),
                Step::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        if path.is_empty() { write!(f, "it {}", self.what) } else { write!(f, "`{path}` {}", self.what) }
    }
}

/// Holds a value against a schema. With `open`, text that holds a reference fits everywhere: what it will be is not
/// known yet.
pub(crate) fn fit(schema: &Value, value: &Value, open: bool) -> Result<(), Misfit> {
    let judge = Judge { root: schema, open, left: Cell::new(MAX_SCHEMA_WORK), patterns: RefCell::default() };
    judge.check(schema, value, 0).map_err(|misfit| match judge.left.get() {
        // Where the work ran out says nothing.
        0 => Misfit { at: Vec::new(), ..misfit },
        _ => misfit,
    })
}

struct Judge<'s> {
    root: &'s Value,
    open: bool,
    left: Cell<u64>,
    patterns: RefCell<HashMap<&'s str, Option<Regex>>>,
}

type Fits = Result<(), Misfit>;

fn misfit(what: impl Into<String>) -> Misfit {
    Misfit { at: Vec::new(), what: what.into() }
}

fn refuse(when: bool, what: impl FnOnce() -> String) -> Fits {
    if when { Err(misfit(what())) } else { Ok(()) }
}

fn within(step: Step, fits: Fits) -> Fits {
    fits.map_err(|mut misfit| {
        misfit.at.insert(0, step);
        misfit
    })
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

impl<'s> Judge<'s> {
    /// Enough work is left; else everything ends, choices too.
    fn spend(&self, work: usize) -> Fits {
        let left = self.left.get().saturating_sub(work as u64);
        self.left.set(left);
        refuse(left == 0, || "is too much to be held against its schema; make one of the two smaller".to_owned())
    }

    fn check(&self, schema: &'s Value, value: &Value, depth: usize) -> Fits {
        self.spend(1)?;
        let rules = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(misfit("is not expected there")),
            Value::Object(rules) => rules,
            _ => return Ok(()),
        };
        if self.open && value.as_str().is_some_and(holds_reference) {
            return Ok(());
        }
        if depth > MAX_SCHEMA_NESTING {
            return Err(misfit("cannot be held against its schema, which leads back to itself"));
        }
        if let Some(target) = rules.get("$ref").and_then(Value::as_str) {
            self.check(follow(self.root, target), value, depth + 1)?;
        }
        self.kind(rules, value)?;
        self.choice(rules, value)?;
        self.combined(rules, value, depth)?;
        match value {
            Value::Number(_) => number(rules, value),
            Value::String(text) => self.text(rules, text),
            Value::Array(items) => self.list(rules, items, depth),
            Value::Object(fields) => self.map(rules, (fields, value), depth),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    fn kind(&self, rules: &Map<String, Value>, value: &Value) -> Fits {
        let types: Vec<&str> = match rules.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => return Ok(()),
        };
        refuse(!types.iter().any(|name| is_of(value, name)), || {
            let wanted: Vec<&str> = types.iter().map(|name| super::check::type_noun(name)).collect();
            format!("must be {}, not {}", wanted.join(" or "), noun(value))
        })
    }

    fn choice(&self, rules: &Map<String, Value>, value: &Value) -> Fits {
        if let Some(choices) = rules.get("enum").and_then(Value::as_array) {
            self.spend(choices.len())?;
            refuse(!choices.iter().any(|choice| same(choice, value)), || {
                let shown: Vec<String> = choices.iter().take(10).map(|choice| format!("`{}`", plain(choice))).collect();
                let more = if choices.len() > shown.len() { ", ..." } else { "" };
                format!("must be one of {}{more}", shown.join(", "))
            })?;
        }
        match rules.get("const") {
            Some(only) => refuse(!same(only, value), || format!("must be `{}`", plain(only))),
            None => Ok(()),
        }
    }

    /// Schemas of the same place.
    fn combined(&self, rules: &'s Map<String, Value>, value: &Value, depth: usize) -> Fits {
        let schemas = |name: &str| rules.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for schema in schemas("allOf") {
            self.check(schema, value, depth + 1)?;
        }
        let (any, one) = (schemas("anyOf"), schemas("oneOf"));
        if !any.is_empty() && self.count(any, value, depth, 1)? == 0 {
            return Err(misfit("fits none of the forms that it may have"));
        }
        if !one.is_empty() {
            // With references in it, a value may still become any of them.
            let most = if self.open { 1 } else { 2 };
            match self.count(one, value, depth, most)? {
                0 => return Err(misfit("fits none of the forms that it may have")),
                1 => {}
                _ => return Err(misfit("fits several forms, of which it may have one")),
            }
        }
        if let Some(not) = rules.get("not").filter(|_| !self.open) {
            refuse(self.fits(not, value, depth)?, || "has a form that it must not have".to_owned())?;
        }
        let Some(condition) = rules.get("if").filter(|_| !self.open) else { return Ok(()) };
        let branch = if self.fits(condition, value, depth)? { "then" } else { "else" };
        rules.get(branch).map_or(Ok(()), |schema| self.check(schema, value, depth + 1))
    }

    /// How many schemas a value fits, counted up to `most`.
    fn count(&self, schemas: &'s [Value], value: &Value, depth: usize, most: usize) -> Result<usize, Misfit> {
        let mut fitting = 0;
        for schema in schemas {
            fitting += usize::from(self.fits(schema, value, depth)?);
            if fitting == most {
                break;
            }
        }
        Ok(fitting)
    }

    /// Whether it fits; an error only where no work is left.
    fn fits(&self, schema: &'s Value, value: &Value, depth: usize) -> Result<bool, Misfit> {
        let fits = self.check(schema, value, depth + 1).is_ok();
        self.spend(1)?;
        Ok(fits)
    }

    fn text(&self, rules: &'s Map<String, Value>, text: &str) -> Fits {
        let bound = |name: &str| rules.get(name).and_then(whole);
        let (least, most) = (bound("minLength"), bound("maxLength"));
        if least.is_some() || most.is_some() {
            self.spend(text.len() / 64)?;
            let length = text.chars().count() as u64;
            refuse(least.is_some_and(|least| length < least), || {
                format!("must have {} characters or more", least.unwrap_or(0))
            })?;
            refuse(most.is_some_and(|most| length > most), || {
                format!("must have {} characters or fewer", most.unwrap_or(0))
            })?;
        }
        match rules.get("pattern").and_then(Value::as_str) {
            Some(pattern) => refuse(!self.matches(pattern, text)?, || format!("must match `{pattern}`")),
            None => Ok(()),
        }
    }

    fn matches(&self, pattern: &'s str, text: &str) -> Result<bool, Misfit> {
        self.spend(1 + text.len() / 16)?;
        let mut patterns = self.patterns.borrow_mut();
        let compiled = patterns.entry(pattern).or_insert_with(|| Regex::new(pattern).ok());
        // What cannot be compiled was refused with the document.
        Ok(compiled.as_ref().is_none_or(|pattern| pattern.is_match(text)))
    }

    fn list(&self, rules: &'s Map<String, Value>, items: &[Value], depth: usize) -> Fits {
        count(rules, items.len(), ("minItems", "maxItems"), "items")?;
        let mut first: &[Value] = rules.get("prefixItems").and_then(Value::as_array).map_or(&[], Vec::as_slice);
        let mut rest = rules.get("items");
        if let Some(Value::Array(tuple)) = rest {
            (first, rest) = (tuple, rules.get("additionalItems"));
        }
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(index).or(rest) {
                within(Step::Index(index), self.check(schema, item, depth + 1))?;
            }
        }
        if rules.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = HashSet::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let text = item.to_string();
                self.spend(1 + text.len() / 16)?;
                within(Step::Index(index), refuse(!seen.insert(text), || "stands there twice".to_owned()))?;
            }
        }
        let Some(contained) = rules.get("contains") else { return Ok(()) };
        let bound = |name: &str| rules.get(name).and_then(whole);
        let mut found: u64 = 0;
        for item in items {
            found += u64::from(self.fits(contained, item, depth)?);
        }
        let least = bound("minContains").unwrap_or(1);
        refuse(found < least, || format!("must hold {least} or more items of the form that `contains` says"))?;
        let most = bound("maxContains").unwrap_or(u64::MAX);
        refuse(found > most, || format!("must hold {most} or fewer items of the form that `contains` says"))
    }

    fn map(&self, rules: &'s Map<String, Value>, (fields, whole): (&Map<String, Value>, &Value), depth: usize) -> Fits {
        let names = |name: &str| rules.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for required in names("required").iter().filter_map(Value::as_str) {
            self.spend(1)?;
            within(key(required), refuse(!fields.contains_key(required), || "is missing".to_owned()))?;
        }
        count(rules, fields.len(), ("minProperties", "maxProperties"), "fields")?;
        let maps = |name: &str| rules.get(name).and_then(Value::as_object);
        let (own, patterns) = (maps("properties"), maps("patternProperties"));
        for (name, value) in fields {
            self.spend(1)?;
            let listed = own.and_then(|own| own.get(name));
            if let Some(schema) = listed {
                within(key(name), self.check(schema, value, depth + 1))?;
            }
            let mut known = listed.is_some();
            for (pattern, schema) in patterns.into_iter().flatten() {
                if self.matches(pattern, name)? {
                    known = true;
                    within(key(name), self.check(schema, value, depth + 1))?;
                }
            }
            if let Some(schema) = rules.get("additionalProperties").filter(|_| !known) {
                within(key(name), self.check(schema, value, depth + 1))?;
            }
            if let Some(schema) = rules.get("propertyNames") {
                within(key(name), self.check(schema, &Value::String(name.clone()), depth + 1))?;
            }
        }
        for (name, needed) in maps("dependentRequired").into_iter().flatten() {
            for other in needed.as_array().into_iter().flatten().filter_map(Value::as_str) {
                let missing = fields.contains_key(name) && !fields.contains_key(other);
                within(key(other), refuse(missing, || format!("is missing, and `{name}` needs it")))?;
            }
        }
        for (name, schema) in maps("dependentSchemas").into_iter().flatten() {
            if fields.contains_key(name) {
                self.check(schema, whole, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// Where a local `$ref` points; what points nowhere says nothing.
pub(crate) fn follow<'s>(root: &'s Value, target: &str) -> &'s Value {
    target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).unwrap_or(&Value::Bool(true))
}

fn count(rules: &Map<String, Value>, count: usize, names: (&str, &str), what: &str) -> Fits {
    let bound = |name: &str| rules.get(name).and_then(whole);
    let count = count as u64;
    if let Some(least) = bound(names.0).filter(|least| count < *least) {
        return Err(misfit(format!("must have {least} {what} or more")));
    }
    match bound(names.1).filter(|most| count > *most) {
        Some(most) => Err(misfit(format!("must have {most} {what} or fewer"))),
        None => Ok(()),
    }
}

fn number(rules: &Map<String, Value>, value: &Value) -> Fits {
    let Some(number) = value.as_f64() else { return Ok(()) };
    type Fails = fn(f64, f64) -> bool;
    let bounds: [(&str, Fails, &str); 4] = [
        ("minimum", |number, bound| number < bound, "or more"),
        ("maximum", |number, bound| number > bound, "or less"),
        ("exclusiveMinimum", |number, bound| number <= bound, "exceeded"),
        ("exclusiveMaximum", |number, bound| number >= bound, "undercut"),
    ];
    for (name, fails, words) in bounds {
        let Some(bound) = rules.get(name).filter(|bound| bound.as_f64().is_some_and(|bound| fails(number, bound)))
        else {
            continue;
        };
        return Err(misfit(match words {
            "exceeded" => format!("must be more than {bound}"),
            "undercut" => format!("must be less than {bound}"),
            words => format!("must be {bound} {words}"),
        }));
    }
    let step = rules.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0);
    refuse(step.is_some_and(|step| !is_multiple(number, step)), || {
        format!("must be a multiple of {}", rules.get("multipleOf").unwrap_or(&Value::Null))
    })
}

/// As near as numbers of this kind are: 0.3 is a multiple of 0.1.
fn is_multiple(number: f64, step: f64) -> bool {
    let times = number / step;
    (times - times.round()).abs() <= f64::EPSILON * times.abs().max(1.0) * 4.0
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// Numbers are the same by their value: 1 and 1.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|b| same(value, b)))
        }
        _ => a == b,
    }
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
