//! What remains of a step.

use super::shape::{Empty, NAME};
use super::{Fields, Shape, field};
use crate::limits::MAX_SELECT_BYTES;

const DECODE: Shape = Shape::Choice(&["text", "json", "yaml"]);

/// Outputs by name: a map that has a word of the long form is one, every other value is the output itself.
pub(super) const FIELDS: Shape = Shape::All(&[
    Shape::Raw(
        r#"{"type":"object","minProperties":1,"maxProperties":1000,"propertyNames":{"pattern":"^[A-Za-z_][A-Za-z0-9_]*$"}}"#,
    ),
    Shape::Named(
        &Shape::Either(&[
            Shape::Raw(
                r#"{"not":{"anyOf":[{"type":"null"},{"type":"object","anyOf":[{"required":["value"]},{"required":["from"]},{"required":["path"]},{"required":["decode"]},{"required":["select"]}]}]}}"#,
            ),
            Shape::Map(&OUTPUT_FIELD),
        ]),
        Empty::Refused,
    ),
]);

/// One output that is not the value itself.
pub(crate) static OUTPUT_FIELD: Fields = Fields {
    key: "output_field",
    of: "an output",
    read: &[
        field("value", Shape::Anything, "The value itself; strings in it may hold references."),
        field(
            "from",
            Shape::Choice(&["stdout", "stderr", "file"]),
            "Where the output is read when the step has succeeded.",
        ),
        field("path", Shape::Word, "The file that is read; a relative path begins at the step's directory."),
        field("decode", DECODE, "How it is written there.").usual(r#""text""#),
        field("select", SELECT, "A jq program over what was decoded; no reference in it is followed."),
    ],
    inert: &[],
    refused: &[],
    together: r#"{
        "oneOf": [
            {"required": ["value"], "not": {"anyOf": [
                {"required": ["from"]}, {"required": ["path"]}, {"required": ["decode"]}, {"required": ["select"]}
            ]}},
            {"required": ["from"], "not": {"required": ["value"]}}
        ],
        "if": {"properties": {"from": {"const": "file"}}, "required": ["from"]},
        "then": {"required": ["path"]},
        "else": {"not": {"required": ["path"], "properties": {"path": {"not": {"type": "null"}}}}},
        "dependentSchemas": {"select": {"anyOf": [
            {"properties": {"select": {"type": "null"}}},
            {"properties": {"decode": {"enum": ["json", "yaml"]}}, "required": ["decode"]}
        ]}}
    }"#,
};

const SELECT: Shape = Shape::All(&[Shape::Word, Shape::Raw(r#"{"maxLength":16384}"#)]);

/// A path that stays where it begins.
const ARTIFACT: Shape = Shape::All(&[
    Shape::Word,
    Shape::Raw(r#"{"type":"string","not":{"pattern":"^[/\\\\~]|^.:|(^|[/\\\\])\\.\\.([/\\\\]|$)"}}"#),
]);

/// `artifacts` of the root.
pub(crate) static ARTIFACTS: Fields = Fields {
    key: "artifacts",
    of: "`artifacts`",
    read: &[
        field("enabled", Shape::Bool, "Whether runs have artifacts; without it, they do where a step uses them."),
        field(
            "dir",
            Shape::Word,
            "Directory that holds one for each run, relative to the DAG's file; without it, they stand in the data directory.",
        ),
    ],
    inert: &[],
    refused: &[],
    together: "",
};

const _: () = assert!(MAX_SELECT_BYTES == 16_384, "the bound stands in the schema too");

/// One declared output.
pub(crate) static OUTPUT: Fields = Fields {
    key: "output",
    of: "a declared output",
    read: &[
        field("name", NAME, "By what references call it.").required(),
        field("type", Shape::Choice(&["string", "json"]), "Whether its text is taken as it is, or as JSON.")
            .usual(r#""string""#),
    ],
    inert: &[],
    refused: &[("path", "belongs to `type: build`, which this version does not run; remove it")],
    together: "",
};

/// `stdout` as a map.
pub(crate) static STDOUT: Fields = Fields {
    key: "stdout",
    of: "`stdout`",
    read: &[
        field(
            "artifact",
            ARTIFACT,
            "Artifact of the run that it becomes: a path below the run's directory of artifacts.",
        ),
        field(
            "outputs",
            Shape::Either(&[NAME, Shape::Map(&STDOUT_OUTPUTS)]),
            "Outputs that are taken out of standard output, for whoever runs the DAG too: a name for all of it, or how it is read.",
        ),
    ],
    inert: &[],
    refused: &[],
    together: r#"{"minProperties":1}"#,
};

/// `stderr` as a map.
pub(crate) static STDERR: Fields = Fields {
    key: "stderr",
    of: "`stderr`",
    read: &[field(
        "artifact",
        ARTIFACT,
        "Artifact of the run that it becomes: a path below the run's directory of artifacts.",
    )],
    inert: &[],
    refused: &[("outputs", "belongs to `stdout`; read standard error with `output: {NAME: {from: stderr}}`")],
    together: r#"{"minProperties":1}"#,
};

/// `outputs` of `stdout`, as a map.
pub(crate) static STDOUT_OUTPUTS: Fields = Fields {
    key: "stdout_outputs",
    of: "`outputs` of `stdout`",
    read: &[
        field("field", NAME, "Name of the one output; without it, each key of the object is an output."),
        field("decode", DECODE, "How standard output is written.").usual(r#""text""#),
        field("select", SELECT, "A jq program over what was decoded."),
        field(
            "fields",
            Shape::All(&[
                Shape::Raw(
                    r#"{"type":"object","minProperties":1,"maxProperties":1000,"propertyNames":{"pattern":"^[A-Za-z_][A-Za-z0-9_]*$"}}"#,
                ),
                Shape::Named(&Shape::Map(&STDOUT_FIELD), Empty::Refused),
            ]),
            "Outputs one by one.",
        ),
    ],
    inert: &[],
    refused: &[],
    together: r#"{
        "anyOf": [
            {"required": ["fields"], "not": {"anyOf": [{"required": ["field"]}, {"required": ["decode"]}, {"required": ["select"]}]}},
            {"not": {"required": ["fields"]}, "anyOf": [
                {"required": ["field"]},
                {"properties": {"decode": {"enum": ["json", "yaml"]}}, "required": ["decode"]}
            ]},
            {"properties": {"fields": {"type": "null"}, "decode": {"enum": ["json", "yaml"]}}, "required": ["decode"]},
            {"properties": {"fields": {"type": "null"}}, "required": ["field"]}
        ],
        "dependentSchemas": {"select": {"anyOf": [
            {"properties": {"select": {"type": "null"}}},
            {"properties": {"decode": {"enum": ["json", "yaml"]}}, "required": ["decode"]}
        ]}}
    }"#,
};

/// One of its `fields`.
pub(crate) static STDOUT_FIELD: Fields = Fields {
    key: "stdout_field",
    of: "an output of `stdout`",
    read: &[
        field("value", Shape::Anything, "The value itself; strings in it may hold references."),
        field("decode", DECODE, "How standard output is written.").usual(r#""text""#),
        field("select", SELECT, "A jq program over what was decoded."),
    ],
    inert: &[],
    refused: &[
        ("from", "is known here: it is standard output; other sources are read with `output:`"),
        ("path", "belongs to `output:` with `from: file`; here standard output is read"),
    ],
    together: r#"{"dependentSchemas":{"value":{"not":{"anyOf":[{"required":["decode"]},{"required":["select"]}]}}}}"#,
};
