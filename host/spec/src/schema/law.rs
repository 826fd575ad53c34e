//! JSON Schemas that a document's author writes: checked where they stand, so that a mistake is a fault of the document
//! and not of a step that has already run.

use pintle_core::plan::Json;
use serde_json::Value;

use crate::document::Scalar;
use crate::nearest::{did_you_mean, nearest};
use crate::reader::{At, Reader};

/// Where a schema stands in a keyword.
#[derive(Clone, Copy)]
enum Holds {
    /// A schema.
    Schema,
    /// A schema, or a list of them.
    SchemaOrList,
    /// A list of schemas, at least one.
    Schemas,
    /// A map of schemas.
    Named,
    /// A map of schemas whose keys are expressions.
    Patterns,
    /// Names of types.
    Types,
    /// A list of names.
    Names,
    /// A map of lists of names.
    NamesByName,
    /// A list of values, at least one.
    Values,
    /// Any value.
    Value,
    /// A number.
    Number,
    /// A number over 0.
    Step,
    /// A whole number from 0 on.
    Count,
    /// An expression.
    Pattern,
    /// `true` or `false`.
    Bool,
    /// `#` and where in this schema.
    Reference,
    /// Words for people and editors.
    Note,
}

const KEYWORDS: &[(&str, Holds)] = &[
    ("type", Holds::Types),
    ("properties", Holds::Named),
    ("required", Holds::Names),
    ("additionalProperties", Holds::Schema),
    ("patternProperties", Holds::Patterns),
    ("propertyNames", Holds::Schema),
    ("minProperties", Holds::Count),
    ("maxProperties", Holds::Count),
    ("dependentRequired", Holds::NamesByName),
    ("dependentSchemas", Holds::Named),
    ("items", Holds::SchemaOrList),
    ("prefixItems", Holds::Schemas),
    ("additionalItems", Holds::Schema),
    ("contains", Holds::Schema),
    ("minContains", Holds::Count),
    ("maxContains", Holds::Count),
    ("minItems", Holds::Count),
    ("maxItems", Holds::Count),
    ("uniqueItems", Holds::Bool),
    ("enum", Holds::Values),
    ("const", Holds::Value),
    ("minimum", Holds::Number),
    ("maximum", Holds::Number),
    ("exclusiveMinimum", Holds::Number),
    ("exclusiveMaximum", Holds::Number),
    ("multipleOf", Holds::Step),
    ("minLength", Holds::Count),
    ("maxLength", Holds::Count),
    ("pattern", Holds::Pattern),
    ("allOf", Holds::Schemas),
    ("anyOf", Holds::Schemas),
    ("oneOf", Holds::Schemas),
    ("not", Holds::Schema),
    ("if", Holds::Schema),
    ("then", Holds::Schema),
    ("else", Holds::Schema),
    ("$ref", Holds::Reference),
    ("$defs", Holds::Named),
    ("definitions", Holds::Named),
    ("title", Holds::Note),
    ("description", Holds::Note),
    ("default", Holds::Note),
    ("examples", Holds::Note),
    ("deprecated", Holds::Note),
    ("readOnly", Holds::Note),
    ("writeOnly", Holds::Note),
    ("format", Holds::Note),
    ("contentMediaType", Holds::Note),
    ("contentEncoding", Holds::Note),
    ("contentSchema", Holds::Note),
    ("$schema", Holds::Note),
    ("$id", Holds::Note),
    ("$comment", Holds::Note),
];

/// Keywords that would change what fits, and are not followed.
const BEYOND: &[&str] = &[
    "unevaluatedProperties",
    "unevaluatedItems",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$anchor",
    "dependencies",
];

const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/// A schema as JSON, if it has no fault.
pub(crate) fn read_law(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Json> {
    if !reader.expect_map(at, "type: object") {
        return None;
    }
    let root = at.node.to_json();
    let mut law = Law { reader, root: &root, sound: true };
    law.schema(at);
    let sound = law.sound;
    sound.then(|| Json(root.to_string()))
}

struct Law<'r, 'k> {
    reader: &'r mut Reader<'k>,
    root: &'r Value,
    sound: bool,
}

impl Law<'_, '_> {
    fn fault(&mut self, at: &At<'_>, message: String) {
        self.sound = false;
        self.reader.fault(at, message);
    }

    fn wants(&mut self, at: &At<'_>, fits: bool, wanted: &str) -> bool {
        if !fits {
            self.sound = false;
            self.reader.mismatch(at, wanted);
        }
        fits
    }

    fn schema(&mut self, at: &At<'_>) {
        if at.node.to_bool().is_some() || !self.wants(at, at.is_map(), "a schema such as `type: string`") {
            return;
        }
        for (entry, value) in at.fields() {
            let name = entry.key.as_str();
            if let Some((_, holds)) = KEYWORDS.iter().find(|(known, _)| *known == name) {
                self.keyword(&value, *holds);
            } else if BEYOND.contains(&name) {
                self.sound = false;
                let message = format!("the keyword `{name}` of JSON Schema is not followed here; say it without");
                self.reader.fault_key(at, name, message);
            } else {
                let known = KEYWORDS.iter().map(|(known, _)| *known);
                let hint = match nearest(name, known.filter(|_| self.reader.findings.takes_hint())) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "it says nothing".to_owned(),
                };
                self.reader.notice_key(at, name, format!("JSON Schema has no keyword `{name}`; {hint}"));
            }
        }
    }

    fn keyword(&mut self, at: &At<'_>, holds: Holds) {
        match holds {
            Holds::Note | Holds::Value => {}
            Holds::Schema => self.schema(at),
            Holds::SchemaOrList if !at.is_list() => self.schema(at),
            Holds::Schemas | Holds::SchemaOrList => {
                if self.wants(at, at.is_list() && !at.items().is_empty(), "a list of schemas that is not empty") {
                    at.items().iter().for_each(|item| self.schema(item));
                }
            }
            Holds::Named | Holds::Patterns => self.named(at, matches!(holds, Holds::Patterns)),
            Holds::Types => self.types(at),
            Holds::Names => self.names(at),
            Holds::NamesByName => {
                if self.wants(at, at.is_map(), "a map of lists of names") {
                    at.fields().for_each(|(_, names)| self.names(&names));
                }
            }
            Holds::Values => {
                self.wants(at, at.is_list() && !at.items().is_empty(), "a list of values that is not empty");
            }
            Holds::Number => {
                self.wants(at, at.node.to_json().is_number(), "a number");
            }
            Holds::Step => {
                let over = at.node.to_json().as_f64().is_some_and(|number| number > 0.0);
                self.wants(at, over, "a number over 0");
            }
            Holds::Count => {
                self.wants(at, at.node.to_json().is_u64(), "a whole number from 0 on");
            }
            Holds::Bool => {
                self.wants(at, at.node.to_bool().is_some(), "`true` or `false`");
            }
            Holds::Pattern => {
                if let Some(pattern) = self.text(at) {
                    self.sound &= self.reader.check_pattern(at, &pattern);
                }
            }
            Holds::Reference => self.reference(at),
        }
    }

    fn named(&mut self, at: &At<'_>, patterns: bool) {
        if !self.wants(at, at.is_map(), "a map of schemas") {
            return;
        }
        for (entry, schema) in at.fields() {
            if patterns {
                self.sound &= self.reader.check_pattern(&schema, &entry.key);
            }
            self.schema(&schema);
        }
    }

    fn types(&mut self, at: &At<'_>) {
        for item in at.items() {
            let Some(name) = self.text(&item) else { continue };
            if !TYPES.contains(&name.as_str()) {
                let hint = did_you_mean(
                    &name,
                    TYPES,
                    "use `object`, `array`, `string`, `number`, `integer`, `boolean` or `null`",
                );
                self.fault(&item, format!("`{name}` is not a type of JSON Schema; {hint}"));
            }
        }
    }

    fn names(&mut self, at: &At<'_>) {
        if self.wants(at, at.is_list(), "a list of names") {
            at.items().iter().for_each(|item| drop(self.text(item)));
        }
    }

    /// Text, and nothing that is read as something else.
    fn text(&mut self, at: &At<'_>) -> Option<String> {
        let text = at.scalar().map(Scalar::to_json).and_then(|json| json.as_str().map(str::to_owned));
        self.wants(at, text.is_some(), "text");
        text
    }

    fn reference(&mut self, at: &At<'_>) {
        let Some(target) = self.text(at) else { return };
        match target.strip_prefix('#') {
            None => self.fault(
                at,
                format!(
                    "`{target}` leads out of the schema, and nothing is fetched; write what it means under `$defs`"
                ),
            ),
            Some(pointer) if self.root.pointer(pointer).is_none() => {
                self.fault(at, format!("`{target}` leads nowhere in this schema; name a place such as `#/$defs/NAME`"));
            }
            Some(_) => {}
        }
    }
}
