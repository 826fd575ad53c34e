//! What people are asked: `approval`, and the form of a `human.task`.

use super::shape::{Empty, NAME};
use super::{Fields, Shape, field};

/// Names of variables, each once.
const INPUTS: Shape = Shape::Many(&NAME);

/// `approval`.
pub(crate) static APPROVAL: Fields = Fields {
    key: "approval",
    of: "`approval`",
    read: &[
        field("prompt", Shape::Text, "What is to be looked at; it may speak of what the step itself left."),
        field("input", INPUTS, "Names that may be given with the answer: variables of the steps that run then."),
        field("required", INPUTS, "Those of them that an approval must give."),
        field("rewind_to", Shape::Word, "The step from which the run starts anew when it is pushed back."),
    ],
    inert: &[],
    refused: &[],
    together: "",
};

/// `form` of a `human.task`.
pub(crate) static FORM: Fields = Fields {
    key: "form",
    of: "a form",
    read: &[
        field("type", Shape::Choice(&["object"]), "What is asked for are the properties of an object.").required(),
        field("title", Shape::Text, "What people see above it."),
        field("description", Shape::Text, "What it is for, in words for people."),
        field("properties", PROPERTIES, "The values that are asked for, by name: outputs of the step."),
        field("required", Shape::List(&Shape::Word), "Names of properties that must be given."),
        field("additionalProperties", Shape::Bool, "Other names are taken too; they are no outputs.").usual("false"),
    ],
    inert: &[],
    refused: &[],
    together: "",
};

const PROPERTIES: Shape = Shape::All(&[
    Shape::Named(&Shape::Map(&FORM_FIELD), Empty::Refused),
    Shape::Raw(r#"{"propertyNames":{"pattern":"^[A-Za-z]"}}"#),
]);

const LENGTH: Shape = Shape::Whole(0, u32::MAX as i64);

/// One property of it.
pub(crate) static FORM_FIELD: Fields = Fields {
    key: "form_field",
    of: "a form's property",
    read: &[
        field("type", Shape::Choice(&["string", "integer", "number", "boolean"]), "What its value must be.")
            .usual(r#""string""#),
        field("title", Shape::Text, "What people see of it."),
        field("description", Shape::Text, "What it is for, in words for people."),
        field("default", Shape::Text, "Its value where none is given."),
        field("enum", Shape::List(&Shape::Text), "The values that are allowed."),
        field("minimum", Shape::Number, "The least number that is allowed."),
        field("maximum", Shape::Number, "The greatest number that is allowed."),
        field("minLength", LENGTH, "How many characters it has at least."),
        field("maxLength", LENGTH, "How many characters it has at most."),
        field("pattern", Shape::Text, "A regular expression that its text must match."),
    ],
    inert: &[],
    refused: &[],
    together: "",
};
