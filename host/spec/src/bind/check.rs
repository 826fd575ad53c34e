//! One value against one parameter's type and bounds.

use pintle_core::plan::{Json, Param, ParamKind};
use regex::Regex;
use serde_json::{Number, Value};

use super::value::text_of;

pub(crate) enum Checked {
    Value(Value),
    /// Why, in words that follow "refused:".
    Refused(String),
}

pub(crate) fn check_value(param: &Param, text: &str) -> Checked {
    let Some(value) = typed(param.kind, text) else {
        let noun = crate::params::kind_noun(param.kind);
        return Checked::Refused(format!("it must be {noun}"));
    };
    let refusal = choice(param, text, &value)
        .or_else(|| range(param, &value))
        .or_else(|| length(param, text))
        .or_else(|| pattern(param, text));
    refusal.map_or(Checked::Value(value), Checked::Refused)
}

fn typed(kind: ParamKind, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    match kind {
        ParamKind::String => Some(Value::from(text)),
        ParamKind::Integer => {
            let signed = trimmed.parse::<i64>().map(Value::from);
            signed.or_else(|_| trimmed.parse::<u64>().map(Value::from)).ok()
        }
        ParamKind::Number => match trimmed.parse::<i64>() {
            Ok(whole) => Some(Value::from(whole)),
            Err(_) => trimmed.parse().ok().and_then(Number::from_f64).map(Value::Number),
        },
        ParamKind::Boolean => match trimmed {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
    }
}

fn choice(param: &Param, text: &str, value: &Value) -> Option<String> {
    let choices = &param.bounds.one_of;
    let same = |json: &Json| {
        let numbers = json.0.parse::<f64>().ok().zip(value.as_f64());
        text_of(json) == text.trim() || numbers.is_some_and(|(a, b)| a == b)
    };
    if choices.is_empty() || choices.iter().any(same) {
        return None;
    }
    let shown: Vec<String> = choices.iter().map(|json| format!("`{}`", text_of(json))).collect();
    Some(format!("it may be {}", shown.join(", ")))
}

fn range(param: &Param, value: &Value) -> Option<String> {
    let value = value.as_f64()?;
    let bound = |json: &Option<Json>| json.as_ref().and_then(|json| json.0.parse::<f64>().ok());
    if let Some(least) = bound(&param.bounds.minimum).filter(|least| value < *least) {
        return Some(format!("it must be {least} or more"));
    }
    let most = bound(&param.bounds.maximum).filter(|most| value > *most)?;
    Some(format!("it must be {most} or less"))
}

fn length(param: &Param, text: &str) -> Option<String> {
    let count = text.chars().count();
    let bound = |length: Option<u32>| length.and_then(|length| usize::try_from(length).ok());
    if let Some(least) = bound(param.bounds.min_length).filter(|least| count < *least) {
        return Some(format!("it has {count} characters and must have {least} or more"));
    }
    let most = bound(param.bounds.max_length).filter(|most| count > *most)?;
    Some(format!("it has {count} characters and may have {most}"))
}

fn pattern(param: &Param, text: &str) -> Option<String> {
    let pattern = param.bounds.pattern.as_deref()?;
    match Regex::new(pattern) {
        Ok(expression) if expression.is_match(text) => None,
        Ok(_) => Some(format!("it does not match `{pattern}`")),
        Err(_) => Some(format!("`{pattern}` is not a regular expression")),
    }
}
