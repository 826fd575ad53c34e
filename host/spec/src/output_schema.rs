//! `output_schema`: what a step prints, held against what its author promised.

use pintle_core::plan::Json;
use serde_json::Value;

use crate::schema::fit;

/// Why a step's standard output is not what was promised. What was printed never stands in it: it may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaFault {
    /// No JSON at all.
    #[error(
        "`output_schema` wants JSON, and standard output holds none: {0}; print what people read to standard error"
    )]
    NotJson(String),
    /// JSON of another form.
    #[error("standard output does not fit `output_schema`: {0}")]
    Misfit(String),
}

/// Holds the text against the schema, in bounded work. An object's fields are the step's outputs, in their order; other
/// values give none.
pub fn check_output(schema: &Json, text: &str) -> Result<Vec<(String, Json)>, SchemaFault> {
    let value: Value = serde_json::from_str(text).map_err(|error| SchemaFault::NotJson(error.to_string()))?;
    // The plan holds what was checked with the document.
    let schema: Value = serde_json::from_str(&schema.0).unwrap_or(Value::Bool(true));
    fit(&schema, &value, false).map_err(|misfit| SchemaFault::Misfit(misfit.to_string()))?;
    Ok(match value {
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, Json(value.to_string()))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Vec::new(),
    })
}
