//! Bound parameters: values with their names, and as the run sees them.

use pintle_core::plan::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Every parameter of a run with its value, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BoundParams {
    values: Vec<BoundParam>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct BoundParam {
    /// None: positional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    text: String,
    /// With its type.
    json: Value,
}

impl BoundParams {
    pub(super) fn push(&mut self, name: Option<String>, text: String, json: Value) {
        self.values.push(BoundParam { name, text, json });
    }

    /// A value by name, or a positional one by its number from 1.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let by_name = self.values.iter().find(|value| value.name.as_deref() == Some(name));
        by_name.map(|value| value.text.as_str()).or_else(|| self.positional(name))
    }

    /// A positional value by its number from 1.
    #[must_use]
    pub fn positional(&self, number: &str) -> Option<&str> {
        let index = number.parse::<usize>().ok()?.checked_sub(1)?;
        let mut nameless = self.values.iter().filter(|value| value.name.is_none());
        nameless.nth(index).map(|value| value.text.as_str())
    }

    /// The named values as variables.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.values.iter().filter_map(|value| Some((value.name.clone()?, value.text.clone())))
    }

    /// All values as one JSON object; positional ones under their numbers.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut number = 0;
        let entry = |value: &BoundParam| {
            let key = value.name.clone().unwrap_or_else(|| {
                number += 1;
                number.to_string()
            });
            (key, value.json.clone())
        };
        Value::Object(self.values.iter().map(entry).collect::<Map<_, _>>()).to_string()
    }

    /// For people: `a b NAME=value`.
    #[must_use]
    pub fn to_words(&self) -> Vec<String> {
        let word = |value: &BoundParam| match &value.name {
            Some(name) => format!("{name}={}", value.text),
            None => value.text.clone(),
        };
        self.values.iter().map(word).collect()
    }
}

/// A JSON scalar as text.
pub(crate) fn text_of(json: &Json) -> String {
    match serde_json::from_str(&json.0) {
        Ok(Value::String(text)) => text,
        _ => json.0.clone(),
    }
}
