//! What the caller gave, in any of the forms in which it comes.

use pintle_core::plan::Plan;
use serde_json::Value;

use super::Named;
use crate::words::{self, Word};

/// Parameters as the caller wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GivenParams {
    /// Nothing was given.
    #[default]
    None,
    /// The text of `--params`: words, or a JSON object.
    Text(String),
    /// The words after `--`, as the shell had split them.
    Words(Vec<String>),
}

#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) named: Named,
    pub(super) positional: Vec<String>,
}

impl GivenParams {
    pub(super) fn read(&self, plan: &Plan) -> Result<Given, String> {
        match self {
            Self::None => Ok(Given::default()),
            Self::Text(text) if text.trim_start().starts_with('{') => read_json(text),
            Self::Text(text) => {
                let words = words::split(text).map_err(|error| format!("the parameters: {error}"))?;
                gather(plan, words)
            }
            Self::Words(words) => gather(plan, words.iter().map(|word| Word::from_argument(word)).collect()),
        }
    }
}

fn gather(plan: &Plan, words: Vec<Word>) -> Result<Given, String> {
    let mut given = Given::default();
    for Word { name, text } in words {
        match name {
            None => given.positional.push(text),
            Some(name) => {
                if given.named.contains_key(&name) {
                    return Err(format!("the parameter `{name}` is given twice; give it once"));
                }
                given.named.insert(name, text);
            }
        }
    }
    place_words(plan, &mut given)?;
    Ok(given)
}

/// Where all declared parameters have names, words fill those that are not given by name, in order.
fn place_words(plan: &Plan, given: &mut Given) -> Result<(), String> {
    let nameless = plan.params.iter().any(|param| param.name.is_none());
    if nameless || plan.params.is_empty() || given.positional.is_empty() {
        return Ok(());
    }
    let open: Vec<&String> = plan
        .params
        .iter()
        .filter_map(|param| param.name.as_ref())
        .filter(|name| !given.named.contains_key(*name))
        .collect();
    if plan.params_closed && given.positional.len() > open.len() {
        let values = match given.positional.len() {
            1 => "1 value is".to_owned(),
            count => format!("{count} values are"),
        };
        let places = match open.len() {
            0 => "no parameter is".to_owned(),
            1 => "1 parameter is".to_owned(),
            count => format!("{count} parameters are"),
        };
        return Err(format!("{values} given without a name, and {places} left for that; write `NAME=VALUE`"));
    }
    let filled = open.len().min(given.positional.len());
    let filling: Vec<(String, String)> = open.into_iter().cloned().zip(given.positional.drain(..filled)).collect();
    given.named.extend(filling);
    Ok(())
}

fn read_json(text: &str) -> Result<Given, String> {
    let value: serde_json::Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| format!("the parameters begin like a JSON object and are none: {error}"))?;
    let named = value.into_iter().map(|(name, value)| {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (name, text)
    });
    Ok(Given { named: named.collect(), positional: Vec::new() })
}
