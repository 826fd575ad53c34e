//! Variables that Pintle sets by itself, under Dagu's names and its own, and the same facts as `${context.*}`.

use std::collections::BTreeMap;

use pintle_core::plan::{Plan, Role, Step};

use super::push_back::PushBackFacts;
use crate::bind::BoundParams;

/// Each managed variable: Dagu's name, and Pintle's.
const NAMES: &[(&str, &str)] = &[
    ("DAG_NAME", "PINTLE_DAG_NAME"),
    ("DAG_RUN_ID", "PINTLE_RUN_ID"),
    ("DAG_RUN_LOG_FILE", "PINTLE_RUN_LOG_FILE"),
    ("DAG_RUN_WORK_DIR", "PINTLE_RUN_WORK_DIR"),
    ("DAG_RUN_ARTIFACTS_DIR", "PINTLE_RUN_ARTIFACTS_DIR"),
    ("DAG_RUN_STATUS", "PINTLE_RUN_STATUS"),
    ("DAG_WAITING_STEPS", "PINTLE_WAITING_STEPS"),
    ("DAG_PARAMS_JSON", "PINTLE_PARAMS_JSON"),
    ("DAG_RUN_STEP_NAME", "PINTLE_STEP_NAME"),
    ("DAG_RUN_STEP_STDOUT_FILE", "PINTLE_STEP_STDOUT_FILE"),
    ("DAG_RUN_STEP_STDERR_FILE", "PINTLE_STEP_STDERR_FILE"),
    ("DAGU_OUTPUT_FILE", "PINTLE_OUTPUT_FILE"),
    ("DAG_PUSHBACK", "PINTLE_PUSHBACK"),
    ("DAG_PUSHBACK_ITERATION", "PINTLE_PUSHBACK_ITERATION"),
    ("DAG_PUSHBACK_PREVIOUS_STDOUT_FILE", "PINTLE_PUSHBACK_PREVIOUS_STDOUT_FILE"),
];

/// All of `${context.*}`.
pub(crate) const CONTEXT_FIELDS: &[&str] = &[
    "dag.name",
    "run.id",
    "run.status",
    "run.scheduled_at",
    "run.root_name",
    "run.root_id",
    "attempt.id",
    "attempt.started_at",
    "step.id",
    "step.name",
    "trigger.type",
    "trigger.actor",
    "paths.log_file",
    "paths.work_dir",
    "paths.artifacts_dir",
    "paths.step_stdout_file",
    "paths.step_stderr_file",
    "paths.step_output_file",
    "pushback.iteration",
    "pushback.by",
    "pushback.at",
    "pushback.reason",
    "pushback.inputs",
    "pushback.previous_stdout_file",
];

/// Variables of Pintle's own, without a twin.
const OWN: &[&str] = &["PINTLE_LOSSES", "PINTLE_ATTEMPT", "PINTLE_OPERATION_KEY"];

/// Whether Pintle sets this variable and nobody else may.
#[must_use]
pub fn is_managed(name: &str) -> bool {
    NAMES.iter().any(|(theirs, ours)| *theirs == name || *ours == name) || OWN.contains(&name)
}

/// Whether Pintle sets this variable for each try of a step, over what the step says itself.
pub(crate) fn is_of_try(name: &str) -> bool {
    let of_try = ["DAG_RUN_STEP_STDOUT_FILE", "DAG_RUN_STEP_STDERR_FILE", "DAGU_OUTPUT_FILE"];
    let is = |theirs: &str| of_try.contains(&theirs) || theirs.starts_with("DAG_PUSHBACK");
    NAMES.iter().any(|(theirs, ours)| is(theirs) && (*theirs == name || *ours == name)) || OWN.contains(&name)
}

/// What a run knows of itself; what is none is not set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// Id of the run.
    pub run_id: String,
    /// Name of the root run's DAG; none: this is the root.
    pub root_name: Option<String>,
    /// Id of the root run; none: this is the root.
    pub root_id: Option<String>,
    /// Which try of the run.
    pub attempt_id: Option<String>,
    /// RFC 3339.
    pub attempt_started_at: Option<String>,
    /// RFC 3339; of a scheduled run.
    pub scheduled_at: Option<String>,
    /// Status of the run; for handlers.
    pub status: Option<String>,
    /// Steps that wait for a person, by name; for `handler_on.wait`.
    pub waiting_steps: Option<String>,
    /// `manual`, `scheduler`, `retry`, ...
    pub trigger_type: Option<String>,
    /// Who.
    pub trigger_actor: Option<String>,
    /// Log of the run.
    pub log_file: Option<String>,
    /// Directory of the run.
    pub work_dir: Option<String>,
    /// Directory for files that outlive the run.
    pub artifacts_dir: Option<String>,
}

impl RunFacts {
    pub(super) fn variables(&self, plan: &Plan, params: &BoundParams) -> Vec<(String, String)> {
        let json = params.to_json();
        let facts = [
            ("DAG_NAME", Some(&plan.name)),
            ("DAG_RUN_ID", Some(&self.run_id)),
            ("DAG_RUN_LOG_FILE", self.log_file.as_ref()),
            ("DAG_RUN_WORK_DIR", self.work_dir.as_ref()),
            ("DAG_RUN_ARTIFACTS_DIR", self.artifacts_dir.as_ref()),
            ("DAG_RUN_STATUS", self.status.as_ref()),
            ("DAG_WAITING_STEPS", self.waiting_steps.as_ref()),
            ("DAG_PARAMS_JSON", Some(&json)),
        ];
        under_both_names(&facts)
    }

    pub(super) fn context(&self, plan: &Plan) -> BTreeMap<&'static str, String> {
        let facts = [
            ("dag.name", Some(&plan.name)),
            ("run.id", Some(&self.run_id)),
            ("run.status", self.status.as_ref()),
            ("run.scheduled_at", self.scheduled_at.as_ref()),
            ("run.root_name", Some(self.root_name.as_ref().unwrap_or(&plan.name))),
            ("run.root_id", Some(self.root_id.as_ref().unwrap_or(&self.run_id))),
            ("attempt.id", self.attempt_id.as_ref()),
            ("attempt.started_at", self.attempt_started_at.as_ref()),
            ("trigger.type", self.trigger_type.as_ref()),
            ("trigger.actor", self.trigger_actor.as_ref()),
            ("paths.log_file", self.log_file.as_ref()),
            ("paths.work_dir", self.work_dir.as_ref()),
            ("paths.artifacts_dir", self.artifacts_dir.as_ref()),
        ];
        known(facts)
    }
}

/// What a try of a step knows of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepFacts {
    /// File that takes its standard output.
    pub stdout_file: Option<String>,
    /// File that takes its standard error.
    pub stderr_file: Option<String>,
    /// File that it writes its outputs to.
    pub output_file: Option<String>,
    /// Push-backs that made it run again.
    pub push_backs: PushBackFacts,
}

impl StepFacts {
    /// A handler's streams are nobody's business but the log's.
    pub(super) fn without_streams(&self) -> Self {
        Self { stdout_file: None, stderr_file: None, ..self.clone() }
    }

    /// Below the outputs of other steps and the step's own `env`.
    pub(super) fn variables_before(&self, step: &Step) -> Vec<(String, String)> {
        under_both_names(&[("DAG_RUN_STEP_NAME", Some(&step.name))])
    }

    /// Above everything.
    pub(super) fn variables_after(&self, step: &Step) -> Vec<(String, String)> {
        let mut variables = under_both_names(&[
            ("DAG_RUN_STEP_STDOUT_FILE", self.stdout_file.as_ref()),
            ("DAG_RUN_STEP_STDERR_FILE", self.stderr_file.as_ref()),
            ("DAGU_OUTPUT_FILE", self.output_file.as_ref()),
        ]);
        for (name, value) in self.push_backs.variables(step) {
            variables.extend(under_both_names(&[(name, value.as_ref())]));
        }
        variables
    }

    pub(super) fn context(&self, step: &Step) -> BTreeMap<&'static str, String> {
        let mut facts = known([
            ("step.id", step.id.as_ref()),
            ("step.name", Some(&step.name)),
            ("paths.step_stdout_file", self.stdout_file.as_ref()),
            ("paths.step_stderr_file", self.stderr_file.as_ref()),
            ("paths.step_output_file", self.output_file.as_ref()),
        ]);
        if step.role == Role::Main {
            facts.extend(self.push_backs.context(step));
        }
        facts
    }
}

fn known<const N: usize>(facts: [(&'static str, Option<&String>); N]) -> BTreeMap<&'static str, String> {
    facts.into_iter().filter_map(|(name, value)| Some((name, value?.clone()))).collect()
}

fn under_both_names(facts: &[(&str, Option<&String>)]) -> Vec<(String, String)> {
    let mut variables = Vec::with_capacity(facts.len() * 2);
    for (theirs, value) in facts {
        let Some(value) = value else { continue };
        variables.push(((*theirs).to_owned(), (*value).clone()));
        let twin = NAMES.iter().find(|(name, _)| name == theirs);
        variables.extend(twin.map(|(_, ours)| ((*ours).to_owned(), (*value).clone())));
    }
    variables
}
