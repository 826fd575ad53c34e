//! `params`, in all of its forms.

use super::shape::{Empty, NAME};
use super::{Fields, Shape, field};

/// A line, a map, a list, a schema, or a schema with values.
pub(super) const FORMS: Shape = Shape::Either(&[
    Shape::Text,
    Shape::Map(&PARAM_SCHEMA),
    Shape::Map(&PARAM_VALUES),
    Shape::Named(&Shape::Text, Empty::Blank),
    Shape::List(&Shape::Either(&[Shape::Map(&PARAM), UNTYPED, Shape::Text])),
]);

/// An item of a list that declares no type.
const UNTYPED: Shape = Shape::Raw(
    r#"{"type":"object","not":{"required":["name"]},"propertyNames":{"pattern":"^[A-Za-z_][A-Za-z0-9_]*$"},"additionalProperties":{"type":["string","number","boolean","null"]}}"#,
);

const KINDS: Shape = Shape::Choice(&["string", "integer", "number", "boolean"]);
const LENGTH: Shape = Shape::Whole(0, u32::MAX as i64);

/// What a value's type says of its default and of its bounds; the bounds of a text's length go by these names.
macro_rules! by_type {
    ($least:literal, $most:literal) => {
        concat!(
            r#"{
        "allOf": [
            {
                "if": {"properties": {"type": {"const": "integer"}}, "required": ["type"]},
                "then": {"properties": {"default": {"type": ["integer", "string", "null"], "pattern": "\\$"}}}
            },
            {
                "if": {"properties": {"type": {"const": "number"}}, "required": ["type"]},
                "then": {"properties": {"default": {"type": ["number", "string", "null"], "pattern": "\\$"}}}
            },
            {
                "if": {"properties": {"type": {"const": "boolean"}}, "required": ["type"]},
                "then": {"properties": {"default": {"type": ["boolean", "string", "null"], "pattern": "\\$"}}}
            },
            {
                "if": {"properties": {"type": {"enum": ["integer", "number"]}}, "required": ["type"]},
                "then": {"properties": {""#,
            $least,
            r#"": {"type": "null"}, ""#,
            $most,
            r#"": {"type": "null"}}},
                "else": {"properties": {"minimum": {"type": "null"}, "maximum": {"type": "null"}}}
            },
            {
                "if": {"properties": {"type": {"const": "boolean"}}, "required": ["type"]},
                "then": {"properties": {""#,
            $least,
            r#"": {"type": "null"}, ""#,
            $most,
            r#"": {"type": "null"}}}
            }
        ]
    }"#
        )
    };
}

/// One typed parameter.
pub(crate) static PARAM: Fields = Fields {
    key: "param",
    of: "a parameter",
    read: &[
        field("name", NAME, "`${params.NAME}`, and a variable of that name.").required(),
        field("type", KINDS, "What its value must be.").usual(r#""string""#),
        field("default", Shape::Text, "Its value where the caller gives none."),
        field("eval", Shape::Word, "Text with a command substitution that makes the default."),
        field("description", Shape::Text, "What it is for, in words for people."),
        field("required", Shape::Bool, "The caller must give it.").usual("false"),
        field("enum", Shape::List(&Shape::Text), "The values that are allowed."),
        field("minimum", Shape::Number, "The least number that is allowed."),
        field("maximum", Shape::Number, "The greatest number that is allowed."),
        field("min_length", LENGTH, "How many characters it has at least."),
        field("max_length", LENGTH, "How many characters it has at most."),
        field("pattern", Shape::Text, "A regular expression that its text must match."),
    ],
    inert: &[],
    refused: &[],
    together: by_type!("min_length", "max_length"),
};

/// `params` as a JSON Schema.
pub(crate) static PARAM_SCHEMA: Fields = Fields {
    key: "param_schema",
    of: "a schema of parameters",
    read: &[
        field("type", Shape::Choice(&["object"]), "Parameters are the properties of an object."),
        field("properties", Shape::Named(&Shape::Map(&PARAM_PROPERTY), Empty::Refused), "The parameters.").required(),
        field("required", Shape::Many(&Shape::Word), "Parameters that the caller must give."),
        field("additionalProperties", Shape::Bool, "Whether the caller may give others.").usual("false"),
        field("title", Shape::Anything, "What the parameters are called."),
        field("description", Shape::Anything, "What the parameters are for."),
        field("$schema", Shape::Anything, "The dialect of JSON Schema."),
        field("$id", Shape::Anything, "By what others call this schema."),
    ],
    inert: &[],
    refused: &[],
    together: "",
};

/// One property of it.
pub(crate) static PARAM_PROPERTY: Fields = Fields {
    key: "param_property",
    of: "a described parameter",
    read: &[
        field("type", KINDS, "What its value must be.").usual(r#""string""#),
        field("default", Shape::Text, "Its value where the caller gives none."),
        field("title", Shape::Text, "What it is called."),
        field("description", Shape::Text, "What it is for, in words for people."),
        field("enum", Shape::List(&Shape::Text), "The values that are allowed."),
        field("minimum", Shape::Number, "The least number that is allowed."),
        field("maximum", Shape::Number, "The greatest number that is allowed."),
        field("minLength", LENGTH, "How many characters it has at least."),
        field("maxLength", LENGTH, "How many characters it has at most."),
        field("pattern", Shape::Text, "A regular expression that its text must match."),
    ],
    inert: &[],
    refused: &[],
    together: by_type!("minLength", "maxLength"),
};

/// `params` as a schema with values.
pub(crate) static PARAM_VALUES: Fields = Fields {
    key: "param_values",
    of: "`params` with a schema",
    read: &[
        field("schema", Shape::Map(&PARAM_SCHEMA), "The parameters, as a JSON Schema of an object.").required(),
        field("values", Shape::Named(&Shape::Text, Empty::Refused), "Defaults over those of the schema."),
    ],
    inert: &[],
    refused: &[],
    together: "",
};
