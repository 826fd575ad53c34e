//! Who performs which action: the staged rows of plugins, and the core's own actions.

use pintle_core::plugin::{ActionRow, Staged};

use crate::fields::{LATER_ACTIONS, NEVER_ACTIONS};
use crate::nearest::nearest;
use crate::route::ROUTER;

/// The actions that plugins perform, as their staged rows say.
pub trait KnownActions {
    /// The row of an action.
    fn action(&self, name: &str) -> Option<&ActionRow>;
    /// The names of all actions.
    fn names(&self) -> Vec<&str>;
}

impl KnownActions for [ActionRow] {
    fn action(&self, name: &str) -> Option<&ActionRow> {
        self.iter().find(|row| row.name == name)
    }

    fn names(&self) -> Vec<&str> {
        self.iter().map(|row| row.name.as_str()).collect()
    }
}

impl KnownActions for [Staged] {
    fn action(&self, name: &str) -> Option<&ActionRow> {
        self.iter().flat_map(|staged| &staged.actions).find(|row| row.name == name)
    }

    fn names(&self) -> Vec<&str> {
        self.iter().flat_map(|staged| &staged.actions).map(|row| row.name.as_str()).collect()
    }
}

impl<T: KnownActions + ?Sized> KnownActions for &T {
    fn action(&self, name: &str) -> Option<&ActionRow> {
        (**self).action(name)
    }

    fn names(&self) -> Vec<&str> {
        (**self).names()
    }
}

impl KnownActions for Vec<ActionRow> {
    fn action(&self, name: &str) -> Option<&ActionRow> {
        self.as_slice().action(name)
    }

    fn names(&self) -> Vec<&str> {
        self.as_slice().names()
    }
}

impl KnownActions for Vec<Staged> {
    fn action(&self, name: &str) -> Option<&ActionRow> {
        self.as_slice().action(name)
    }

    fn names(&self) -> Vec<&str> {
        self.as_slice().names()
    }
}

/// An action that no plugin performs: the core or the worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoreAction {
    /// As in a step.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// JSON Schema of `with`, as text.
    pub input_schema: &'static str,
}

/// The action that runs another DAG.
pub(crate) const DAG_RUN: &str = "dag.run";

/// The action that queues a run of another DAG.
pub(crate) const DAG_ENQUEUE: &str = "dag.enqueue";

/// The action that asks a person.
pub(crate) const HUMAN_TASK: &str = "human.task";

/// All of them.
pub const CORE_ACTIONS: &[CoreAction] = &[
    CoreAction {
        name: "noop",
        summary: "Does nothing, successfully: a joint in the graph.",
        input_schema: r#"{"type":"object","properties":{},"additionalProperties":false}"#,
    },
    CoreAction {
        name: "log.write",
        summary: "Writes a line to the step's log.",
        input_schema: r#"{"type":"object","required":["message"],"additionalProperties":false,"properties":{
            "message":{"type":"string"},
            "level":{"type":"string","enum":["debug","info","warn","error"]}}}"#,
    },
    CoreAction {
        name: "outputs.write",
        summary: "Gives values out: outputs of the step, and of the run for whoever runs its DAG.",
        input_schema: r#"{"type":"object","required":["values"],"additionalProperties":false,"properties":{
            "values":{"type":"object","minProperties":1,"propertyNames":{"minLength":1}}}}"#,
    },
    CoreAction {
        name: DAG_RUN,
        summary: "Runs another DAG and waits for it; with `parallel`, once for each item.",
        input_schema: r#"{"type":"object","required":["dag"],"additionalProperties":false,"properties":{
            "dag":{"type":"string","minLength":1},
            "params":{}}}"#,
    },
    CoreAction {
        name: DAG_ENQUEUE,
        summary: "Queues a run of another DAG and does not wait for it; with `parallel`, one for each item.",
        input_schema: r#"{"type":"object","required":["dag"],"additionalProperties":false,"properties":{
            "dag":{"type":"string","minLength":1},
            "params":{}}}"#,
    },
    CoreAction {
        name: HUMAN_TASK,
        summary: "Asks a person and waits; what the form asks for becomes the step's outputs.",
        input_schema: r#"{"type":"object","required":["prompt"],"additionalProperties":false,"properties":{
            "prompt":{"type":"string"},
            "form":{"type":"object"}}}"#,
    },
    CoreAction {
        name: ROUTER,
        summary: "Says by a value which of the steps behind it run.",
        input_schema: r#"{"type":"object","required":["value","routes"],"additionalProperties":false,"properties":{
            "value":{"type":"string"},
            "routes":{"type":"object","additionalProperties":{"type":["array","string"]}},
            "default":{"type":["array","string"]}}}"#,
    },
    CoreAction {
        name: "wait.duration",
        summary: "Waits for a while, without a worker's slot.",
        input_schema: r#"{"type":"object","required":["duration"],"additionalProperties":false,"properties":{
            "duration":{"type":"string"}}}"#,
    },
    CoreAction {
        name: "wait.until",
        summary: "Waits until an instant, without a worker's slot.",
        input_schema: r#"{"type":"object","required":["until"],"additionalProperties":false,"properties":{
            "until":{"type":"string"}}}"#,
    },
    CoreAction {
        name: "wasi.run",
        summary: "Runs a WASI program in a sandbox of its own.",
        input_schema: r#"{"type":"object","required":["path"],"additionalProperties":false,"properties":{
            "path":{"type":"string"},
            "args":{"type":"array","items":{"type":"string"}},
            "stdin":{"type":"string"},
            "env":{"type":"object","additionalProperties":{"type":"string"}},
            "dirs":{"type":"array","items":{"type":"object","required":["host"],"additionalProperties":false,"properties":{
                "host":{"type":"string"},"guest":{"type":"string"},"read_only":{"type":"boolean"}}}},
            "limits":{"type":"object","additionalProperties":false,"properties":{
                "memory_mib":{"type":"integer","minimum":1},"cpu_ms":{"type":"integer","minimum":1},
                "wall_ms":{"type":"integer","minimum":1},"output_kib":{"type":"integer","minimum":1}}}}}"#,
    },
];

/// JSON Schema of an action's `with`, if the action is known; a row says more than what is built in here.
#[must_use]
pub fn input_schema<'k>(known: &'k dyn KnownActions, action: &str) -> Option<&'k str> {
    let row = known.action(action).map(|row| row.input_schema.as_str());
    row.or_else(|| CORE_ACTIONS.iter().find(|core| core.name == action).map(|core| core.input_schema))
}

/// Why an action cannot be run, and what to do.
pub(crate) fn unknown_action<'n>(
    known: &'n dyn KnownActions,
    own: impl Iterator<Item = &'n str>,
    name: &str,
) -> String {
    if LATER_ACTIONS.contains(&name) {
        return format!("the action `{name}` is part of the language, but this version does not run it yet");
    }
    let family = name.split('.').next().unwrap_or_default();
    if NEVER_ACTIONS.contains(&family) {
        return format!("the action `{name}` is not part of Pintle; use `run`, or an action that a plugin performs");
    }
    let names = CORE_ACTIONS.iter().map(|core| core.name).chain(known.names()).chain(own);
    match nearest(name, names.chain(["run", "exec"])) {
        Some(near) => {
            format!("no installed plugin performs the action `{name}`; did you mean `{near}`?")
        }
        None => format!("no installed plugin performs the action `{name}`; `pintle plugin list` shows those there are"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn the_schemas_of_the_cores_own_actions_can_be_read() {
        for core in CORE_ACTIONS {
            assert!(Schema::parse(core.input_schema).is_some(), "{}", core.name);
        }
    }
}
