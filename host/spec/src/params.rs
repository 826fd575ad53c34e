//! `params`: what the caller of a DAG may give it.

mod schema;

use std::collections::HashMap;

use pintle_core::plan::{Json, Param, ParamBounds, ParamKind};

use crate::bind::check::{Checked, check_value};
use crate::document::{Scalar, ScalarKind};
use crate::fields::PARAM;
use crate::limits::MAX_PARAMS;
use crate::nearest::did_you_mean;
use crate::reader::{At, Reader};
use crate::source::Place;
use crate::words::{self, Word, is_name};

/// A parameter, and where it is declared.
struct Declared {
    param: Param,
    place: Place,
    path: String,
}

/// All declared parameters in order, and whether others are refused.
pub(crate) fn read_params(reader: &mut Reader<'_>, dag: &At<'_>) -> (Vec<Param>, bool) {
    let Some(params) = dag.get("params") else { return (Vec::new(), false) };
    let mut made: Vec<Declared> = Vec::new();
    let mut typed = 0;
    if params.is_map() {
        if schema::is_schema(&params) {
            let closed = schema::read_schema(reader, &params, &mut made);
            return finish(reader, &params, made, closed);
        }
        read_map(reader, &params, &mut made);
    } else if params.is_list() {
        for item in params.items() {
            if is_typed(&item) {
                typed += 1;
                let (place, path) = (item.place(), item.path.to_string());
                made.extend(read_typed(reader, &item).map(|param| Declared { param, place, path }));
            } else if item.is_map() {
                read_map(reader, &item, &mut made);
            } else {
                read_line(reader, &item, &mut made);
            }
        }
    } else {
        read_line(reader, &params, &mut made);
    }
    // One typed parameter makes the list a declaration: names beside it are mistakes.
    finish(reader, &params, made, typed > 0)
}

fn finish(reader: &mut Reader<'_>, params: &At<'_>, made: Vec<Declared>, closed: bool) -> (Vec<Param>, bool) {
    if made.len() > MAX_PARAMS {
        reader.fault(params, format!("a DAG may have {MAX_PARAMS} parameters; pass a file instead"));
    }
    refuse_twins(reader, &made);
    (made.into_iter().map(|declared| declared.param).collect(), closed)
}

fn is_typed(item: &At<'_>) -> bool {
    item.entry("name").is_some()
}

fn refuse_twins(reader: &mut Reader<'_>, made: &[Declared]) {
    let mut seen: HashMap<&str, Place> = HashMap::new();
    for Declared { param, place, path } in made {
        let Some(name) = param.name.as_deref() else { continue };
        if let Some(first) = seen.insert(name, *place) {
            let message = format!("the parameter `{name}` is declared twice; keep one of the two");
            reader.findings.conflict(*place, path.clone(), message, (first, "first declared here"));
        }
    }
}

/// `NAME: default` for each.
fn read_map(reader: &mut Reader<'_>, map: &At<'_>, made: &mut Vec<Declared>) {
    for (entry, value) in map.fields() {
        let default = if value.node.is_null() { Some(String::new()) } else { reader.text(&value) };
        if !is_name(&entry.key) {
            reader.fault_key(map, &entry.key, not_a_name(&entry.key));
        } else if let Some(text) = default {
            let param = plain(Some(entry.key.clone()), &text);
            made.push(Declared { param, place: entry.key_place, path: value.path.to_string() });
        }
    }
}

/// `a b NAME=value`.
fn read_line(reader: &mut Reader<'_>, at: &At<'_>, made: &mut Vec<Declared>) {
    let Some(text) = reader.text(at) else { return };
    match words::split(&text) {
        Ok(words) => made.extend(words.into_iter().map(|Word { name, text }| Declared {
            param: plain(name, &text),
            place: at.place(),
            path: at.path.to_string(),
        })),
        Err(error) => reader.fault(at, format!("{}: {error}", at.path.last())),
    }
}

fn plain(name: Option<String>, default: &str) -> Param {
    Param {
        name,
        kind: ParamKind::String,
        default: Some(Json(serde_json::Value::from(default).to_string())),
        eval: None,
        description: None,
        required: false,
        bounds: ParamBounds::default(),
    }
}

fn not_a_name(name: &str) -> String {
    format!("`{name}` is not a name of a parameter; use letters, digits and `_`, not beginning with a digit")
}

fn read_typed(reader: &mut Reader<'_>, item: &At<'_>) -> Option<Param> {
    reader.check_fields(item, &PARAM);
    let name = reader.word_field(item, "name");
    if let (Some(name), Some(at)) = (&name, item.get("name"))
        && !is_name(name)
    {
        reader.fault(&at, not_a_name(name));
    }
    let kind = read_kind(reader, item);
    let bounds = read_bounds(reader, item, kind, ("min_length", "max_length"));
    let default = item.get("default").and_then(|at| read_scalar(reader, &at, kind));
    let required = reader.boolean_field(item, "required").unwrap_or(false);
    let param = Param {
        name: Some(name?),
        kind,
        default,
        eval: reader.word_field(item, "eval"),
        description: reader.text_field(item, "description"),
        required,
        bounds,
    };
    check_default(reader, item.get("default"), &param);
    Some(param)
}

pub(crate) fn read_kind(reader: &mut Reader<'_>, item: &At<'_>) -> ParamKind {
    const KINDS: [(&str, ParamKind); 4] = [
        ("string", ParamKind::String),
        ("integer", ParamKind::Integer),
        ("number", ParamKind::Number),
        ("boolean", ParamKind::Boolean),
    ];
    let Some(at) = item.get("type") else { return ParamKind::default() };
    let Some(text) = reader.text(&at) else { return ParamKind::default() };
    let known = KINDS.iter().find(|(name, _)| *name == text);
    if known.is_none() {
        let names = KINDS.iter().map(|(name, _)| *name);
        let hint = did_you_mean(&text, names, "use `string`, `integer`, `number` or `boolean`");
        reader.fault(&at, format!("`{text}` is not a type of a parameter; {hint}"));
    }
    known.map_or_else(ParamKind::default, |(_, kind)| *kind)
}

/// A scalar of the parameter's type, as JSON.
pub(crate) fn read_scalar(reader: &mut Reader<'_>, at: &At<'_>, kind: ParamKind) -> Option<Json> {
    let json = at.scalar().and_then(|scalar| scalar_of(scalar, kind));
    if json.is_none() {
        reader.mismatch(at, kind_noun(kind));
    }
    json
}

fn scalar_of(scalar: &Scalar, kind: ParamKind) -> Option<Json> {
    let json = match (kind, scalar.kind) {
        (_, ScalarKind::Null) => return None,
        (ParamKind::String, _) => serde_json::Value::from(scalar.as_text()),
        (ParamKind::Integer, ScalarKind::Int(_))
        | (ParamKind::Number, ScalarKind::Int(_) | ScalarKind::Float(_))
        | (ParamKind::Boolean, ScalarKind::Bool(_)) => scalar.to_json(),
        // A reference, or a quoted number: checked when the run is bound.
        (_, ScalarKind::Text) if scalar.text.contains('$') => serde_json::Value::from(scalar.as_text()),
        (ParamKind::Integer | ParamKind::Number | ParamKind::Boolean, _) => return None,
    };
    Some(Json(json.to_string()))
}

pub(crate) fn kind_noun(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::String => "text",
        ParamKind::Integer => "a whole number",
        ParamKind::Number => "a number",
        ParamKind::Boolean => "`true` or `false`",
    }
}

/// `lengths` are the names of the shortest and the longest.
pub(crate) fn read_bounds(
    reader: &mut Reader<'_>,
    item: &At<'_>,
    kind: ParamKind,
    lengths: (&str, &str),
) -> ParamBounds {
    let one_of = item.get("enum").map(|at| {
        if !at.is_list() {
            reader.mismatch(&at, "a list of the values that are allowed");
        }
        let items = if at.is_list() { at.items() } else { Vec::new() };
        items.iter().filter_map(|item| read_scalar(reader, item, kind)).collect()
    });
    let most = u64::from(u32::MAX);
    let bounds = ParamBounds {
        one_of: one_of.unwrap_or_default(),
        minimum: read_number(reader, item, "minimum", kind),
        maximum: read_number(reader, item, "maximum", kind),
        min_length: read_length(reader, item, lengths.0, kind, most),
        max_length: read_length(reader, item, lengths.1, kind, most),
        pattern: read_pattern(reader, item),
    };
    let order = |least: Option<f64>, most: Option<f64>| least.zip(most).is_some_and(|(l, m)| l > m);
    let number = |json: &Option<Json>| json.as_ref().and_then(|json| json.0.parse().ok());
    if order(number(&bounds.minimum), number(&bounds.maximum)) {
        reader.fault_key(item, "minimum", "`minimum` is more than `maximum`; no value can satisfy both");
    }
    if order(bounds.min_length.map(f64::from), bounds.max_length.map(f64::from)) {
        let (least, most) = lengths;
        reader.fault_key(item, least, format!("`{least}` is more than `{most}`; no value can satisfy both"));
    }
    bounds
}

fn read_number(reader: &mut Reader<'_>, item: &At<'_>, key: &str, kind: ParamKind) -> Option<Json> {
    let at = item.get(key)?;
    if !matches!(kind, ParamKind::Integer | ParamKind::Number) {
        reader.fault_key(
            item,
            key,
            format!("`{key}` bounds numbers; give the parameter `type: integer` or `type: number`"),
        );
        return None;
    }
    let json = at.scalar().filter(|scalar| !matches!(scalar.kind, ScalarKind::Text));
    let json = json.and_then(|scalar| scalar_of(scalar, ParamKind::Number));
    if json.is_none() {
        reader.mismatch(&at, "a number");
    }
    json
}

fn read_length(reader: &mut Reader<'_>, item: &At<'_>, key: &str, kind: ParamKind, most: u64) -> Option<u32> {
    let length = reader.count_field(item, key, most)?;
    if kind != ParamKind::String {
        reader.fault_key(item, key, format!("`{key}` bounds text; remove it, or make the parameter a `string`"));
    }
    Some(length)
}

fn read_pattern(reader: &mut Reader<'_>, item: &At<'_>) -> Option<String> {
    let at = item.get("pattern")?;
    let pattern = reader.text(&at)?;
    reader.check_pattern(&at, &pattern).then_some(pattern)
}

/// A default that its own bounds refuse would fail every run.
fn check_default(reader: &mut Reader<'_>, default: Option<At<'_>>, param: &Param) {
    let Some(at) = default else { return };
    let Some(text) = at.scalar().map(Scalar::as_text).filter(|text| !text.contains('$')) else {
        return;
    };
    if param.default.is_none() {
        return;
    }
    if let Checked::Refused(reason) = check_value(param, &text) {
        reader.fault(&at, format!("the default `{text}` is refused by the parameter itself: {reason}"));
    }
}
