//! The language as a JSON Schema (draft 2020-12), for editors: made of the one table of fields and of what actions take.
//!
//! It promises one thing: a document that is taken fits the schema. The other way round it is as strict as one schema
//! of one document can be: what is said between steps (dependencies, references, twins) and inside texts (cron
//! expressions, regular expressions, quotes) only [`crate::parse`] knows.

mod with;

use serde_json::{Map, Value, json};

use crate::ask::NOT_OF_A_TASK;
use crate::fields::{CUSTOM, DAG, Empty, FORM, Field, Fields, Need, RUN_WITH, STEP, Shape};
use crate::known::HUMAN_TASK;
use crate::known::{CORE_ACTIONS, KnownActions};
use crate::limits::MAX_SECONDS;
use crate::route::ROUTER;
use crate::step::SIGNALS;

/// The schema of a document, with the actions that Pintle performs itself and those that are known besides. The same
/// table and the same actions give the same text.
#[must_use]
pub fn language_schema(known: &dyn KnownActions) -> Value {
    let mut maker = Maker { actions: actions(known), definitions: Map::new() };
    let root = maker.definition(&DAG);
    let _ = maker.reference(&RUN_WITH);
    let _ = maker.reference(&CUSTOM);
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), "Pintle DAG".into());
    schema.insert("description".into(), "A DAG of steps, as `pintle start` runs it.".into());
    schema.extend(root);
    schema.insert("$defs".into(), Value::Object(maker.definitions));
    Value::Object(schema)
}

/// An action as an editor needs it.
struct Action {
    name: String,
    summary: String,
    /// JSON Schema of `with`, as text.
    input: String,
}

/// All actions by their names, but `run`, which is a field.
fn actions(known: &dyn KnownActions) -> Vec<Action> {
    let core = CORE_ACTIONS.iter().filter(|core| known.action(core.name).is_none()).map(|core| Action {
        name: core.name.to_owned(),
        summary: core.summary.to_owned(),
        input: core.input_schema.to_owned(),
    });
    let rows = known.names().into_iter().filter(|name| *name != "run").filter_map(|name| known.action(name));
    let rows = rows.map(|row| Action {
        name: row.name.clone(),
        summary: row.summary.clone(),
        input: row.input_schema.clone(),
    });
    let mut all: Vec<Action> = core.chain(rows).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|a, b| a.name == b.name);
    all
}

struct Maker {
    actions: Vec<Action>,
    definitions: Map<String, Value>,
}

impl Maker {
    /// A map of one kind.
    fn definition(&mut self, fields: &'static Fields) -> Map<String, Value> {
        let mut properties = Map::new();
        for field in fields.read {
            properties.insert(field.name.into(), self.property(field, field.about));
        }
        for field in fields.inert {
            properties.insert(field.name.into(), self.property(field, &format!("Accepted, but {}.", field.about)));
        }
        let required: Vec<&str> =
            fields.read.iter().filter(|field| field.need == Need::Required).map(|field| field.name).collect();
        let mut definition = object(json!({"type": "object", "properties": properties}));
        if !required.is_empty() {
            definition.insert("required".into(), required.into());
        }
        definition.insert("additionalProperties".into(), false.into());
        definition.extend(object(raw(fields.together)));
        if fields.key == STEP.key {
            definition.insert("allOf".into(), self.inputs());
        }
        if fields.key == DAG.key {
            definition.insert("allOf".into(), self.known_actions());
        }
        definition
    }

    /// Where a map of one kind is described.
    fn reference(&mut self, fields: &'static Fields) -> Value {
        if !self.definitions.contains_key(fields.key) {
            // The place is taken first: a step holds a `foreach`, and that holds steps.
            self.definitions.insert(fields.key.into(), Value::Null);
            let definition = self.definition(fields);
            self.definitions.insert(fields.key.into(), Value::Object(definition));
        }
        json!({"$ref": format!("#/$defs/{}", fields.key)})
    }

    fn property(&mut self, field: &Field, about: &str) -> Value {
        let shape = self.shape(&field.shape);
        let mut property = object(if field.need == Need::Free { or_null(shape) } else { shape });
        let about =
            field.today.map_or_else(|| about.to_owned(), |today| format!("{about} An old form: write {today}."));
        property.insert("description".into(), about.into());
        if let Some(usual) = field.usual {
            property.insert("default".into(), raw(usual));
        }
        if field.today.is_some() {
            property.insert("deprecated".into(), true.into());
        }
        Value::Object(property)
    }

    fn shape(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Anything => json!({}),
            Shape::Text => json!({"type": TEXT}),
            Shape::Word => json!({"type": TEXT, "pattern": "\\S"}),
            Shape::Like(pattern) => json!({"type": ["string", "boolean"], "pattern": pattern}),
            Shape::Choice(words) => json!({"enum": words}),
            Shape::Signal => signal(),
            // The document may describe others itself.
            Shape::Action => json!({"anyOf": [
                {"enum": self.actions.iter().map(|action| &action.name).collect::<Vec<_>>()},
                {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*(\\.[A-Za-z][A-Za-z0-9_-]*)*$"},
            ]}),
            Shape::Bool => json!({"type": "boolean"}),
            Shape::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Shape::Number => json!({"type": "number"}),
            Shape::Seconds => json!({"type": "number", "minimum": 0, "maximum": MAX_SECONDS}),
            Shape::Map(fields) => self.reference(fields),
            Shape::Named(value, empty) => self.named(value, *empty),
            Shape::List(item) => json!({"type": "array", "items": self.shape(item)}),
            Shape::Some(item) => json!({"type": "array", "items": self.shape(item), "minItems": 1}),
            Shape::Many(one) => {
                let one = self.shape(one);
                any_of([one.clone(), json!({"type": "array", "items": one})])
            }
            Shape::Either(forms) => any_of(forms.iter().map(|form| self.shape(form)).collect::<Vec<_>>()),
            Shape::All(forms) => json!({"allOf": forms.iter().map(|form| self.shape(form)).collect::<Vec<_>>()}),
            Shape::Raw(text) => raw(text),
        }
    }

    fn named(&mut self, value: &Shape, empty: Empty) -> Value {
        let value = self.shape(value);
        let value = match empty {
            Empty::Blank => or_null(value),
            Empty::Refused => value,
        };
        json!({
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
            "additionalProperties": value,
        })
    }

    /// Where a document describes no actions itself, its steps have those that there are.
    fn known_actions(&self) -> Value {
        let names: Vec<&String> = self.actions.iter().map(|action| &action.name).collect();
        json!([{
            "if": {"not": {"anyOf": [{"required": ["actions"]}, {"required": ["step_types"]}]}},
            "then": {"properties": {"steps": {"items": {"properties": {"action": {"enum": names}}}}}},
        }])
    }

    /// What `with` is, action by action.
    fn inputs(&mut self) -> Value {
        let mut cases = vec![json!({
            "if": {"required": ["run"]},
            "then": {"properties": {"with": or_null(json!({"$ref": format!("#/$defs/{}", RUN_WITH.key)}))}},
        })];
        let actions = std::mem::take(&mut self.actions);
        for action in &actions {
            let key = format!("with:{}", action.name);
            let Some(mut input) = with::input(&action.input, &format!("#/$defs/{key}")) else { continue };
            let needed = input.get("required").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
            input.entry("description").or_insert_with(|| action.summary.clone().into());
            if action.name == HUMAN_TASK {
                // Its form is part of the language: nothing in it is resolved.
                let parts = [("form", self.reference(&FORM)), ("prompt", self.shape(&Shape::Word))];
                if let Some(properties) = input.get_mut("properties").and_then(Value::as_object_mut) {
                    properties.extend(parts.map(|(name, schema)| (name.to_owned(), schema)));
                }
                let none = NOT_OF_A_TASK.map(|name| (name.to_owned(), Value::Bool(false)));
                cases.push(json!({
                    "if": {"properties": {"action": {"const": HUMAN_TASK}}, "required": ["action"]},
                    "then": {"properties": Map::from_iter(none), "required": ["id"]},
                }));
            }
            self.definitions.insert(key.clone(), Value::Object(input));
            let input = json!({"$ref": format!("#/$defs/{key}")});
            let then = if action.name == ROUTER {
                let beside = json!({"anyOf": [{"required": ["value"]}, {"required": ["routes"]}]});
                json!({"properties": {"with": input}, "oneOf": [
                    {"required": ["with"], "not": beside},
                    {"required": ["value", "routes"], "not": {"required": ["with"]}},
                ]})
            } else if needed {
                json!({"properties": {"with": input}, "required": ["with"]})
            } else {
                json!({"properties": {"with": or_null(input)}})
            };
            cases.push(json!({
                "if": {"properties": {"action": {"const": action.name}}, "required": ["action"]},
                "then": then,
            }));
        }
        self.actions = actions;
        cases.into()
    }
}

/// The types that are text where text is wanted.
const TEXT: [&str; 3] = ["string", "number", "boolean"];

/// JSON that stands in the table; nothing where it is no JSON, which a test rules out.
fn raw(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!({}))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Forms within forms are forms of the whole.
fn any_of(forms: impl IntoIterator<Item = Value>) -> Value {
    let mut all: Vec<Value> = Vec::new();
    for form in forms {
        match form.get("anyOf").and_then(Value::as_array) {
            Some(inner) if form.as_object().is_some_and(|form| form.len() == 1) => all.extend(inner.iter().cloned()),
            _ => all.push(form),
        }
    }
    json!({"anyOf": all})
}

/// A field that is written without a value is as good as not written.
fn or_null(schema: Value) -> Value {
    let Value::Object(mut object) = schema else { return schema };
    if object.is_empty() {
        return Value::Object(object);
    }
    if let Some(choices) = object.get_mut("enum").and_then(Value::as_array_mut) {
        choices.push(Value::Null);
        return Value::Object(object);
    }
    match object.get_mut("type") {
        Some(Value::Array(types)) => {
            if !types.contains(&Value::from("null")) {
                types.push("null".into());
            }
            Value::Object(object)
        }
        Some(one @ Value::String(_)) => {
            *one = json!([one.clone(), "null"]);
            Value::Object(object)
        }
        Some(_) | None => any_of([Value::Object(object), json!({"type": "null"})]),
    }
}

/// A signal's name in whatever case, with or without `SIG`.
fn signal() -> Value {
    let any_case = |word: &str| -> String {
        let letter = |c: char| match c.is_ascii_alphabetic() {
            true => format!("[{c}{}]", c.to_ascii_lowercase()),
            false => c.to_string(),
        };
        word.chars().map(letter).collect()
    };
    let names: Vec<String> = SIGNALS.iter().map(|name| any_case(name.trim_start_matches("SIG"))).collect();
    let pattern = format!("^\\s*(?:{})?(?:{})\\s*$", any_case("SIG"), names.join("|"));
    json!({"type": "string", "pattern": pattern, "examples": SIGNALS})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields;

    const ALL: [&Fields; 28] = [
        &fields::DAG,
        &fields::DEFAULTS,
        &fields::HANDLERS,
        &fields::STEP,
        &fields::RUN_WITH,
        &fields::OUTPUT,
        &fields::OUTPUT_FIELD,
        &fields::STDOUT,
        &fields::STDERR,
        &fields::STDOUT_OUTPUTS,
        &fields::STDOUT_FIELD,
        &fields::CUSTOM,
        &fields::ARTIFACTS,
        &fields::PARALLEL,
        &fields::FOREACH,
        &fields::APPROVAL,
        &fields::FORM,
        &fields::FORM_FIELD,
        &fields::RETRY,
        &fields::REPEAT,
        &fields::CONTINUE_ON,
        &fields::PRECONDITION,
        &fields::PARAM,
        &fields::PARAM_SCHEMA,
        &fields::PARAM_PROPERTY,
        &fields::PARAM_VALUES,
        &fields::SCHEDULES,
        &fields::SCHEDULE,
    ];

    #[test]
    fn json_in_the_table_is_json() {
        let is_json = |text: &str| serde_json::from_str::<Value>(text).is_ok();
        for kind in ALL {
            assert!(kind.together.is_empty() || is_json(kind.together), "{}: {}", kind.key, kind.together);
            for field in kind.read.iter().chain(kind.inert) {
                assert!(field.usual.is_none_or(is_json), "{}.{}: {:?}", kind.key, field.name, field.usual);
                walk(&field.shape, &mut |shape| {
                    if let Shape::Raw(text) = shape {
                        assert!(is_json(text), "{}.{}: {text}", kind.key, field.name);
                    }
                });
            }
        }
    }

    fn walk(shape: &Shape, see: &mut impl FnMut(&Shape)) {
        see(shape);
        match shape {
            Shape::Named(inner, _) | Shape::List(inner) | Shape::Some(inner) | Shape::Many(inner) => walk(inner, see),
            Shape::Either(forms) | Shape::All(forms) => forms.iter().for_each(|form| walk(form, see)),
            _ => {}
        }
    }

    #[test]
    fn every_field_has_one_row_and_a_sentence() {
        for kind in ALL {
            let mut names: Vec<&str> = kind.read.iter().chain(kind.inert).map(|field| field.name).collect();
            names.extend(kind.refused.iter().map(|(name, _)| *name));
            names.sort_unstable();
            let twice: Vec<_> = names.windows(2).filter(|pair| pair.first() == pair.last()).collect();
            assert!(twice.is_empty(), "{}: {twice:?}", kind.key);
            for field in kind.read {
                assert!(field.about.ends_with('.'), "{}.{}: {}", kind.key, field.name, field.about);
            }
        }
    }

    #[test]
    fn every_kind_of_map_is_described_under_its_own_key() {
        let schema = language_schema(&Vec::<pintle_core::plugin::ActionRow>::new());
        for kind in ALL.iter().skip(1) {
            let at = format!("/$defs/{}/properties", kind.key);
            let properties = schema.pointer(&at).and_then(Value::as_object);
            let known = properties.map(|properties| properties.len());
            assert_eq!(known, Some(kind.read.len() + kind.inert.len()), "{}", kind.key);
        }
    }
}
