//! Actions that a document describes itself.

use super::{Fields, Shape, field};

/// A JSON Schema.
const SCHEMA: Shape = Shape::Raw(r#"{"type":"object"}"#);

/// `actions`: by name, as steps call them.
pub(super) const FORMS: Shape = Shape::All(&[
    Shape::Raw(
        r#"{"type":"object","propertyNames":{"pattern":"^[A-Za-z][A-Za-z0-9_-]*(\\.[A-Za-z][A-Za-z0-9_-]*)*$"}}"#,
    ),
    Shape::Raw(r##"{"additionalProperties":{"$ref":"#/$defs/custom"}}"##),
]);

/// One of them.
pub(crate) static CUSTOM: Fields = Fields {
    key: "custom",
    of: "an action of the document",
    read: &[
        field("description", Shape::Text, "What it is for; its steps take it over."),
        field("input_schema", SCHEMA, "JSON Schema of the inputs, which are a map; defaults in it are filled in.").required(),
        field("output_schema", SCHEMA, "JSON Schema that standard output of its steps must fit, as one JSON value."),
        field(
            "template",
            Shape::Raw(r#"{"type":"object","properties":{"id":false,"name":false,"depends":false,"foreach":false,"call":false,"exec":false,"executor":false,"type":false}}"#),
            "The step that it stands for: `{{ .input.NAME }}` in a text, `{$input: NAME}` for a value with its type.",
        )
        .required(),
        field("type", Shape::Word, "The kind of step of an old definition.").old("`run:` or `action:` in the template"),
    ],
    inert: &[],
    refused: &[],
    together: r#"{
        "if": {"not": {"required": ["type"]}},
        "then": {"properties": {"template": {
            "anyOf": [{"required": ["run"]}, {"required": ["action"]}],
            "properties": {"command": false, "script": false, "config": false}
        }}}
    }"#,
};
