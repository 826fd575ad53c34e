//! A claimed step with every value resolved, once, under the run's lock.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pintle_core::counter::Fence;
use pintle_core::ids::RunId;
use pintle_core::plan::{Artifacts, Json, OutputKind, Plan, Role, Step, StepIndex};
use pintle_core::run::{Answer, Answered, RunStatus, StepState, StepStatus};
use pintle_core::time::{Span, Timestamp};
use pintle_plane::worker::{Assignment, ClaimId, Condition, GoesOn, Probe};
use pintle_spec::assignment::{Resolved, ResolvedCondition, ResolvedProbe, resolve_step};
use pintle_spec::eval::{PushBackFact, PushBackFacts, RunFacts, RunScope, Scope, StepFacts, StepValues, instant};
use sha2::{Digest as _, Sha256};

use crate::context::{ChildContext, Frame};
use crate::error::Error;
use crate::live::Live;
use crate::service::{Coordinator, Options};

/// What the values of a run's steps are resolved against, kept beside the fold.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// Of the current run attempt.
    pub(crate) run: Option<Arc<RunScope>>,
    /// Of every step that ended, as references see it.
    pub(crate) results: HashMap<StepIndex, StepValues>,
    /// Of a body: what stands around it.
    pub(crate) frame: Option<Arc<Frame>>,
    /// Ended since `results` was last brought up to date.
    pub(crate) ended: Vec<StepIndex>,
}

impl Values {
    /// The scope of a body's step sees what stands around the body.
    pub(crate) fn framed<'a>(&'a self, scope: Scope<'a>) -> Scope<'a> {
        let Some(frame) = self.frame.as_deref() else { return scope };
        let scope = match &frame.facts {
            Some(facts) => scope.with_item(facts),
            None => scope,
        };
        scope.with_outer(&frame.outer)
    }
}

impl Coordinator {
    /// The claimed step as its worker gets it, or why its values cannot be resolved: then it fails with that sentence.
    pub(crate) async fn assignment(&self, live: &mut Live, index: StepIndex) -> Result<Assignment, String> {
        let plan = live.run.plan.clone();
        let resolved = self.resolve(live, &plan, index).await?;
        let (Some(step), Some(state)) = (plan.step(index), live.run.step(index)) else {
            return Err(format!("the plan has no step {}", index.0));
        };
        let dir = match resolved.working_dir.as_deref() {
            None => self.work_dir(live),
            Some(dir) => live.context.dag_dir.join(expand_home(dir, &self.options.env)),
        };
        let claim = ClaimId { run: live.run.id.clone(), step: index, fence: state.fence };
        let base = Base { claim, live, step, state, key: self.operation_key(live, index, state), now: self.now() };
        let artifacts = self.artifacts_dir(live).filter(|_| plan.artifacts.is_some());
        Ok(base.assignment(&self.options, resolved, dir, artifacts))
    }

    async fn resolve(&self, live: &mut Live, plan: &Arc<Plan>, index: StepIndex) -> Result<Resolved, String> {
        let known = self.actions.clone();
        let scope = self.scope(live, plan, index).await?;
        resolve_step(plan, index, &scope, &*known).map_err(|error| error.to_string())
    }

    /// What the texts of a step see.
    pub(crate) async fn scope<'a>(
        &self,
        live: &'a mut Live,
        plan: &'a Arc<Plan>,
        index: StepIndex,
    ) -> Result<Scope<'a>, String> {
        self.sync_results(live).await.map_err(|error| error.to_string())?;
        let role = plan.step(index).map_or(Role::Main, |step| step.role);
        self.ready_scope(live, plan, role).await?;
        let fence = live.run.step(index).map(|state| state.fence).unwrap_or_default();
        let claim = ClaimId { run: live.run.id.clone(), step: index, fence };
        let facts = StepFacts {
            stdout_file: Some(self.log_file(live, index, fence, "stdout")),
            stderr_file: Some(self.log_file(live, index, fence, "stderr")),
            output_file: Some(claim.output_file(&self.options.claims_dir).display().to_string()),
            push_backs: self.push_backs(live, index),
        };
        let values = &live.values;
        let run = values.run.as_deref().ok_or("the run has no scope")?;
        let scope = run.step(plan, index, &values.results, &facts).map_err(|error| error.to_string())?;
        Ok(values.framed(scope))
    }

    /// Makes what the scopes of a run's steps begin with, where it is not made yet.
    pub(crate) async fn ready_scope(&self, live: &mut Live, plan: &Plan, role: Role) -> Result<(), String> {
        if live.values.run.is_none() || role != Role::Main {
            let scope = self.run_scope(live, plan, role)?;
            live.values.run = Some(Arc::new(scope));
        }
        if live.values.frame.is_none() && live.context.body().is_some() {
            let frame = Box::pin(self.find_frame(live)).await.map_err(|error| error.to_string())?;
            live.values.frame = frame.map(Arc::new);
        }
        Ok(())
    }

    fn run_scope(&self, live: &Live, plan: &Plan, role: Role) -> Result<RunScope, String> {
        let params = live.params().map_err(|error| error.to_string())?;
        let work_dir = self.work_dir(live);
        let head = &live.run.head;
        let status = match role {
            Role::Main | Role::Gate => None,
            Role::OnInit => Some(live.run.status()),
            Role::OnWait => Some(RunStatus::Waiting),
            Role::OnSuccess | Role::OnFailure | Role::OnAbort | Role::OnExit => head.concluded,
        };
        let facts = RunFacts {
            run_id: live.within().to_string(),
            root_id: live.context.child.as_ref().map(|child| child.root_id.to_string()),
            root_name: live.context.child.as_ref().map(|child| child.root_name.clone()),
            attempt_id: Some(head.attempt.to_string()),
            attempt_started_at: head.started_at.map(instant),
            status: status.map(|status| status.as_str().to_owned()),
            waiting_steps: (role == Role::OnWait).then(|| waiting_steps(live)),
            trigger_type: Some(trigger(live).to_owned()),
            trigger_actor: live.context.actor.clone(),
            work_dir: Some(work_dir.display().to_string()),
            artifacts_dir: self.artifacts_dir(live).map(|dir| dir.display().to_string()),
            ..RunFacts::default()
        };
        RunScope::new(plan, &params, &self.options.env, &live.context.dotenv, &facts).map_err(|error| error.to_string())
    }

    /// Brings the results that references see up to date with the fold.
    pub(crate) async fn sync_results(&self, live: &mut Live) -> Result<(), Error> {
        for index in std::mem::take(&mut live.values.ended) {
            let Some(state) = live.run.step(index).cloned() else { continue };
            if !state.status.is_terminal() && state.status != StepStatus::Retrying {
                live.values.results.remove(&index);
                continue;
            }
            let Some(end) = state.end else { continue };
            let mut outputs = Vec::with_capacity(end.outputs.len());
            for (name, json) in &end.outputs {
                outputs.push((name.clone(), self.unblob_output(json).await?));
            }
            // What was given with its approval is an output too, where the step has none of that name itself.
            for (name, text) in &end.inputs {
                if !outputs.iter().any(|(held, _)| held == name) {
                    outputs.push((name.clone(), Json(serde_json::Value::from(text.as_str()).to_string())));
                }
            }
            let variable = match &end.variable {
                Some(text) => Some(self.unblob_variable(text).await?),
                None => None,
            };
            let values = StepValues {
                exit_code: end.exit_code,
                stdout_file: Some(self.log_file(live, index, state.fence, "stdout")),
                stderr_file: Some(self.log_file(live, index, state.fence, "stderr")),
                variable,
                inputs: end.inputs.clone(),
                pushed_back: state.talk.as_ref().and_then(|talk| talk.push_backs.last()).map(|said| said.at),
                outputs,
            };
            live.values.results.insert(index, values);
        }
        Ok(())
    }

    /// What a step is told of the push-backs that made it run again.
    fn push_backs(&self, live: &Live, index: StepIndex) -> PushBackFacts {
        let Some(talk) = live.run.step(index).and_then(|state| state.talk.as_deref()) else {
            return PushBackFacts::default();
        };
        let fact = |said: &Arc<Answered>| match &said.answer {
            Answer::PushBack { inputs, reason } => {
                Some(PushBackFact { by: said.by.clone(), at: said.at, reason: reason.clone(), inputs: inputs.clone() })
            }
            Answer::Complete { .. } | Answer::Approve { .. } | Answer::Reject { .. } => None,
        };
        PushBackFacts {
            history: talk.push_backs.iter().filter_map(fact).collect(),
            previous_stdout_file: talk.before.map(|fence| self.log_file(live, index, fence, "stdout")),
        }
    }

    /// Where the run's artifacts stand; none where its author wants none. A body leaves its own with the run it belongs
    /// to.
    fn artifacts_dir(&self, live: &Live) -> Option<PathBuf> {
        let Options { data_dir, env, .. } = &self.options;
        artifacts_dir(&live.run.plan, live.within(), &live.context.dag_dir, data_dir, env)
    }

    fn run_dir(&self, live: &Live) -> PathBuf {
        self.options.data_dir.join("runs").join(live.run.id.as_str())
    }

    /// The run's own directory, where steps work that name no other. A body works in that of the run it belongs to.
    fn work_dir(&self, live: &Live) -> PathBuf {
        self.options.data_dir.join("runs").join(live.within().as_str()).join("work")
    }

    fn log_file(&self, live: &Live, step: StepIndex, fence: Fence, stream: &str) -> String {
        let name = format!("{}-{fence}.{stream}", step.0);
        self.run_dir(live).join("logs").join(name).display().to_string()
    }

    /// Same for every try of one effect, and for nothing else: SHA-256 keyed by the data directory's key over tenant,
    /// run, step, repetition and how often a finished step was run again on purpose.
    fn operation_key(&self, live: &Live, index: StepIndex, state: &StepState) -> String {
        let mut hash = Sha256::new();
        hash.update(self.options.key);
        for part in [self.options.tenant.as_str(), live.run.id.as_str()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        for number in [index.0, state.repetition, state.redone] {
            hash.update(number.to_be_bytes());
        }
        let digest = pintle_core::ids::Digest::from_bytes(hash.finalize().into());
        digest.as_str().to_owned()
    }
}

struct Base<'a> {
    claim: ClaimId,
    live: &'a Live,
    step: &'a Step,
    state: &'a StepState,
    key: String,
    now: Timestamp,
}

impl Base<'_> {
    fn assignment(
        self,
        options: &crate::Options,
        resolved: Resolved,
        working_dir: PathBuf,
        artifacts: Option<PathBuf>,
    ) -> Assignment {
        let spent = self.state.started_at.map_or(Span::ZERO, |since| self.now.since(since));
        let goes_on = self.state.token.clone().map(|token| GoesOn { token, spent });
        Assignment {
            claim: self.claim,
            tenant: options.tenant.clone(),
            dag: self.live.row.dag.clone(),
            step_name: self.step.name.clone(),
            lineage: self.live.context.child.as_ref().map(ChildContext::lineage),
            attempt: self.state.attempt,
            losses: self.state.losses,
            operation_key: self.key,
            preconditions: resolved.conditions.into_iter().map(condition).collect(),
            action: resolved.action,
            input_json: resolved.input_json,
            env: resolved.env,
            working_dir,
            timeout: self.step.timeout,
            stdout_file: resolved.stdout.map(PathBuf::from),
            stderr_file: resolved.stderr.map(PathBuf::from),
            merged_log: self.step.merged_log,
            artifacts_dir: artifacts,
            stdout_artifact: resolved.stdout_artifact.map(PathBuf::from),
            stderr_artifact: resolved.stderr_artifact.map(PathBuf::from),
            capture_stdout: self.step.output.as_ref().is_some_and(|output| output.variable().is_some())
                || self.step.output_schema.is_some(),
            published: resolved.published,
            declared_outputs: declared(self.step),
            max_output: self.live.run.plan.max_output.map_or(options.max_output, |bytes| bytes as usize),
            repeat_probe: resolved.repeat.map(probe),
            goes_on,
        }
    }
}

/// Outputs of a task come from whoever completes it: its worker looks for none.
fn declared(step: &Step) -> Vec<(String, OutputKind)> {
    match step.action.task() {
        Some(_) => Vec::new(),
        None => step.outputs.iter().map(|output| (output.name.clone(), output.kind)).collect(),
    }
}

fn condition(resolved: ResolvedCondition) -> Condition {
    match resolved {
        ResolvedCondition::Known { text, met } => Condition::Known { text, met },
        ResolvedCondition::Probe(resolved) => Condition::Probe(probe(resolved)),
    }
}

fn probe(resolved: ResolvedProbe) -> Probe {
    let ResolvedProbe { text, input_json, expected, negate } = resolved;
    Probe { text, input_json, expected, negate }
}

/// Where a run's artifacts stand; none where its author wants none. `dag_dir` is where the DAG's relative paths begin.
#[must_use]
pub fn artifacts_dir(
    plan: &Plan,
    run: &RunId,
    dag_dir: &Path,
    data_dir: &Path,
    env: &[(String, String)],
) -> Option<PathBuf> {
    match &plan.artifacts {
        Some(Artifacts { enabled: false, .. }) => None,
        Some(Artifacts { dir: Some(dir), .. }) => Some(dag_dir.join(expand_home(dir, env)).join(run.as_str())),
        Some(Artifacts { dir: None, .. }) | None => Some(data_dir.join("runs").join(run.as_str()).join("artifacts")),
    }
}

/// `~` and `~/...` are the user's home, as a shell would have it.
fn expand_home(dir: &str, env: &[(String, String)]) -> PathBuf {
    let home = || env.iter().find(|(name, _)| name == "HOME").map(|(_, value)| Path::new(value));
    match (dir, dir.strip_prefix("~/")) {
        ("~", _) => home().map_or_else(|| dir.into(), Path::to_path_buf),
        (_, Some(rest)) => home().map_or_else(|| dir.into(), |home| home.join(rest)),
        (_, None) => dir.into(),
    }
}

/// What made the run, or the run that a body continues.
fn trigger(live: &Live) -> &'static str {
    match &live.context.child {
        Some(child) if *live.within() != child.root_id => "subdag",
        Some(_) | None if live.run.head.attempt.get() > 1 => "retry",
        Some(_) | None => "manual",
    }
}

fn waiting_steps(live: &Live) -> String {
    let names = live.run.steps_in(StepStatus::Waiting).filter_map(|i| live.run.plan.step(i));
    names.map(|step| step.name.as_str()).collect::<Vec<_>>().join(",")
}
