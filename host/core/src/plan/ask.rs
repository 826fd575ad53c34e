//! What a plan asks of people: a task before anything behind a step runs, or their word on what a step did.

use serde::{Deserialize, Serialize};

use super::{Param, StepIndex, Template};

/// `human.task`: the step runs nothing and succeeds when a person has completed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What is to be done, or to be said. Resolved once, when the step asks.
    pub prompt: Template,
    /// What is asked for; none: only that it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

/// Values that a task asks for. Each becomes an output of the step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// In the order in which they were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FormField>,
    /// Names that are not among them are taken too, and recorded; they are no outputs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its name, type, bounds and default. The default is literal; nothing computes it.
    #[serde(flatten)]
    pub param: Param,
}

/// `approval`: the step has run well, and waits for the word of a person before the steps behind it go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// What is to be looked at. Resolved once, when the step asks; it sees what the step itself left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Template>,
    /// Names that may be given with the answer; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<String>,
    /// Those of them that an approval must give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// Where the run starts anew when it is pushed back; none: at the step itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewind_to: Option<StepIndex>,
}
