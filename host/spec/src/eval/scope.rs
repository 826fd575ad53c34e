//! What references can see: constants, parameters, the environment in its layers, outputs of the steps before.
//!
//! Layers of the environment, each over the one before: the worker's own (filtered) < parameters < managed variables of
//! the run < `env` of the DAG < dotenv < the managed ones again, for nobody overrides them; then for each step: managed
//! variables of the step < `output` variables of the steps it depends on < `env` of the step < managed variables of the
//! try. Secrets and profiles will stand where Dagu has them. A handler sees neither outputs nor files of streams.

mod ancestors;
mod managed;

pub(crate) use ancestors::reaches as depends_on;
pub(crate) use managed::CONTEXT_FIELDS;
pub use managed::{RunFacts, StepFacts, is_managed};

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use pintle_core::plan::{Json, Output, Plan, Role, StepIndex, Template};
use serde_json::Value;

use super::{EvalError, Field, ItemFacts, resolve};
use crate::bind::BoundParams;

/// What a finished step left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepValues {
    /// Of the program, if one ran.
    pub exit_code: Option<i32>,
    /// Its log of standard output.
    pub stdout_file: Option<String>,
    /// Its log of standard error.
    pub stderr_file: Option<String>,
    /// Value of its `output` variable.
    pub variable: Option<String>,
    /// Its outputs, each as JSON.
    pub outputs: Vec<(String, Json)>,
}

/// What all steps of a run see. Made once per run, or once per claim: it holds no reference to either.
#[derive(Debug, Clone)]
pub struct RunScope {
    env: BTreeMap<String, String>,
    consts: HashMap<String, String>,
    params: BoundParams,
    context: BTreeMap<&'static str, String>,
    has_variables: bool,
    /// Steps that references can name.
    ids: HashMap<String, StepIndex>,
}

/// What one text sees.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    run: &'a RunScope,
    plan: &'a Plan,
    env: BTreeMap<String, String>,
    context: BTreeMap<&'static str, String>,
    step: Option<StepIndex>,
    results: Option<&'a HashMap<StepIndex, StepValues>>,
    /// Steps that the step depends on; looked for when a reference names one.
    before: OnceLock<HashSet<StepIndex>>,
    item: Option<&'a ItemFacts>,
}

impl RunScope {
    /// Lays the layers of a run over each other; `env` of the plan is evaluated from top to bottom.
    pub fn new(
        plan: &Plan,
        params: &BoundParams,
        worker_env: &[(String, String)],
        dotenv: &[(String, Template)],
        facts: &RunFacts,
    ) -> Result<Self, EvalError> {
        let managed = facts.variables(plan, params);
        let consts = plan.consts.iter().map(|(name, json)| (name.clone(), plain(json).into_owned()));
        let mut env: BTreeMap<String, String> = worker_env.iter().cloned().collect();
        env.extend(params.variables());
        env.extend(managed.iter().cloned());
        let mut run = Self {
            env,
            consts: consts.collect(),
            params: params.clone(),
            context: facts.context(plan),
            has_variables: plan.steps.iter().any(|step| step.output.is_some()),
            ids: plan.indexed().filter_map(|(index, step)| Some((step.id.clone()?, index))).collect(),
        };
        for layer in [&plan.env, dotenv] {
            let env = {
                let mut scope = run.scope(plan);
                scope.lay(layer)?;
                scope.env
            };
            run.env = env;
        }
        run.env.extend(managed);
        Ok(run)
    }

    /// What the plan's own texts see (`preconditions`, `working_dir`).
    #[must_use]
    pub fn scope<'a>(&'a self, plan: &'a Plan) -> Scope<'a> {
        Scope {
            run: self,
            plan,
            env: self.env.clone(),
            context: BTreeMap::new(),
            step: None,
            results: None,
            before: OnceLock::new(),
            item: None,
        }
    }

    /// What a step's texts see. A handler sees no outputs of steps. Where the results hold the step itself (a repetition
    /// has ended, and its condition is read), its own values are seen too.
    pub fn step<'a>(
        &'a self,
        plan: &'a Plan,
        step: StepIndex,
        results: &'a HashMap<StepIndex, StepValues>,
        facts: &StepFacts,
    ) -> Result<Scope<'a>, EvalError> {
        let mut scope = self.scope(plan);
        scope.step = Some(step);
        let Some(own) = plan.step(step) else { return Ok(scope) };
        let facts = if is_handler(own.role) { facts.without_streams() } else { facts.clone() };
        scope.context = facts.context(own);
        scope.env.extend(facts.variables_before(own));
        if own.role == Role::Main {
            scope.results = Some(results);
            if self.has_variables {
                scope.lay_outputs(plan, step, results);
            }
        }
        scope.lay(&own.env)?;
        scope.env.extend(facts.variables_after());
        Ok(scope)
    }
}

fn is_handler(role: Role) -> bool {
    match role {
        Role::OnInit | Role::OnSuccess | Role::OnFailure | Role::OnAbort | Role::OnExit | Role::OnWait => true,
        Role::Main | Role::Gate => false,
    }
}

impl<'a> Scope<'a> {
    /// The same for the texts of one item that is fanned out.
    #[must_use]
    pub fn with_item(self, item: &'a ItemFacts) -> Self {
        Self { item: Some(item), ..self }
    }

    pub(super) fn item(&self) -> Option<&'a ItemFacts> {
        self.item
    }

    /// The whole environment, by name.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        self.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The plan that the scope belongs to.
    #[must_use]
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// One more layer, evaluated from top to bottom: a variable sees those above it.
    fn lay(&mut self, layer: &[(String, Template)]) -> Result<(), EvalError> {
        for (name, template) in layer {
            let value = resolve(template, self, Field::Expanded)?;
            self.env.insert(name.clone(), value);
        }
        Ok(())
    }

    fn lay_outputs(&mut self, plan: &Plan, step: StepIndex, results: &HashMap<StepIndex, StepValues>) {
        // The step's own variable, of a repetition before, is over all others.
        for before in ancestors::by_distance(plan, step).into_iter().chain([step]) {
            let output = plan.step(before).and_then(|step| step.output.as_ref());
            let value = results.get(&before).and_then(|values| values.variable.clone());
            if let (Some(Output::Variable(name)), Some(value)) = (output, value) {
                self.env.insert(name.clone(), value);
            }
        }
    }

    /// A variable of the environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }

    /// A positional parameter: `1` is the first.
    #[must_use]
    pub fn positional(&self, number: &str) -> Option<&str> {
        self.run.params.positional(number)
    }

    /// What a dotted path stands for; none: it stays as it is written.
    #[must_use]
    pub fn qualified(&self, path: &str) -> Option<Cow<'_, str>> {
        if path == "params" {
            return Some(Cow::Owned(self.run.params.to_json()));
        }
        let (first, rest) = path.split_once('.')?;
        match first {
            "consts" => self.run.consts.get(rest).map(|value| Cow::Borrowed(value.as_str())),
            "params" => self.run.params.get(rest).map(Cow::Borrowed),
            "env" => self.variable(rest).map(Cow::Borrowed),
            "context" => self.context(rest),
            "steps" => {
                let (id, rest) = rest.split_once('.')?;
                let name = rest.strip_prefix("outputs.")?;
                self.output(id, name)
            }
            "ITEM" | "foreach" => self.item?.qualified(path),
            _ => self.alias(path).or_else(|| self.old_reference(first, rest)),
        }
    }

    fn context(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.context.get(name).or_else(|| self.run.context.get(name))?;
        Some(Cow::Borrowed(value))
    }

    /// Short names of the context that older files use.
    fn alias(&self, path: &str) -> Option<Cow<'_, str>> {
        match path {
            "dag.name" | "run.id" | "attempt.id" | "step.name" => self.context(path),
            "run.started_at" => self.context("attempt.started_at"),
            _ => None,
        }
    }

    /// `${ID.stdout}` and the like of older files.
    fn old_reference(&self, id: &str, field: &str) -> Option<Cow<'_, str>> {
        let values = self.values(id)?;
        match field {
            "stdout" => values.stdout_file.as_deref().map(Cow::Borrowed),
            "stderr" => values.stderr_file.as_deref().map(Cow::Borrowed),
            "exit_code" => values.exit_code.map(|code| Cow::Owned(code.to_string())),
            _ => {
                let name = field.strip_prefix("outputs.").or_else(|| field.strip_prefix("output."))?;
                self.output(id, name)
            }
        }
    }

    fn output(&self, id: &str, name: &str) -> Option<Cow<'_, str>> {
        let values = self.values(id)?;
        let (_, json) = values.outputs.iter().find(|(own, _)| own == name)?;
        Some(plain(json))
    }

    /// The values of a step by id, if this one depends on it, however far away; or its own, of a repetition before.
    fn values(&self, id: &str) -> Option<&'a StepValues> {
        let results = self.results?;
        let own = self.step?;
        let other = self.run.ids.get(id)?;
        let before = || ancestors::by_distance(self.plan, own).into_iter().collect();
        if own != *other && !self.before.get_or_init(before).contains(other) {
            return None;
        }
        results.get(other)
    }
}

/// Text as it is, everything else as JSON.
fn plain(json: &Json) -> Cow<'_, str> {
    match serde_json::from_str(&json.0) {
        Ok(Value::String(text)) => Cow::Owned(text),
        _ => Cow::Borrowed(&json.0),
    }
}
