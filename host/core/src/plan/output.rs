//! What remains of a step for the steps behind it.

use serde::{Deserialize, Serialize};

use super::{Json, Template};

/// `output:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Trimmed standard output, as a variable of the steps behind.
    Variable(String),
    /// Outputs by name, in the order in which they are written.
    Fields(Vec<OutputField>),
}

/// One output of a step: a value, or where it is read when the step has succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputField {
    /// `${steps.ID.outputs.NAME}`. None: what is read is an object, and each of its keys is an output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the value comes from.
    pub source: OutputSource,
}

/// Where the value of an output comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputSource {
    /// The value itself; its strings are templates.
    Value(Json),
    /// Read when the step has succeeded.
    Read(OutputRead),
}

/// How an output is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRead {
    /// Where it stands.
    pub from: OutputFrom,
    /// How it is written there.
    #[serde(default)]
    pub decode: Decode,
    /// A jq program over what was decoded, as the author wrote it: no reference in it is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
}

/// Where an output stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFrom {
    /// The step's standard output.
    Stdout,
    /// The step's standard error.
    Stderr,
    /// A file; a relative path begins at the step's directory.
    File(Template),
}

/// How an output is written where it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decode {
    /// Text, without the space around it.
    #[default]
    Text,
    /// One JSON value.
    Json,
    /// One YAML document.
    Yaml,
}

/// One entry of `outputs:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredOutput {
    /// `${steps.ID.outputs.NAME}`.
    pub name: String,
    /// How the value is read.
    #[serde(default)]
    pub kind: OutputKind,
}

/// How a declared output is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// As it stands.
    #[default]
    String,
    /// Must be JSON.
    Json,
}

impl Output {
    /// The variable that it sets, if it sets one.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Variable(name) => Some(name),
            Self::Fields(_) => None,
        }
    }

    /// The outputs that it makes, if it makes them one by one.
    #[must_use]
    pub fn fields(&self) -> &[OutputField] {
        match self {
            Self::Variable(_) => &[],
            Self::Fields(fields) => fields,
        }
    }
}
