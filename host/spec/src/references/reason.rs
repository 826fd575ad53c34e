//! Why a reference leads nowhere.

use pintle_core::plan::{Action, Output, Plan, Role, Step, StepIndex};

use super::{Check, Outside, Place};
use crate::eval::{CONTEXT_FIELDS, depends_on};
use crate::fault::Unresolved;
use crate::nearest::did_you_mean;

/// The code, and what stands behind "because".
type Reason = Option<(Unresolved, String)>;

/// Short names of the context that older files use.
const ALIASES: &[&str] = &["dag.name", "run.id", "run.started_at", "attempt.id", "step.name"];

const FORM: &str = "an output is written `${steps.ID.outputs.NAME}`; pick a field of it in a step of its own";

const fn defect(code: &'static str) -> Unresolved {
    Unresolved { code, runtime_only: false }
}

impl<'c> Check<'c, '_> {
    /// Why a path leads nowhere, if it does whatever the run brings.
    pub(super) fn reason(&mut self, path: &str) -> Reason {
        let (first, rest) = path.split_once('.')?;
        match first {
            "consts" => self.constant(rest),
            "params" => self.param(rest),
            "env" => self.variable(rest),
            "context" => self.context(rest),
            "steps" => match rest.split_once('.') {
                Some((id, rest)) => match rest.strip_prefix("outputs.") {
                    Some(name) => self.output(id, name),
                    None => Some((defect("unknown_output_name"), FORM.to_owned())),
                },
                None => Some((defect("unknown_output_name"), FORM.to_owned())),
            },
            "ITEM" if self.items.parallel => None,
            "ITEM" => {
                let because = "only `with` of a step with `parallel` sees its items";
                Some((defect("namespace_unavailable"), because.to_owned()))
            }
            "foreach" => self.item(rest),
            _ => self.alias(path, first, rest),
        }
    }

    /// A near name, while names may still be looked up: with thousands of references that costs more than all else.
    fn hint<'n>(&mut self, wrong: &str, names: impl Iterator<Item = &'n str>, otherwise: &str) -> String {
        if self.reader.findings.takes_hint() { did_you_mean(wrong, names, otherwise) } else { otherwise.to_owned() }
    }

    fn constant(&mut self, name: &str) -> Reason {
        let plan = self.plan;
        let names = || plan.consts.iter().map(|(name, _)| name.as_str());
        if names().any(|known| known == name) {
            return None;
        }
        let hint = self.hint(name, names(), "set it under `consts:`");
        Some((defect("unknown_const_name"), format!("there is no constant `{name}`; {hint}")))
    }

    fn param(&mut self, name: &str) -> Reason {
        let plan = self.plan;
        let names = || plan.params.iter().filter_map(|param| param.name.as_deref());
        let nameless = plan.params.iter().filter(|param| param.name.is_none()).count();
        let positional = name.parse::<usize>().is_ok_and(|number| (1..=nameless).contains(&number));
        if positional || names().any(|known| known == name) {
            return None;
        }
        let hint = self.hint(name, names(), "declare it under `params:`");
        let because = format!("there is no parameter `{name}`; {hint}");
        Some((Unresolved { code: "unknown_param_name", runtime_only: !plan.params_closed }, because))
    }

    /// What a `foreach` around it calls its item, or has beside it.
    fn item(&mut self, rest: &str) -> Reason {
        let unavailable = |because: String| Some((defect("namespace_unavailable"), because));
        let Some(innermost) = self.items.foreach.last() else {
            return unavailable("only the body of a `foreach` sees its items".to_owned());
        };
        let (name, field) = rest.split_once('.').map_or((rest, None), |(name, field)| (name, Some(field)));
        let is_item = name == "item" || self.items.foreach.contains(&Some(name));
        match (name, field) {
            _ if is_item => None,
            ("index" | "key", None) => None,
            ("index" | "key", Some(_)) => unavailable(format!("`${{foreach.{name}}}` has no fields")),
            _ => {
                let item = innermost.unwrap_or("item");
                unavailable(format!("the `foreach` here has no `{name}`; it has `index`, `key` and `{item}`"))
            }
        }
    }

    fn variable(&mut self, name: &str) -> Reason {
        if self.sets_variable(name) {
            return None;
        }
        let because = format!("the DAG sets no variable `{name}`; it counts only where the environment has it");
        Some((Unresolved { code: "unknown_env_binding", runtime_only: true }, because))
    }

    fn context(&mut self, field: &str) -> Reason {
        if !CONTEXT_FIELDS.contains(&field) {
            let names = CONTEXT_FIELDS.iter().copied();
            let hint = self.hint(field, names, "the documentation of `context` lists those there are");
            return Some((defect("unknown_context_field"), format!("the context has no `{field}`; {hint}")));
        }
        let role = match self.place {
            Place::Step(index) | Place::Repetition(index) => self.plan.step(index).map(|step| step.role),
            Place::Root | Place::EveryStep | Place::After => None,
        };
        let of_step = ["step.", "paths.step_", "pushback."].iter().any(|own| field.starts_with(own));
        let because = match (field, self.place, role) {
            (_, Place::Root | Place::After, _) if of_step => "no step runs where this is evaluated",
            ("run.status", Place::Root | Place::After, _) | ("run.status", _, Some(Role::Main | Role::Gate)) => {
                "only handlers are told how the run stands"
            }
            ("paths.log_file", _, _) => {
                "a run has no log of its own: `pintle status` and `pintle logs` show what its steps print"
            }
            ("run.scheduled_at", _, _) => {
                return Some((
                    Unresolved { code: "namespace_unavailable", runtime_only: true },
                    "only a run that a schedule started has it".to_owned(),
                ));
            }
            ("paths.step_stdout_file" | "paths.step_stderr_file", _, Some(role)) if role != Role::Main => {
                "a handler does not see the files of its streams"
            }
            (_, _, Some(role)) if role != Role::Main && field.starts_with("pushback.") => {
                "a handler is not pushed back"
            }
            _ => return None,
        };
        Some((defect("namespace_unavailable"), because.to_owned()))
    }

    fn output(&mut self, id: &str, name: &str) -> Reason {
        let other = match self.visible(id) {
            Ok(other) => other,
            Err(reason) => return Some(reason),
        };
        if name.contains('.') {
            return Some((defect("unknown_output_name"), FORM.to_owned()));
        }
        if name_is_open(other) || names_of(other).any(|own| own == name) {
            return None;
        }
        let names = || names_of(other);
        let where_to = match other.action {
            Action::Task(_) => "describe it under `properties:` of that task's form",
            Action::Run { .. } | Action::Call { .. } | Action::Fan(_) | Action::Route(_) | Action::Wait(_) => {
                "declare it under `outputs:` of that step"
            }
        };
        let hint = self.hint(name, names(), where_to);
        Some((defect("unknown_output_name"), format!("the step `{id}` has no output `{name}`; {hint}")))
    }

    /// What older files write: short names of the context, and `${ID.stdout}` and the like.
    fn alias(&mut self, path: &str, first: &str, field: &str) -> Reason {
        if ALIASES.contains(&path) {
            return if path == "step.name" { self.context(path) } else { None };
        }
        let plans = self.outside.iter().map(|outside| outside.plan).chain([self.plan]);
        let is_step = plans.flat_map(|plan| &plan.steps).any(|step| step.id.as_deref() == Some(first));
        if !is_step && ALIASES.iter().any(|alias| alias.split('.').next() == Some(first)) {
            let hint = self.hint(path, ALIASES.iter().copied(), "`${context...}` has more");
            return Some((defect("unknown_context_field"), format!("there is no `{path}`; {hint}")));
        }
        let name = field.strip_prefix("outputs.").or_else(|| field.strip_prefix("output."));
        match (name, field) {
            // What follows the name leads into the output, or into a variable that holds JSON.
            (Some(path), _) => match self.visible(first) {
                Ok(other) if other.output.as_ref().is_some_and(|output| output.variable().is_some()) => None,
                Ok(_) => self.output(first, path.split('.').next().unwrap_or_default()),
                Err(reason) => Some(reason),
            },
            (None, "stdout" | "stderr" | "exit_code" | "output" | "outputs") => self.visible(first).err(),
            (None, _) => {
                let because = match is_step {
                    true => format!("a step has no `{field}`; it has `stdout`, `stderr`, `exit_code` and `outputs`"),
                    false => format!("nothing is called `{first}` here"),
                };
                Some((defect("namespace_unavailable"), because))
            }
        }
    }

    /// The step of an id, if the one that refers to it depends on it; in a body also those before the `foreach` itself.
    fn visible(&mut self, id: &str) -> Result<&'c Step, (Unresolved, String)> {
        let plan = self.plan;
        let find = |plan: &'c Plan| plan.indexed().find(|(_, step)| step.id.as_deref() == Some(id));
        let Some((index, other)) = find(plan) else {
            let outside = self.outside.iter().rev();
            let found = outside.copied().find_map(|outside| Some((outside, find(outside.plan)?)));
            if let Some((outside, (index, other))) = found {
                return seen_from_inside(outside, id, index, other);
            }
            let ids = plan.steps.iter().filter_map(|step| step.id.as_deref());
            let hint = self.hint(id, ids, "give the step that id");
            return Err((defect("unknown_step_id"), format!("no step has the id `{id}`; {hint}")));
        };
        let unavailable = |because: &str| Err((defect("namespace_unavailable"), because.to_owned()));
        let (own, repeating) = match self.place {
            Place::Root => return unavailable("steps have not run yet where this is evaluated"),
            Place::EveryStep | Place::After => return Ok(other),
            Place::Step(own) => (own, false),
            Place::Repetition(own) => (own, true),
        };
        if plan.step(own).is_some_and(|step| step.role != Role::Main) {
            return unavailable("a handler sees no outputs of steps");
        }
        match own == index {
            true if repeating => Ok(other),
            true => {
                let because = "a step does not see its own outputs before it has run";
                Err((defect("self_reference"), because.to_owned()))
            }
            false if depends_on(plan, own, index) => Ok(other),
            false => {
                let because = format!("the step does not depend on `{id}`; add it to `depends`");
                Err((defect("missing_dependency"), because))
            }
        }
    }
}

/// The outputs that the document names.
fn names_of(step: &Step) -> impl Iterator<Item = &str> {
    let fields = step.output.as_ref().map(Output::fields).unwrap_or_default();
    let named = fields.iter().chain(&step.published).filter_map(|field| field.name.as_deref());
    let given = step.approval.iter().flat_map(|approval| &approval.input).map(String::as_str);
    step.outputs.iter().map(|output| output.name.as_str()).chain(named).chain(given)
}

/// It may have others: what a plugin gives out, only the plugin knows, an object's keys only who wrote it, and what is
/// given with an approval that lists nothing, only who gives it.
fn name_is_open(step: &Step) -> bool {
    !matches!(step.action, Action::Run { .. } | Action::Task(_))
        || step.approval.as_ref().is_some_and(|approval| approval.input.is_empty())
        || step.output_schema.is_some()
        || step.published.iter().any(|field| field.name.is_none())
}

/// A step outside of a body, if the step with the body depends on it.
fn seen_from_inside<'c>(
    outside: Outside<'c>,
    id: &str,
    index: StepIndex,
    other: &'c Step,
) -> Result<&'c Step, (Unresolved, String)> {
    if outside.step == index {
        let because = "the body of a step does not see what it will amount to";
        return Err((defect("self_reference"), because.to_owned()));
    }
    if depends_on(outside.plan, outside.step, index) {
        return Ok(other);
    }
    let because = format!("the step with this `foreach` does not depend on `{id}`; add it to its `depends`");
    Err((defect("missing_dependency"), because))
}
