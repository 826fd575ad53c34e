//! What references can see: constants, parameters, the environment in its layers, outputs of the steps before.
//!
//! Layers of the environment, each over the one before: the worker's own (filtered) < parameters < managed variables of
//! the run < `env` of the DAG < dotenv < the managed ones again, for nobody overrides them; then for each step: managed
//! variables of the step < in the body of a `foreach`, variables of the step around it ([`Outer`]) < `output` variables
//! of the steps it depends on < `env` of the step < managed variables of the try. Secrets and profiles will stand where
//! Dagu has them. A handler sees neither outputs nor files of streams.

mod ancestors;
mod managed;
mod outer;
mod push_back;
mod reference;

pub(crate) use ancestors::reaches as depends_on;
pub(crate) use managed::{CONTEXT_FIELDS, is_of_try};
pub use managed::{RunFacts, StepFacts, is_managed};
pub use outer::Outer;
pub use push_back::{PushBackFact, PushBackFacts, instant};

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use pintle_core::plan::{Json, Output, Plan, Role, StepIndex, Template};
use pintle_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EvalError, Field, ItemFacts, resolve};
use crate::bind::BoundParams;
use crate::limits::{MAX_EXPANSION_WORK, MAX_FAN_WORK};

/// What a finished step left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepValues {
    /// Of the program, if one ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Its log of standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_file: Option<String>,
    /// Its log of standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_file: Option<String>,
    /// Value of its `output` variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// What was given with its approval: variables too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<(String, String)>,
    /// The last push-back that made it run again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed_back: Option<Timestamp>,
    /// Its outputs, each as JSON.
    #[serde(skip_serializing_if = "Vec::is_empty")]
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
    facts: StepFacts,
    results: Option<&'a HashMap<StepIndex, StepValues>>,
    /// Steps that the step depends on; looked for when a reference names one.
    before: OnceLock<HashSet<StepIndex>>,
    /// What is fanned out, the outermost first.
    items: Vec<&'a ItemFacts>,
    outer: Option<&'a Outer>,
    /// Why the environment could not be laid; every text of the scope fails with it.
    broken: Option<EvalError>,
    /// Work that all texts of the scope may still make together; without it each text has its own measure.
    work: Option<Arc<AtomicUsize>>,
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
            has_variables: plan.steps.iter().any(|step| {
                step.approval.is_some() || step.output.as_ref().is_some_and(|output| output.variable().is_some())
            }),
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
            facts: StepFacts::default(),
            results: None,
            before: OnceLock::new(),
            items: Vec::new(),
            outer: None,
            broken: None,
            work: None,
        }
    }

    /// What is seen when all is over: the results of every step, and their variables, the later over the earlier.
    #[must_use]
    pub fn after<'a>(&'a self, plan: &'a Plan, results: &'a HashMap<StepIndex, StepValues>) -> Scope<'a> {
        let mut scope = self.scope(plan);
        scope.results = Some(results);
        scope.lay_variables(plan.indexed().map(|(index, _)| index));
        scope
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
        scope.facts = if is_handler(own.role) { facts.without_streams() } else { facts.clone() };
        scope.context = scope.facts.context(own);
        scope.results = (own.role == Role::Main).then_some(results);
        scope.lay_all()?;
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
    /// The same for the texts of one item that is fanned out; items around it are still seen.
    #[must_use]
    pub fn with_item(mut self, item: &'a ItemFacts) -> Self {
        self.items.push(item);
        self.laid_again()
    }

    /// The same for the texts of a `foreach` body: they also see what the step around it sees. Own ids win over outer
    /// ones, own variables over outer variables.
    #[must_use]
    pub fn with_outer(mut self, outer: &'a Outer) -> Self {
        self.outer = Some(outer);
        self.laid_again()
    }

    /// How many items are around.
    pub(crate) fn items_around(&self) -> usize {
        self.items.len()
    }

    /// The item inside of so many others. The environment stays as it is: nothing that is fanned out here is in it.
    pub(crate) fn set_item(&mut self, around: usize, item: &'a ItemFacts) {
        self.items.truncate(around);
        self.items.push(item);
    }

    /// The same with one measure of work for all of its texts: as many as items may be evaluated in it.
    pub(crate) fn with_shared_work(&self) -> Self {
        Self { work: Some(Arc::new(AtomicUsize::new(MAX_FAN_WORK))), ..self.clone() }
    }

    pub(super) fn work_left(&self) -> usize {
        let shared = self.work.as_ref().map(|work| work.load(Ordering::Relaxed));
        shared.map_or(MAX_EXPANSION_WORK, |shared| shared.min(MAX_EXPANSION_WORK))
    }

    /// A text took this much, its own length included.
    pub(super) fn spend(&self, spent: usize) -> Result<(), EvalError> {
        let Some(work) = &self.work else { return Ok(()) };
        let left = work.load(Ordering::Relaxed).checked_sub(spent).ok_or(EvalError::TooMuchWork)?;
        work.store(left, Ordering::Relaxed);
        Ok(())
    }

    /// `${ITEM}`.
    pub(super) fn item(&self, name: &str) -> Option<Cow<'a, str>> {
        self.items.iter().rev().find_map(|item| item.whole(name))
    }

    /// Why nothing of this scope can be trusted, if so.
    pub(crate) fn intact(&self) -> Result<(), EvalError> {
        self.broken.clone().map_or(Ok(()), Err)
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

    /// All layers of a step, from the run's upwards.
    fn lay_all(&mut self) -> Result<(), EvalError> {
        let (plan, facts) = (self.plan, self.facts.clone());
        self.env = self.run.env.clone();
        let Some((step, own)) = self.step.and_then(|step| Some((step, plan.step(step)?))) else {
            self.env.extend(self.outer.into_iter().flat_map(Outer::variables));
            self.lay_variables(plan.indexed().map(|(index, _)| index));
            return Ok(());
        };
        self.env.extend(facts.variables_before(own));
        self.env.extend(self.outer.into_iter().flat_map(Outer::variables));
        if self.run.has_variables {
            // The step's own variable, of a repetition before, is over all others.
            self.lay_variables(ancestors::by_distance(plan, step).into_iter().chain([step]));
        }
        // They are over the step's own `env`, which may speak of them, and begin with what is there before the first.
        // What steps before it have said since they were pushed back themselves is newer.
        let newer = facts.push_backs.last().map(|since| self.said_since(since, step)).unwrap_or_default();
        let given = || facts.push_backs.inputs(own).filter(|(name, _)| !newer.contains(name.as_str())).cloned();
        self.env.extend(given());
        self.lay(&own.env)?;
        self.env.extend(given());
        self.env.extend(facts.variables_after(own));
        Ok(())
    }

    /// The `env` of a step may speak of what has just come to be seen.
    fn laid_again(mut self) -> Self {
        if let Err(error) = self.lay_all() {
            self.broken = Some(error);
        }
        self
    }

    /// Variables of steps before `step` that ran again because of the push-back at `since`, and have ended.
    fn said_since(&self, since: Timestamp, step: StepIndex) -> HashSet<&'a str> {
        let Some(results) = self.results else { return HashSet::new() };
        let newer = |index| {
            let values = results.get(&index).filter(|values| values.pushed_back.is_some_and(|at| at >= since))?;
            let output = self.plan.step(index).and_then(|step| step.output.as_ref()).and_then(Output::variable);
            let variable = output.filter(|_| values.variable.is_some());
            Some(variable.into_iter().chain(values.inputs.iter().map(|(name, _)| name.as_str())))
        };
        ancestors::by_distance(self.plan, step).into_iter().filter_map(newer).flatten().collect()
    }

    fn lay_variables(&mut self, steps: impl Iterator<Item = StepIndex>) {
        let Some(results) = self.results else { return };
        for index in steps {
            let output = self.plan.step(index).and_then(|step| step.output.as_ref());
            let value = results.get(&index).and_then(|values| values.variable.clone());
            if let (Some(Output::Variable(name)), Some(value)) = (output, value) {
                self.env.insert(name.clone(), value);
            }
            self.env.extend(results.get(&index).into_iter().flat_map(|values| values.inputs.iter().cloned()));
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
}

/// Text as it is, everything else as JSON.
fn plain(json: &Json) -> Cow<'_, str> {
    match serde_json::from_str(&json.0) {
        Ok(Value::String(text)) => Cow::Owned(text),
        _ => Cow::Borrowed(&json.0),
    }
}
