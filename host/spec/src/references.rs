//! References that lead nowhere. At run time they stay as they are written, as in Dagu; here their author is told.

use pintle_core::plan::{Action, Plan, Role, Step, StepIndex};

use crate::document::{ScalarKind, Value};
use crate::eval::{CONTEXT_FIELDS, Piece, depends_on, pieces};
use crate::limits::MAX_CHECKED_REFERENCES;
use crate::nearest::did_you_mean;
use crate::reader::{At, Reader};

/// Fields of a step that are names, or text for people, and never evaluated.
const PLAIN: &[&str] = &["id", "name", "description", "depends", "outputs", "output"];

/// Leaves a notice for each reference of a checked document that cannot lead anywhere.
pub(crate) fn check_references(reader: &mut Reader<'_>, dag: &At<'_>, plan: &Plan) {
    let mut check = Check { reader, plan, left: MAX_CHECKED_REFERENCES, repeating: false };
    for key in ["env", "dotenv", "working_dir", "shell", "preconditions"] {
        if let Some(at) = dag.get(key) {
            check.walk(&at, None);
        }
    }
    if let Some(steps) = dag.get("steps") {
        for (at, (index, _)) in steps.items().iter().zip(plan.indexed()) {
            check.step(at, index);
        }
    }
    let Some(handlers) = dag.get("handler_on") else { return };
    for (entry, at) in handlers.fields() {
        let role = match entry.key.as_str() {
            "init" => Role::OnInit,
            "success" => Role::OnSuccess,
            "failure" => Role::OnFailure,
            "abort" | "cancel" => Role::OnAbort,
            "exit" => Role::OnExit,
            _ => Role::OnWait,
        };
        if let Some(index) = plan.handler(role) {
            check.step(&at, index);
        }
    }
}

struct Check<'c, 'k> {
    reader: &'c mut Reader<'k>,
    plan: &'c Plan,
    /// References that may still be looked at: each may walk the graph.
    left: usize,
    /// Within `repeat_policy`, which is read when the step has run.
    repeating: bool,
}

impl Check<'_, '_> {
    fn step(&mut self, at: &At<'_>, index: StepIndex) {
        for (entry, field) in at.fields() {
            self.repeating = entry.key == "repeat_policy";
            if !PLAIN.contains(&entry.key.as_str()) {
                self.walk(&field, Some(index));
            }
        }
    }

    fn walk(&mut self, at: &At<'_>, step: Option<StepIndex>) {
        match &at.node.value {
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Text => self.text(at, &scalar.text, step),
            Value::Scalar(_) => {}
            Value::List(_) => at.items().iter().for_each(|item| self.walk(item, step)),
            Value::Map(_) => at.fields().for_each(|(_, field)| self.walk(&field, step)),
        }
    }

    fn text(&mut self, at: &At<'_>, text: &str, step: Option<StepIndex>) {
        for piece in pieces(text) {
            let Piece::Qualified { whole, path } = piece else { continue };
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            if let Some(reason) = self.reason(path, step) {
                let place = self.reader.place_of(at.place(), whole);
                let message = format!("`{whole}` stays as it is written: {reason}");
                self.reader.findings.notice(place, at.path.to_string(), message);
            }
        }
    }

    /// Why a path leads nowhere, if it does whatever the run brings.
    fn reason(&self, path: &str, step: Option<StepIndex>) -> Option<String> {
        let (first, rest) = path.split_once('.')?;
        match first {
            "consts" => {
                let names = || self.plan.consts.iter().map(|(name, _)| name.as_str());
                let known = names().any(|name| name == rest);
                let hint = || did_you_mean(rest, names(), "set it under `consts:`");
                (!known).then(|| format!("there is no constant `{rest}`; {}", hint()))
            }
            "params" => {
                let names = || self.plan.params.iter().filter_map(|param| param.name.as_deref());
                let known = !self.plan.params_closed || names().any(|name| name == rest);
                let hint = || did_you_mean(rest, names(), "declare it under `params:`");
                (!known).then(|| format!("there is no parameter `{rest}`; {}", hint()))
            }
            "env" => None,
            "context" => {
                let names = || CONTEXT_FIELDS.iter().copied();
                let known = names().any(|name| name == rest);
                let hint = || did_you_mean(rest, names(), "the documentation of `context` lists those there are");
                (!known).then(|| format!("the context has no `{rest}`; {}", hint()))
            }
            "steps" => match rest.split_once('.') {
                Some((id, rest)) if rest.starts_with("outputs.") => {
                    self.output(id, rest.trim_start_matches("outputs."), step)
                }
                _ => Some("write `${steps.ID.outputs.NAME}`".to_owned()),
            },
            "dag" | "run" | "attempt" | "step" => None,
            _ => self.old_reference(first, rest, step),
        }
    }

    fn output(&self, id: &str, name: &str, step: Option<StepIndex>) -> Option<String> {
        let other = match self.visible(id, step) {
            Ok(other) => other,
            Err(reason) => return Some(reason),
        };
        let names = || other.outputs.iter().map(|output| output.name.as_str());
        // What an action of a plugin gives out, only the plugin knows.
        let known = !matches!(other.action, Action::Run { .. }) || names().any(|own| own == name);
        let hint = || did_you_mean(name, names(), "declare it under `outputs:` of that step");
        (!known).then(|| format!("the step `{id}` has no output `{name}`; {}", hint()))
    }

    fn old_reference(&self, id: &str, field: &str, step: Option<StepIndex>) -> Option<String> {
        let name = field.strip_prefix("outputs.").or_else(|| field.strip_prefix("output."));
        match (name, field) {
            (Some(name), _) => self.output(id, name, step),
            (None, "stdout" | "stderr" | "exit_code") => self.visible(id, step).err(),
            (None, _) => Some(format!("nothing is called `{id}` here")),
        }
    }

    /// The step of an id, if the one that refers to it depends on it.
    fn visible(&self, id: &str, step: Option<StepIndex>) -> Result<&Step, String> {
        let found = self.plan.indexed().find(|(_, step)| step.id.as_deref() == Some(id));
        let Some((index, other)) = found else {
            let ids = self.plan.steps.iter().filter_map(|step| step.id.as_deref());
            return Err(format!("no step has the id `{id}`; {}", did_you_mean(id, ids, "give the step that id")));
        };
        let own = step.and_then(|own| Some((own, self.plan.step(own)?)));
        match own {
            None => Err("steps have not run yet where this is evaluated".to_owned()),
            Some((_, own)) if own.role != Role::Main => Err("a handler sees no outputs of steps".to_owned()),
            Some((place, _)) if place == index && self.repeating => Ok(other),
            Some((place, _)) if place == index => {
                Err("a step does not see its own outputs before it has run".to_owned())
            }
            Some((place, _)) if depends_on(self.plan, place, index) => Ok(other),
            Some(_) => Err(format!("the step does not depend on `{id}`; add it to `depends`")),
        }
    }
}
