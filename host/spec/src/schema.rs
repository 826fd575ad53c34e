//! The part of JSON Schema that plugins describe their input with: types, fields, items, choices and bounds.
//!
//! A schema comes with a plugin and is data, not law: a keyword that is not known here is left to the plugin, and
//! nothing here recurses further than [`MAX_SCHEMA_DEPTH`]. One thing is stricter than JSON Schema says: `with` itself
//! takes only the fields that its schema lists, unless `additionalProperties` is written out.
//!
//! A schema that a document's author writes (`output_schema`, `input_schema`) is law: it is checked where it stands
//! (`law`), and values are held against all of it (`fit`).

mod check;
mod fit;
mod law;

pub(crate) use check::check_with;
pub(crate) use fit::{Step as Into, fit, follow};
pub(crate) use law::read_law;

use serde_json::{Map, Value};

use crate::limits::{MAX_SCHEMA_CHOICES, MAX_SCHEMA_DEPTH, MAX_SCHEMA_WIDTH};

/// A schema with the document that its `$ref`s point into.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    root: Value,
}

/// One place in a schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot<'s> {
    schema: &'s Schema,
    at: &'s Value,
    depth: usize,
    /// How many choices (`anyOf`, `oneOf`) lead here; bounded, for choices within choices multiply.
    choices: usize,
}

impl Schema {
    /// None where there is no schema, or none that can be read: then nothing is checked.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let root: Value = serde_json::from_str(text).ok()?;
        root.is_object().then_some(Self { root })
    }

    pub(crate) fn spot(&self) -> Spot<'_> {
        Spot { schema: self, at: &self.root, depth: 0, choices: 0 }.follow()
    }
}

impl<'s> Spot<'s> {
    fn below(&self, at: &'s Value) -> Spot<'s> {
        Spot { at, depth: self.depth + 1, ..*self }.follow()
    }

    /// Goes where a local `$ref` points.
    fn follow(mut self) -> Self {
        while self.depth < MAX_SCHEMA_DEPTH {
            let pointer = self.at.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'));
            let Some(target) = pointer.and_then(|pointer| self.schema.root.pointer(pointer)) else {
                break;
            };
            self.at = target;
            self.depth += 1;
        }
        self
    }

    fn too_deep(&self) -> bool {
        self.depth >= MAX_SCHEMA_DEPTH
    }

    fn object(&self, keyword: &str) -> Option<&'s Map<String, Value>> {
        self.at.get(keyword).and_then(Value::as_object)
    }

    fn array(&self, keyword: &str) -> &'s [Value] {
        self.at.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Type names; empty: any.
    fn types(&self) -> Vec<&'s str> {
        match self.at.get("type") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The values that may stand here, where the schema lists them all: as `enum`, or as one `const` beside others.
    fn constants(&self) -> Option<Vec<&'s Value>> {
        if self.too_deep() {
            return None;
        }
        if let Some(one) = self.at.get("const") {
            return Some(vec![one]);
        }
        let listed = self.array("enum");
        if !listed.is_empty() {
            return Some(listed.iter().collect());
        }
        if self.types() == ["null"] {
            return Some(vec![&Value::Null]);
        }
        let alternatives = self.alternatives();
        let each: Option<Vec<_>> = alternatives.iter().map(Spot::constants).collect();
        each.map(|each| each.concat()).filter(|choices| !choices.is_empty())
    }

    fn alternatives(&self) -> Vec<Spot<'s>> {
        if self.choices >= MAX_SCHEMA_CHOICES {
            return Vec::new();
        }
        let each = self.array("anyOf").iter().chain(self.array("oneOf"));
        let choices = self.choices + 1;
        each.take(MAX_SCHEMA_WIDTH).map(|at| Spot { choices, ..self.below(at) }).collect()
    }

    /// The schema of a field.
    pub(crate) fn field(&self, key: &str) -> Option<Spot<'s>> {
        if self.too_deep() {
            return None;
        }
        let own = self.object("properties").and_then(|fields| fields.get(key));
        let own = own.or_else(|| self.at.get("additionalProperties").filter(|more| more.is_object()));
        own.map(|at| self.below(at)).or_else(|| self.alternatives().iter().find_map(|spot| spot.field(key)))
    }

    /// The schema of a list's items.
    pub(crate) fn item(&self) -> Option<Spot<'s>> {
        if self.too_deep() {
            return None;
        }
        let own = self.at.get("items").filter(|items| items.is_object());
        own.map(|at| self.below(at)).or_else(|| self.alternatives().iter().find_map(Spot::item))
    }

    /// Whether a text may stand here; where nothing is said, anything may.
    pub(crate) fn takes_text(&self) -> bool {
        if self.too_deep() {
            return true;
        }
        let types = self.types();
        let alternatives = self.alternatives();
        match (types.is_empty(), alternatives.is_empty()) {
            (false, _) => types.contains(&"string"),
            (true, false) => alternatives.iter().any(Spot::takes_text),
            (true, true) => true,
        }
    }

    /// The value that a text stands for where no text may stand: `"5"` where a number is wanted.
    pub(crate) fn coerce(&self, text: &str) -> Option<Value> {
        if self.takes_text() {
            return None;
        }
        let value: Value = serde_json::from_str(text.trim()).ok()?;
        (!value.is_string() && self.takes_type_of(&value)).then_some(value)
    }

    fn takes_type_of(&self, value: &Value) -> bool {
        if self.too_deep() {
            return true;
        }
        let types = self.types();
        let own = types.iter().any(|name| match *name {
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => false,
        });
        own || (types.is_empty() && self.alternatives().iter().any(|spot| spot.takes_type_of(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_what_the_schema_wants_and_nothing_else() {
        let table = [
            (r#"{"type":"integer"}"#, "5", Some("5")),
            (r#"{"type":"integer"}"#, "5.5", None),
            (r#"{"type":"number"}"#, " 5.5\n", Some("5.5")),
            (r#"{"type":"boolean"}"#, "true", Some("true")),
            (r#"{"type":"boolean"}"#, "yes", None),
            (r#"{"type":["string","integer"]}"#, "5", None),
            (r#"{}"#, "5", None),
            (r#"{"type":"array"}"#, "[1,2]", Some("[1,2]")),
            (r#"{"anyOf":[{"type":"null"},{"type":"integer"}]}"#, "7", Some("7")),
            (r##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"integer"}}}"##, "7", Some("7")),
        ];
        for (schema, text, wanted) in table {
            let parsed = Schema::parse(schema);
            let got = parsed.as_ref().and_then(|schema| schema.spot().coerce(text));
            assert_eq!(got.map(|value| value.to_string()).as_deref(), wanted, "{schema} {text}");
        }
    }

    #[test]
    fn a_schema_that_points_at_itself_ends() {
        let own = Schema::parse(r##"{"$ref":"#"}"##);
        assert_eq!(own.as_ref().map(|schema| schema.spot().takes_text()), Some(true));
        let nested = Schema::parse(r##"{"anyOf":[{"$ref":"#"}]}"##);
        assert!(nested.as_ref().is_some_and(|schema| schema.spot().field("x").is_none()));
        assert!(nested.as_ref().is_some_and(|schema| schema.spot().takes_text()));
    }
}
