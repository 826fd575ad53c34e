//! What an action takes, opened for what may stand in a document: references that become values later, and numbers
//! where text is meant.

use serde_json::{Map, Value, json};

/// Keywords that hold a schema for each name.
const BY_NAME: [&str; 3] = ["properties", "$defs", "definitions"];
/// Keywords that hold a list of schemas.
const LISTS: [&str; 3] = ["anyOf", "oneOf", "allOf"];
/// Keywords that look into a text, which a reference would not satisfy.
const INTO_TEXT: [&str; 5] = ["pattern", "minLength", "maxLength", "enum", "const"];

/// The schema of `with`, as it stands at `place` (`#/$defs/...`) of another; none where there is none to be read.
pub(super) fn input(text: &str, place: &str) -> Option<Map<String, Value>> {
    let root: Value = serde_json::from_str(text).ok()?;
    let mut input = opened(root.as_object()?, place);
    input.remove("$schema");
    input.entry("type").or_insert_with(|| "object".into());
    if input.contains_key("properties") {
        input.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    Some(input)
}

/// A schema whose parts take references too; itself as strict as it was.
fn opened(schema: &Map<String, Value>, place: &str) -> Map<String, Value> {
    let mut made = Map::new();
    for (keyword, value) in schema {
        let value = match (keyword.as_str(), value) {
            ("$ref", Value::String(target)) => moved(target, place).into(),
            (name, Value::Object(parts)) if BY_NAME.contains(&name) => {
                parts.iter().map(|(name, part)| (name.clone(), part_of(part, place))).collect()
            }
            // One word for all of them that a reference may stand there is enough: it is said around them.
            (name, Value::Array(parts)) if LISTS.contains(&name) => {
                parts.iter().map(|part| form_of(part, place)).collect()
            }
            ("items" | "additionalProperties", part) => part_of(part, place),
            (_, value) => value.clone(),
        };
        // As the check does: which of several forms is meant is left to the plugin.
        let keyword = if keyword == "oneOf" { "anyOf" } else { keyword };
        made.insert(keyword.to_owned(), value);
    }
    let chosen = made.contains_key("enum") || made.contains_key("const");
    if let Some(types) = made.get("type").filter(|_| !chosen).and_then(with_text) {
        made.insert("type".into(), types);
    }
    made
}

fn form_of(form: &Value, place: &str) -> Value {
    form.as_object().map_or_else(|| form.clone(), |form| Value::Object(opened(form, place)))
}

fn part_of(part: &Value, place: &str) -> Value {
    let Value::Object(part) = part else { return part.clone() };
    let mut made = opened(part, place);
    let takes_any_text = match made.get("type") {
        None => !made.keys().any(|keyword| LISTS.contains(&keyword.as_str()) || INTO_TEXT.contains(&keyword.as_str())),
        Some(types) => names(types, "string") && !INTO_TEXT.iter().any(|keyword| made.contains_key(*keyword)),
    };
    // What is pointed at takes references already.
    if takes_any_text || made.contains_key("$ref") {
        return Value::Object(made);
    }
    let mut whole = Map::new();
    for said in ["description", "title", "default", "examples"] {
        whole.extend(made.remove(said).map(|value| (said.to_owned(), value)));
    }
    let reference = json!({"type": "string", "pattern": "\\$"});
    let forms = match made.remove("anyOf") {
        Some(Value::Array(mut forms)) if made.is_empty() => {
            forms.push(reference);
            forms
        }
        forms => {
            made.extend(forms.map(|forms| ("anyOf".to_owned(), forms)));
            vec![Value::Object(made), reference]
        }
    };
    whole.insert("anyOf".into(), forms.into());
    Value::Object(whole)
}

/// `#/...` in a schema that now stands elsewhere.
fn moved(target: &str, place: &str) -> String {
    target.strip_prefix('#').map_or_else(|| target.to_owned(), |pointer| format!("{place}{pointer}"))
}

fn names(types: &Value, name: &str) -> bool {
    types.as_str() == Some(name) || types.as_array().is_some_and(|types| types.iter().any(|one| one == name))
}

/// Numbers and truth values are text where text is wanted.
fn with_text(types: &Value) -> Option<Value> {
    if !names(types, "string") {
        return None;
    }
    let mut all = types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
    for also in ["number", "boolean"] {
        if !all.iter().any(|one| one == also) {
            all.push(also.into());
        }
    }
    Some(all.into())
}
