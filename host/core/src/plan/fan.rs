//! Fan-out: a step that runs other plans, as runs of their own, once or once for each item of a list.
//!
//! `dag.run`, `parallel` and `foreach` are one primitive. The step itself does nothing: when it is claimed and its
//! preconditions hold, it expands into children and waits for them, without slot or lease. A child is a run like any
//! other: it has its own log and history, it can be retried and stopped by itself, and it is found again by an id that
//! follows from the parent, the step and the item's key.
//!
//! `dag.enqueue` expands in the same way, into runs that are not children: they are queued, and what is told of each is
//! whether it was accepted.

use serde::{Deserialize, Serialize};

use super::{Json, Plan, Template};

/// What a step runs as children.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fan {
    /// How it was written: it decides what texts see of an item, and the form of the result.
    pub form: FanForm,
    /// What each child runs.
    pub child: Child,
    /// Written `dag.enqueue`: each child is queued as a run of its own, and nobody waits for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub queued: bool,
    /// Parameters of each child, unresolved: text, a list or an object. Not with [`Child::Body`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Json>,
    /// The items, unresolved: a list, or text that becomes one. None: one child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Json>,
    /// Another name of `item` in `${foreach.item}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Tells items apart; without it their place does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Template>,
    /// Children that are open at once, at most.
    pub max_concurrent: u32,
    /// What an item's result holds, by name; without it the outputs of the body's steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collect: Vec<(String, Template)>,
}

/// How a fan-out was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanForm {
    /// `dag.run`: one child.
    Dag,
    /// `parallel` with `dag.run`.
    Parallel,
    /// `foreach`, whose body sees what its step sees.
    Foreach,
}

/// What a child runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Child {
    /// A DAG by name: one of [`Plan::dags`].
    Dag(Template),
    /// Steps of the fan-out itself.
    Body(Box<Plan>),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !flag
}
