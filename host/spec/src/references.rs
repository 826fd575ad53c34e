//! References that lead nowhere. At run time they stay as they are written, as in Dagu; here their author is told.
//!
//! Each notice ends with a code that programs read, as Dagu has them: `unknown_const_name`, `unknown_param_name`,
//! `unknown_env_binding`, `unknown_context_field`, `unknown_step_id`, `unknown_output_name`, `missing_dependency`,
//! `self_reference`, `namespace_unavailable`. Most name a defect. Two may only name what the caller or the machine will
//! bring (a parameter of a DAG that takes any, a variable of the environment); they are kept apart.

mod reason;

use pintle_core::plan::{Child, Fan, FanForm, Output, Plan, Role, StepIndex};

use crate::document::{ScalarKind, Value};
use crate::eval::{Piece, is_managed, pieces};
use crate::limits::MAX_CHECKED_REFERENCES;
use crate::reader::{At, Reader};

/// Fields of a step that are names, or text for people, and never evaluated.
const PLAIN: &[&str] = &["id", "name", "description", "depends", "outputs", "output_schema"];

/// Where a text is evaluated: it decides what the text can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before any step: `params`, `env`, `dotenv`, and what the run depends on.
    Root,
    /// In every step that says nothing else itself: `defaults`, `working_dir`, `shell`.
    EveryStep,
    /// In one step before it runs.
    Step(StepIndex),
    /// In one step after it has run.
    Repetition(StepIndex),
    /// When all steps are over: `collect`.
    After,
}

/// A step whose `foreach` is being looked at from inside.
#[derive(Debug, Clone, Copy)]
struct Outside<'c> {
    plan: &'c Plan,
    step: StepIndex,
}

/// What is fanned out around a text.
#[derive(Debug, Default)]
struct Items<'c> {
    /// `as:` of each `foreach`, the outermost first.
    foreach: Vec<Option<&'c str>>,
    /// `${ITEM}` of a `parallel`.
    parallel: bool,
}

/// Leaves a notice for each reference of a checked document that cannot lead anywhere.
pub(crate) fn check_references(reader: &mut Reader<'_>, dag: &At<'_>, plan: &Plan) {
    let mut check = Check {
        reader,
        plan,
        left: MAX_CHECKED_REFERENCES,
        place: Place::Root,
        outside: Vec::new(),
        items: Items::default(),
        given: String::new(),
    };
    if let Some(params) = dag.get("params") {
        check.params(&params);
    }
    for (key, place) in [
        ("env", Place::Root),
        ("dotenv", Place::Root),
        ("preconditions", Place::Root),
        ("working_dir", Place::EveryStep),
        ("shell", Place::EveryStep),
        ("defaults", Place::EveryStep),
    ] {
        check.place = place;
        if let Some(at) = dag.get(key) {
            check.walk(&at);
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
    place: Place,
    /// Steps whose bodies the text stands in, the outermost first.
    outside: Vec<Outside<'c>>,
    items: Items<'c>,
    /// Of a step that was made of a call: its inputs, as they are written.
    given: String,
}

impl<'c> Check<'c, '_> {
    /// Only defaults are evaluated, and what computes a value.
    fn params(&mut self, params: &At<'_>) {
        let schema = params.get("schema").filter(|schema| schema.is_map());
        let schema = schema.as_ref().unwrap_or(params);
        if let Some(properties) = schema.get("properties").filter(|properties| properties.is_map()) {
            properties.fields().for_each(|(_, property)| self.default(&property));
            if let Some(values) = params.get("values") {
                self.walk(&values);
            }
            return;
        }
        if !params.is_list() {
            return self.walk(params);
        }
        for item in params.items() {
            if item.entry("name").is_some() { self.default(&item) } else { self.walk(&item) }
        }
    }

    fn default(&mut self, param: &At<'_>) {
        for key in ["default", "eval"] {
            if let Some(at) = param.get(key) {
                self.walk(&at);
            }
        }
    }

    fn step(&mut self, at: &At<'_>, index: StepIndex) {
        let Some(made) = self.reader.customs.made(at.place()) else { return self.whole(at, index) };
        // What the call gives is looked at where it is written, and not once more where it was put in.
        self.place = Place::Step(index);
        self.walk_field(at, "with");
        self.given = at.get("with").map(|with| with.node.to_json().to_string()).unwrap_or_default();
        self.whole(&At { node: &made, path: at.path.same() }, index);
        self.given.clear();
    }

    fn whole(&mut self, at: &At<'_>, index: StepIndex) {
        let fan = self.plan.step(index).and_then(|step| step.action.fan());
        for (entry, field) in at.fields() {
            self.place = match entry.key.as_str() {
                "repeat_policy" | "approval" => Place::Repetition(index),
                _ => Place::Step(index),
            };
            match (entry.key.as_str(), fan) {
                ("foreach", Some(fan)) => self.foreach(&field, index, fan),
                ("with" | "params", Some(fan)) => {
                    self.items.parallel = fan.form == FanForm::Parallel;
                    self.walk(&field);
                    self.items.parallel = false;
                }
                (key, _) if PLAIN.contains(&key) => {}
                ("output", _) => self.outputs(&field),
                ("stdout", _) if field.is_map() => {
                    self.walk_field(&field, "artifact");
                    if let Some(fields) = field.get("outputs").as_ref().and_then(|outputs| outputs.get("fields")) {
                        self.outputs(&fields);
                    }
                }
                _ => self.walk(&field),
            }
        }
    }

    /// Values are evaluated, and paths; how an output is taken apart is another language's.
    fn outputs(&mut self, at: &At<'_>) {
        for (_, field) in at.fields() {
            match field.is_map() && ["value", "from", "decode", "select"].iter().any(|key| field.entry(key).is_some()) {
                true => ["value", "path"].iter().for_each(|key| self.walk_field(&field, key)),
                false => self.walk(&field),
            }
        }
    }

    /// The items are the step's business, the key knows its item, and the body is a plan of its own.
    fn foreach(&mut self, at: &At<'_>, index: StepIndex, fan: &'c Fan) {
        let Child::Body(body) = &fan.child else { return };
        self.walk_field(at, "items");
        self.items.foreach.push(fan.alias.as_deref());
        self.walk_field(at, "key");
        self.outside.push(Outside { plan: self.plan, step: index });
        let around = std::mem::replace(&mut self.plan, body);
        if let Some(steps) = at.get("steps") {
            for (at, (index, _)) in steps.items().iter().zip(body.indexed()) {
                self.step(at, index);
            }
        }
        self.place = Place::After;
        self.walk_field(at, "collect");
        self.plan = around;
        self.outside.pop();
        self.items.foreach.pop();
    }

    fn walk_field(&mut self, at: &At<'_>, key: &str) {
        if let Some(field) = at.get(key) {
            self.walk(&field);
        }
    }

    fn walk(&mut self, at: &At<'_>) {
        match &at.node.value {
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Text => self.text(at, &scalar.text),
            Value::Scalar(_) => {}
            Value::List(_) => at.items().iter().for_each(|item| self.walk(item)),
            Value::Map(_) => at.fields().for_each(|(_, field)| self.walk(&field)),
        }
    }

    fn text(&mut self, at: &At<'_>, text: &str) {
        for piece in pieces(text) {
            let Piece::Qualified { whole, path } = piece else { continue };
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            if !self.given.is_empty() && self.given.contains(whole) {
                continue;
            }
            if let Some((why, because)) = self.reason(path) {
                let place = self.reader.place_of(at.place(), whole);
                let message = format!("`{whole}` was left unchanged because {because} (reason={})", why.code);
                self.reader.findings.unresolved(place, at.path.to_string(), message, why);
            }
        }
    }

    /// Whether the document itself sets a variable that is seen here, or Pintle does.
    fn sets_variable(&self, name: &str) -> bool {
        is_managed(name)
            || self.plan.env.iter().any(|(set, _)| set == name)
            || self.plan.params.iter().any(|param| param.name.as_deref() == Some(name))
            || self.outside.iter().any(|outside| in_step(outside.plan, outside.step, name))
            || match self.place {
                Place::Root => false,
                Place::EveryStep => self.plan.indexed().any(|(index, _)| in_step(self.plan, index, name)),
                Place::Step(index) | Place::Repetition(index) => in_step(self.plan, index, name),
                Place::After => gives_out(self.plan, name),
            }
    }
}

fn in_step(plan: &Plan, index: StepIndex, name: &str) -> bool {
    let own = plan.step(index).is_some_and(|step| step.env.iter().any(|(set, _)| set == name));
    own || gives_out(plan, name)
}

fn gives_out(plan: &Plan, name: &str) -> bool {
    plan.steps.iter().any(|step| {
        let given = step.approval.iter().flat_map(|approval| &approval.input).any(|input| input == name);
        given || step.output.as_ref().and_then(Output::variable) == Some(name)
    })
}
