//! A step's `with`, held against the schema of its action.

use serde_json::Value as Json;

use super::{Schema, Spot};
use crate::document::{Scalar, ScalarKind};
use crate::eval::holds_reference;
use crate::nearest::nearest;
use crate::reader::{At, Reader};

/// Checks `with` (or the step, where it has none) and gives the JSON to keep: numbers are text where text is wanted.
pub(crate) fn check_with(
    reader: &mut Reader<'_>,
    step: &At<'_>,
    with: Option<&At<'_>>,
    action: &str,
    schema: &str,
) -> Json {
    let schema = Schema::parse(schema);
    let spot = schema.as_ref().map(Schema::spot);
    let Some(with) = with else {
        let missing = spot.and_then(|spot| spot.array("required").iter().find_map(Json::as_str));
        if let Some(missing) = missing {
            let message = format!("the action `{action}` needs `with:` with `{missing}`");
            reader.fault_key(step, "action", message);
        }
        return Json::Object(serde_json::Map::new());
    };
    let Some(spot) = spot else { return with.node.to_json() };
    let mut check = Check { action, faults: Vec::new() };
    let json = check.value(with, spot, true);
    for (at_key, path, message) in check.faults {
        reader.findings.fault(at_key, path, message);
    }
    json
}

type Fault = (crate::source::Place, String, String);

struct Check<'a> {
    action: &'a str,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, at: &At<'_>, message: String) {
        self.faults.push((at.place(), at.path.to_string(), message));
    }

    fn value(&mut self, at: &At<'_>, spot: Spot<'_>, closed: bool) -> Json {
        if spot.too_deep() {
            return at.node.to_json();
        }
        let open = at.scalar().is_some_and(|scalar| scalar.kind == ScalarKind::Text && holds_reference(&scalar.text));
        if open {
            // What it will be is known when the step is claimed.
            return at.node.to_json();
        }
        let constants = spot.constants();
        if constants.is_none() {
            self.alternatives(at, spot);
        }
        if !self.type_fits(at, spot) {
            return at.node.to_json();
        }
        self.choice(at, &constants.unwrap_or_default());
        self.bounds(at, spot);
        if at.is_map() {
            return self.map(at, spot, closed);
        }
        if at.is_list() {
            let item = spot.item();
            return at
                .items()
                .iter()
                .map(|at| item.map_or_else(|| at.node.to_json(), |spot| self.value(at, spot, false)))
                .collect();
        }
        match at.scalar() {
            Some(scalar) if is_text_wanted(scalar, spot) => Json::String(scalar.as_text()),
            Some(_) | None => at.node.to_json(),
        }
    }

    fn map(&mut self, at: &At<'_>, spot: Spot<'_>, closed: bool) -> Json {
        for missing in spot.array("required").iter().filter_map(Json::as_str) {
            if at.entry(missing).is_none() {
                let message = format!("the action `{}` needs `{missing}` here", self.action);
                self.fault(at, message);
            }
        }
        let least = spot.at.get("minProperties").and_then(Json::as_u64).unwrap_or(0);
        if (at.entries().len() as u64) < least {
            let message =
                format!("{} of the action `{}` is empty; give it a name with a value", at.path.last(), self.action);
            self.fault(at, message);
        }
        let nameless =
            spot.at.pointer("/propertyNames/minLength").and_then(Json::as_u64).is_some_and(|least| least > 0);
        if let Some(entry) = at.entries().iter().find(|entry| nameless && entry.key.is_empty()) {
            let message =
                format!("{} of the action `{}` has a key without letters; name it", at.path.last(), self.action);
            self.faults.push((entry.key_place, at.path.to_string(), message));
        }
        let mut json = serde_json::Map::new();
        for (entry, value) in at.fields() {
            let field = spot.field(&entry.key);
            if field.is_none() && refuses_others(spot, closed) {
                let names = spot.object("properties").into_iter().flat_map(|fields| fields.keys());
                let message = unknown_input(self.action, &entry.key, names.map(String::as_str));
                self.faults.push((entry.key_place, value.path.to_string(), message));
            }
            let made = field.map_or_else(|| entry.node.to_json(), |spot| self.value(&value, spot, false));
            json.insert(entry.key.clone(), made);
        }
        Json::Object(json)
    }

    /// `anyOf` and `oneOf` without types of their own: one of them must take the value.
    fn alternatives(&mut self, at: &At<'_>, spot: Spot<'_>) {
        let alternatives = spot.alternatives();
        if alternatives.is_empty() {
            return;
        }
        let fits = alternatives.iter().any(|spot| {
            let mut trial = Check { action: self.action, faults: Vec::new() };
            trial.value(at, *spot, false);
            trial.faults.is_empty()
        });
        if !fits {
            let forms: Vec<String> = alternatives.iter().map(describe).collect();
            let message = format!("{} of the action `{}` must have {}", at.path.last(), self.action, join_or(&forms));
            self.fault(at, message);
        }
    }

    fn type_fits(&mut self, at: &At<'_>, spot: Spot<'_>) -> bool {
        let types = spot.types();
        let fits = types.is_empty() || types.iter().any(|name| has_type(at, name));
        if !fits {
            let wanted: Vec<String> = types.iter().map(|name| type_noun(name).to_owned()).collect();
            let (name, noun) = (at.path.last(), at.node.noun());
            let wanted = join_or(&wanted);
            let message = format!("{name} of the action `{}` must be {wanted}, not {noun}", self.action);
            self.fault(at, message);
        }
        fits
    }

    fn choice(&mut self, at: &At<'_>, choices: &[&Json]) {
        let (value, text) = (at.node.to_json(), at.scalar().map(|scalar| scalar.as_text()).unwrap_or_default());
        if choices.is_empty()
            || choices.iter().any(|choice| **choice == value || choice.as_str() == Some(text.as_str()))
        {
            return;
        }
        let names: Vec<String> = choices.iter().map(|choice| plain(choice)).collect();
        let hint = match nearest(&text, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it may be {}", join_or(&quoted(&names))),
        };
        let message = format!("{} cannot be {}; {hint}", at.path.last(), at.node.noun());
        self.fault(at, message);
    }

    fn bounds(&mut self, at: &At<'_>, spot: Spot<'_>) {
        let value = match at.scalar().map(|scalar| scalar.kind) {
            Some(ScalarKind::Int(value)) => value as f64,
            Some(ScalarKind::Float(value)) => value,
            _ => return,
        };
        let bound = |keyword| spot.at.get(keyword).and_then(Json::as_f64);
        if let Some(least) = bound("minimum").filter(|least| value < *least) {
            self.fault(at, format!("{} must be {least} or more", at.path.last()));
        }
        let widest = match spot.at.get("format").and_then(Json::as_str) {
            Some("uint8") => Some(f64::from(u8::MAX)),
            Some("uint16") => Some(f64::from(u16::MAX)),
            Some("uint32") => Some(f64::from(u32::MAX)),
            Some(_) | None => None,
        };
        if let Some(most) = bound("maximum").or(widest).filter(|most| value > *most) {
            self.fault(at, format!("{} must be {most} or less", at.path.last()));
        }
    }
}

fn refuses_others(spot: Spot<'_>, closed: bool) -> bool {
    match spot.at.get("additionalProperties") {
        Some(Json::Bool(open)) => !open,
        Some(_) => false,
        None => closed && spot.object("properties").is_some(),
    }
}

fn unknown_input<'k>(action: &str, key: &str, names: impl Iterator<Item = &'k str>) -> String {
    let names: Vec<&str> = names.collect();
    match nearest(key, names.iter().copied()) {
        Some(near) => format!("the action `{action}` takes no `{key}`; did you mean `{near}`?"),
        None if names.is_empty() => {
            format!("the action `{action}` takes no `{key}`, nor any other input; remove it")
        }
        None => {
            format!("the action `{action}` takes no `{key}`; it takes `{}`", names.join("`, `"))
        }
    }
}

fn is_text_wanted(scalar: &Scalar, spot: Spot<'_>) -> bool {
    let types = spot.types();
    let fits = |name: &&str| match scalar.kind {
        ScalarKind::Null => *name == "null",
        ScalarKind::Bool(_) => *name == "boolean",
        ScalarKind::Int(_) => matches!(*name, "integer" | "number"),
        ScalarKind::Float(_) => *name == "number",
        ScalarKind::Text => *name == "string",
    };
    types.contains(&"string") && !types.iter().any(fits)
}

fn has_type(at: &At<'_>, name: &str) -> bool {
    let kind = at.scalar().map(|scalar| scalar.kind);
    match name {
        "object" => at.is_map(),
        "array" => at.is_list(),
        "null" => at.node.is_null(),
        "boolean" => matches!(kind, Some(ScalarKind::Bool(_))),
        "integer" => matches!(kind, Some(ScalarKind::Int(_))),
        "number" => matches!(kind, Some(ScalarKind::Int(_) | ScalarKind::Float(_))),
        // A number or a truth value where text is wanted is meant as its text.
        "string" => matches!(kind, Some(kind) if kind != ScalarKind::Null),
        _ => true,
    }
}

pub(super) fn type_noun(name: &str) -> &str {
    match name {
        "object" => "a map",
        "array" => "a list",
        "null" => "nothing",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        other => other,
    }
}

fn describe(spot: &Spot<'_>) -> String {
    let required: Vec<String> =
        spot.array("required").iter().filter_map(Json::as_str).map(|name| format!("`{name}`")).collect();
    let types: Vec<String> = spot.types().iter().map(|name| type_noun(name).to_owned()).collect();
    match (required.is_empty(), types.is_empty()) {
        (false, _) => required.join(" and "),
        (true, false) => format!("the form of {}", join_or(&types)),
        (true, true) => match spot.constants() {
            Some(choices) => {
                format!("one of the values {}", join_or(&quoted(&choices.into_iter().map(plain).collect::<Vec<_>>())))
            }
            None => match spot.alternatives().as_slice() {
                [] => "another form".to_owned(),
                forms => join_or(&forms.iter().map(describe).collect::<Vec<_>>()),
            },
        },
    }
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn quoted(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

fn join_or(words: &[String]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}
