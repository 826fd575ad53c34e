//! What follows an end, and what must hold before a beginning.

use super::{Field, Fields, Shape, field};
use crate::limits::MAX_TRIES;

const CODES: Shape = Shape::Many(&Shape::Whole(i32::MIN as i64, i32::MAX as i64));
const BACKOFF: Field = field(
    "backoff",
    Shape::Raw(r#"{"anyOf":[{"type":"boolean"},{"const":0},{"type":"number","minimum":1,"maximum":1000}]}"#),
    "By what the wait grows each time; `true`: it doubles.",
)
.usual("false");
const MAX_INTERVAL: Field = field("max_interval_sec", Shape::Seconds, "Seconds beyond which the wait does not grow.");

/// `retry_policy`.
pub(crate) static RETRY: Fields = Fields {
    key: "retry_policy",
    of: "`retry_policy`",
    read: &[
        field("limit", Shape::Whole(0, MAX_TRIES as i64), "Tries after the first.").required(),
        field("interval_sec", Shape::Seconds, "Seconds between two tries.").usual("0"),
        BACKOFF,
        MAX_INTERVAL,
        field("exit_code", CODES, "Only failures with these exit codes are tried again."),
    ],
    inert: &[],
    refused: &[],
    together: "",
};

/// `repeat_policy`.
pub(crate) static REPEAT: Fields = Fields {
    key: "repeat_policy",
    of: "`repeat_policy`",
    read: &[
        field(
            "repeat",
            Shape::Raw(r#"{"enum":[true,false,"while","until","always"]}"#),
            "`while` or `until` the condition holds; `true`: for ever, or what the condition implies.",
        ),
        field("interval_sec", Shape::Seconds, "Seconds between two repetitions.").usual("1"),
        field("limit", Shape::Whole(0, MAX_TRIES as i64), "Repetitions at most; 0: no limit."),
        BACKOFF,
        MAX_INTERVAL,
        field("condition", Shape::Word, "A command that must succeed, or, with `expected`, a value."),
        field("eval", Shape::Word, "Text with a command substitution, of which the value is compared."),
        field("expected", Shape::Text, "What a line of the value must be, or `re:` and a regular expression."),
        field("exit_code", CODES, "Exit codes of the step that decide."),
    ],
    inert: &[],
    refused: &[],
    together: r#"{
        "anyOf": [
            {"required": ["repeat"]}, {"required": ["condition"]}, {"required": ["eval"]}, {"required": ["exit_code"]}
        ],
        "if": {"properties": {"repeat": {"enum": ["while", "until"]}}, "required": ["repeat"]},
        "then": {"anyOf": [{"required": ["condition"]}, {"required": ["eval"]}, {"required": ["exit_code"]}]},
        "dependentRequired": {"eval": ["expected"]},
        "dependentSchemas": {
            "expected": {"anyOf": [{"required": ["condition"]}, {"required": ["eval"]}]},
            "eval": {"not": {"required": ["condition"]}}
        }
    }"#,
};

/// `continue_on`.
pub(crate) static CONTINUE_ON: Fields = Fields {
    key: "continue_on",
    of: "`continue_on`",
    read: &[
        field("failure", Shape::Bool, "The run goes on behind a failure of this step."),
        field("failed", Shape::Bool, "As `failure`."),
        field("skipped", Shape::Bool, "The run goes on where this step was skipped."),
        field("exit_code", CODES, "The run goes on behind a failure with one of these exit codes."),
        field("output", Shape::Many(&Shape::Word), "The run goes on behind a failure that printed such a line."),
        field("mark_success", Shape::Bool, "Such an end counts as a success."),
    ],
    inert: &[],
    refused: &[],
    together: "",
};

/// One precondition.
pub(crate) static PRECONDITION: Fields = Fields {
    key: "precondition",
    of: "a precondition",
    read: &[
        field("condition", Shape::Word, "A command that must succeed, or, with `expected`, a value."),
        field("eval", Shape::Word, "Text with a command substitution, of which the value is compared."),
        field("expected", Shape::Text, "What a line of the value must be, or `re:` and a regular expression."),
        field("negate", Shape::Bool, "The opposite must hold."),
    ],
    inert: &[],
    refused: &[],
    together: r#"{"oneOf":[{"required":["condition"]},{"required":["eval","expected"]}]}"#,
};
