//! Evaluating `with`: every string in it, and no key.

use pintle_core::plan::{Json, Template};
use serde_json::Value;

use super::{EvalError, Field, Scope, lex::Piece, lex::pieces, resolve};
use crate::schema::{Schema, Spot};

/// The JSON with every string evaluated. A string that is one reference and nothing else becomes what the schema
/// wants there (a number, `true`, a list) where its value reads as that; else it stays text.
pub fn resolve_json(json: &Json, scope: &Scope<'_>, schema: Option<&str>) -> Result<Json, EvalError> {
    if !json.0.contains('$') {
        return Ok(json.clone());
    }
    let value: Value = serde_json::from_str(&json.0).map_err(|error| EvalError::NotJson(error.to_string()))?;
    let schema = schema.and_then(Schema::parse);
    let resolved = resolve_value(value, scope, schema.as_ref().map(Schema::spot))?;
    Ok(Json(resolved.to_string()))
}

fn resolve_value(value: Value, scope: &Scope<'_>, spot: Option<Spot<'_>>) -> Result<Value, EvalError> {
    match value {
        Value::String(text) => {
            let single = is_one_reference(&text);
            let text = resolve(&Template(text), scope, Field::Expanded)?;
            let coerced = spot.filter(|_| single).and_then(|spot| spot.coerce(&text));
            Ok(coerced.unwrap_or(Value::String(text)))
        }
        Value::Array(items) => {
            let item = spot.and_then(|spot| spot.item());
            items.into_iter().map(|value| resolve_value(value, scope, item)).collect()
        }
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| {
                let field = spot.and_then(|spot| spot.field(&key));
                Ok((key, resolve_value(value, scope, field)?))
            })
            .collect::<Result<serde_json::Map<_, _>, _>>()
            .map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value),
    }
}

/// The value of a text; one reference and nothing else keeps the type of what it stands for.
pub(crate) fn resolve_typed(template: &Template, scope: &Scope<'_>) -> Result<Value, EvalError> {
    let text = resolve(template, scope, Field::Expanded)?;
    let mut pieces = pieces(&template.0);
    let typed = match (pieces.next(), pieces.next()) {
        (Some(Piece::Qualified { path, .. }), None) => scope.typed(path),
        _ => None,
    };
    Ok(typed.unwrap_or(Value::String(text)))
}

/// The JSON with every string evaluated as [`resolve_typed`] does.
pub(crate) fn resolve_json_typed(json: &Json, scope: &Scope<'_>) -> Result<Json, EvalError> {
    if !json.0.contains('$') {
        return Ok(json.clone());
    }
    let value: Value = serde_json::from_str(&json.0).map_err(|error| EvalError::NotJson(error.to_string()))?;
    Ok(Json(typed(value, scope)?.to_string()))
}

fn typed(value: Value, scope: &Scope<'_>) -> Result<Value, EvalError> {
    match value {
        Value::String(text) => resolve_typed(&Template(text), scope),
        Value::Array(items) => items.into_iter().map(|item| typed(item, scope)).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| Ok((key, typed(value, scope)?)));
            fields.collect::<Result<serde_json::Map<_, _>, _>>().map(Value::Object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value),
    }
}

fn is_one_reference(text: &str) -> bool {
    let mut pieces = pieces(text);
    let reference = pieces.next().is_some_and(|piece| !matches!(piece, Piece::Text(_) | Piece::Escaped(_)));
    reference && pieces.next().is_none()
}
