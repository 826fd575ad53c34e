//! What is fanned out: one item of a `parallel` or a `foreach`, as its texts see it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How an item came about: it decides under which names texts see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fan {
    /// Of `parallel`: `${ITEM}` and `${ITEM.field}`.
    Parallel,
    /// Of `foreach`: `${foreach.index}`, `${foreach.key}`, `${foreach.item}` and `${foreach.NAME}`, with fields.
    Foreach {
        /// The item's key, unique among its siblings.
        key: String,
        /// `as:`, another name of `item`.
        alias: Option<String>,
    },
}

/// One item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemFacts {
    /// Where it comes from.
    pub fan: Fan,
    /// From 0.
    pub index: usize,
    /// Text, a number, or an object with fields.
    pub value: Value,
}

impl ItemFacts {
    /// `${ITEM}`.
    pub(super) fn whole(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.fan {
            Fan::Parallel if name == "ITEM" => Some(text(&self.value)),
            Fan::Parallel | Fan::Foreach { .. } => None,
        }
    }

    /// Whether this item is the one that `${foreach.NAME}` speaks of.
    pub(super) fn is_called(&self, name: &str) -> bool {
        match &self.fan {
            Fan::Parallel => false,
            Fan::Foreach { alias, .. } => matches!(name, "index" | "key") || name == alias.as_deref().unwrap_or("item"),
        }
    }

    /// Whether it is of a `foreach`.
    pub(super) fn is_foreach(&self) -> bool {
        matches!(self.fan, Fan::Foreach { .. })
    }

    /// What a dotted path stands for.
    pub(super) fn qualified(&self, path: &str) -> Option<Cow<'_, str>> {
        let (first, rest) = path.split_once('.')?;
        match (&self.fan, first) {
            (Fan::Parallel, "ITEM") => field(&self.value, rest),
            (Fan::Foreach { key, alias }, "foreach") => self.foreach(rest, key, alias.as_deref()),
            (Fan::Parallel | Fan::Foreach { .. }, _) => None,
        }
    }

    /// What stands behind `foreach.`, with its type.
    pub(super) fn typed(&self, rest: &str) -> Option<Value> {
        let (name, path) = rest.split_once('.').map_or((rest, None), |(name, path)| (name, Some(path)));
        match (name, path) {
            ("index", None) => Some(self.index.into()),
            ("index" | "key", _) => None,
            (_, None) => Some(self.value.clone()),
            (_, Some(path)) => part(&self.value, path).cloned(),
        }
    }

    fn foreach(&self, rest: &str, key: &str, alias: Option<&str>) -> Option<Cow<'_, str>> {
        let (name, path) = match rest.split_once('.') {
            Some((name, path)) => (name, Some(path)),
            None => (rest, None),
        };
        let is_item = name == "item" || alias == Some(name);
        match (name, path) {
            _ if is_item => path.map_or_else(|| Some(text(&self.value)), |path| field(&self.value, path)),
            ("index", None) => Some(Cow::Owned(self.index.to_string())),
            ("key", None) => Some(Cow::Owned(key.to_owned())),
            _ => None,
        }
    }
}

/// A field by its path: names in objects, numbers from 0 in lists.
fn field<'v>(value: &'v Value, path: &str) -> Option<Cow<'v, str>> {
    part(value, path).map(text)
}

fn part<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// Text as it is, everything else as JSON.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
