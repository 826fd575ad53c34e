//! A YAML document as a tree that remembers where everything stands.
//!
//! The danger is the document: it comes from a stranger, and YAML lets a few lines stand for gigabytes. The rule: size,
//! depth, nodes and bytes are bounded, with every alias counted as what it stands for, before the memory is taken. The
//! tree promises that keys are unique and are text; it says nothing of what they mean.

mod load;
mod map;
mod scalar;

pub(crate) use load::load;
pub(crate) use scalar::{Scalar, ScalarKind};

use crate::source::Place;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One `key: value`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { kind: ScalarKind::Null, .. }))
    }

    /// What it is, for a sentence that wanted something else.
    pub(crate) fn noun(&self) -> String {
        match &self.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Scalar(scalar) => scalar.noun(),
        }
    }

    /// A truth value, if it is one.
    pub(crate) fn to_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar(Scalar { kind: ScalarKind::Bool(value), .. }) => Some(*value),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// About how many bytes a copy takes.
    pub(crate) fn weight(&self) -> usize {
        let own = size_of::<Self>();
        own + match &self.value {
            Value::Scalar(scalar) => scalar.text.len(),
            Value::List(items) => items.iter().map(Self::weight).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.key.len() + entry.node.weight()).sum(),
        }
    }

    /// As JSON, with the types that YAML gives its scalars.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect(),
            ),
        }
    }
}
