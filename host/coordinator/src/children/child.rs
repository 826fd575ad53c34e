//! One child: its id, its start, its end.

use std::sync::{Arc, PoisonError};

use pintle_core::ids::{Digest, RunId};
use pintle_core::plan::{Child, Fan, FanForm, Json, StepIndex};
use pintle_core::run::command::{ChildEnd, StopCause};
use pintle_core::run::{Command, Outcome, Refusal, Run, RunStatus};
use pintle_spec::bind::{Binding, BoundParams, bind_params};
use pintle_spec::eval::{Outer, Scope};
use pintle_spec::fan::{FanItem, collect, run_outputs};
use pintle_store::{CommitError, Parent, Trigger};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::TOLD_AT_ONCE;
use super::brood::{Brood, Pinned};
use crate::commit::Batch;
use crate::context::{self, ChildContext, Context, Frame};
use crate::error::Error;
use crate::live::{Live, NewRow, new_row};
use crate::service::Coordinator;
use crate::settle::inline_output;

/// Names of children are made in this one's space (RFC 9562, 5.5); drawn once, by chance.
const SPACE: Uuid = Uuid::from_u128(0x6d1f_3a0e_52b7_4c1d_9a38_0f5e_71c2_b964);

/// What became of a child that is to run.
enum Started {
    Open,
    Over(ChildEnd),
}

/// The same for every try of a step, so that a retry finds its children: a hash of the parent, the step, the item's key,
/// and how often the step was repeated or run again on purpose.
pub(crate) fn child_id(live: &Live, step: StepIndex, key: &str) -> RunId {
    let name = live.run.plan.step(step).map(|step| step.name.as_str()).unwrap_or_default();
    let (repetition, redone) = live.run.step(step).map(|s| (s.repetition, s.redone)).unwrap_or_default();
    let mut hashed = Vec::new();
    for part in [live.run.id.as_str(), name, key] {
        hashed.extend_from_slice(&(part.len() as u64).to_be_bytes());
        hashed.extend_from_slice(part.as_bytes());
    }
    hashed.extend_from_slice(&repetition.to_be_bytes());
    hashed.extend_from_slice(&redone.to_be_bytes());
    let text = Uuid::new_v5(&SPACE, &hashed).to_string();
    // A UUID is never refused; were it ever, the parent's own id is one that is taken.
    RunId::new(text).unwrap_or_else(|_| live.run.id.clone())
}

impl Coordinator {
    /// Looks at the children that came to rest: which of them are over, and which wait for a person.
    pub(super) async fn take_in(
        &self,
        live: &mut Live,
        step: StepIndex,
        brood: &mut Brood,
    ) -> Result<Vec<ChildEnd>, Error> {
        let mut ended = Vec::new();
        while let Some(child) = brood.rested.pop_first() {
            if !brood.open.contains(&child) {
                continue;
            }
            let id = brood.id(live, step, child);
            let at_rest = match self.live(&id) {
                Some(held) => {
                    let mut held = held.lock().await;
                    self.at_rest(live, step, child, &mut held).await?
                }
                None => self.at_rest_abroad(live, step, child, &id).await?,
            };
            match at_rest {
                AtRest::Over(end) => {
                    brood.open.remove(&child);
                    brood.idle.remove(&child);
                    ended.push(end);
                }
                AtRest::Idle => {
                    brood.idle.insert(child);
                }
                AtRest::Moving => {
                    brood.idle.remove(&child);
                }
            }
            if ended.len() >= TOLD_AT_ONCE {
                self.tending.want(&live.run.id, None);
                break;
            }
        }
        Ok(ended)
    }

    /// As [`Self::at_rest`], of a child that is not one of this home's. It may have become nobody's.
    async fn at_rest_abroad(&self, live: &Live, step: StepIndex, child: u32, id: &RunId) -> Result<AtRest, Error> {
        let mut held = self.load(id).await?;
        let at_rest = self.at_rest(live, step, child, &mut held).await?;
        if matches!(at_rest, AtRest::Moving) {
            match self.resume(id).await {
                Ok(()) => {}
                Err(Error::Owned { .. }) => self.tending.abroad(&live.run.id, step, child),
                Err(error) => return Err(error),
            }
        }
        Ok(at_rest)
    }

    /// Starts children up to the step's bound.
    pub(super) async fn admit(
        &self,
        live: &mut Live,
        step: StepIndex,
        brood: &mut Brood,
        ended: &mut Vec<ChildEnd>,
    ) -> Result<(), Error> {
        let plan = live.run.plan.clone();
        let Some(fan) = plan.step(step).and_then(|step| step.action.fan()) else { return Ok(()) };
        let bound = usize::try_from(fan.max_concurrent.max(1)).unwrap_or(usize::MAX);
        while brood.open.len().saturating_sub(brood.idle.len()) < bound {
            if ended.len() >= TOLD_AT_ONCE {
                self.tending.want(&live.run.id, None);
                break;
            }
            let Some(child) = brood.waiting.pop_front() else { break };
            match self.start_child(live, fan, step, brood, child).await {
                Ok(Started::Open) => {
                    brood.open.insert(child);
                }
                Ok(Started::Over(end)) => ended.push(end),
                Err(error) => {
                    brood.waiting.push_front(child);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Sees to it that a child runs: it is new, or it is found and goes on, or it was over already.
    async fn start_child(
        &self,
        live: &mut Live,
        fan: &Fan,
        step: StepIndex,
        brood: &mut Brood,
        child: u32,
    ) -> Result<Started, Error> {
        let id = brood.id(live, step, child);
        let since = live.run.step(step).and_then(|s| s.children.as_ref()).map(|children| children.since);
        let Some(row) = self.store.row(&id).await? else {
            return self.submit_child(live, fan, step, brood, child, id).await;
        };
        if row.status.is_terminal() {
            // What ended before the step expanded belongs to an earlier try: it is kept if it is good.
            if pintle_core::run::children::is_good(row.status) || row.finished_at > since {
                let mut held = self.load(&id).await?;
                return match self.at_rest(live, step, child, &mut held).await? {
                    AtRest::Over(end) => Ok(Started::Over(end)),
                    AtRest::Idle | AtRest::Moving => Ok(Started::Open),
                };
            }
            self.retry(&id, &[], false).await?;
            self.lend_frame(live, fan, step, brood, child).await?;
            return Ok(Started::Open);
        }
        // One that waits for a person goes on: whoever had the step run again has looked at it.
        if row.status != RunStatus::Waiting && self.live(&id).is_some() {
            brood.rested.insert(child);
            self.tending.want(&live.run.id, None);
            return Ok(Started::Open);
        }
        match self.resume(&id).await {
            Ok(()) => self.lend_frame(live, fan, step, brood, child).await?,
            Err(Error::Owned { .. }) => self.tending.abroad(&live.run.id, step, child),
            Err(error) => return Err(error),
        }
        Ok(Started::Open)
    }

    /// What a body sees around it is the same for all: it need not find it again for itself.
    async fn lend_frame(
        &self,
        live: &mut Live,
        fan: &Fan,
        step: StepIndex,
        brood: &mut Brood,
        child: u32,
    ) -> Result<(), Error> {
        if fan.form == FanForm::Foreach
            && let Some(held) = self.live(&brood.id(live, step, child))
        {
            let frame = self.frame(live, fan, step, brood, child).await?;
            held.lock().await.values.frame = Some(Arc::new(frame));
        }
        Ok(())
    }

    async fn submit_child(
        &self,
        live: &mut Live,
        fan: &Fan,
        step: StepIndex,
        brood: &mut Brood,
        child: u32,
        id: RunId,
    ) -> Result<Started, Error> {
        let refused = |error: String| {
            Ok(Started::Over(ChildEnd { child, status: RunStatus::Failed, outputs: None, error: Some(error) }))
        };
        let Some(item) = usize::try_from(child).ok().and_then(|at| brood.items.get(at).cloned()) else {
            return refused("its item is not there".to_owned());
        };
        let pinned = match brood.plans.get(&item.dag) {
            Some(pinned) => pinned.clone(),
            None => match pin(live, fan, item.dag.as_deref()) {
                Ok(pinned) => {
                    brood.plans.insert(item.dag.clone(), pinned.clone());
                    pinned
                }
                Err(reason) => return refused(reason),
            },
        };
        let is_body = fan.form == FanForm::Foreach;
        let params = if is_body {
            live.params().map_err(|error| Error::Plan { run: live.run.id.clone(), reason: error.to_string() })?
        } else {
            match bind_params(&pinned.plan, &item.given(), &self.options.env) {
                Ok(Binding::Bound(bound)) => bound,
                Ok(Binding::Eval(pending)) => {
                    let name = pending.param();
                    return refused(format!("parameter `{name}` is computed by a command; give its value in `params`"));
                }
                Err(faults) => return refused(faults.to_string()),
            }
        };
        let frame = if is_body { Some(self.frame(live, fan, step, brood, child).await?) } else { None };
        let context = child_context(live, fan, step, (item, child));
        let made = self.new_child(live, step, child, &id, pinned, params, context, frame).await;
        match made {
            Ok(()) => Ok(Started::Open),
            Err(CommitError::Store(error)) => Err(error.into()),
            // It was there after all.
            Err(
                CommitError::DuplicateRun { .. } | CommitError::VersionConflict { .. } | CommitError::StaleFence { .. },
            ) => {
                brood.rested.insert(child);
                self.tending.want(&live.run.id, None);
                Ok(Started::Open)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that makes a child, used once")]
    async fn new_child(
        &self,
        parent: &Live,
        step: StepIndex,
        child: u32,
        id: &RunId,
        pinned: Pinned,
        params: BoundParams,
        context: Context,
        frame: Option<Frame>,
    ) -> Result<(), CommitError> {
        let stopped = |reason: String| CommitError::Store(pintle_store::Error::Stopped { reason });
        let is_body = frame.is_some();
        let nonce = context::nonce_of(&context, id, &self.options.key);
        let sealed =
            context::seal(&context, id, &self.options.key, nonce).map_err(|error| stopped(error.to_string()))?;
        let step_name = parent.run.plan.step(step).map(|step| step.name.as_str()).unwrap_or_default();
        let dag = if is_body { format!("{}.{step_name}", parent.row.dag) } else { pinned.plan.name.clone() };
        let mut row = new_row(NewRow {
            run: id,
            tenant: &self.options.tenant,
            dag: &dag,
            params: Json(params.to_json()),
            node: &self.options.node,
            pid: self.options.pid,
            at: self.now(),
            plan: pinned.digest.clone(),
            source: context.source.as_ref().map(|path| path.display().to_string()),
        });
        row.trigger = Trigger::Parent;
        row.parent = Some(Parent { run: parent.run.id.clone(), step, child });
        let run = Run::unborn(id.clone(), pinned.plan.clone());
        let mut live = Live::unborn(run, row, context);
        live.values.frame = frame.map(Arc::new);
        let params = serde_json::to_string(&params).map_err(|error| stopped(error.to_string()))?;
        let plan = pinned.digest.clone();
        let submission = pintle_core::run::command::Submission { plan, params: Json(params), context: sealed };
        let mut batch = Batch::new(&mut live, self.now());
        for command in [Command::Submit(submission), Command::Start] {
            batch.command(command).map_err(|error| stopped(error.to_string()))?;
        }
        let plan = Some((pinned.digest, pinned.text));
        let committed = batch.commit(&*self.store, &self.options.tenant, plan).await?;
        self.keep(live, &committed.effects);
        Ok(())
    }

    async fn frame(
        &self,
        live: &mut Live,
        fan: &Fan,
        step: StepIndex,
        brood: &mut Brood,
        child: u32,
    ) -> Result<Frame, Error> {
        let outer = match &brood.outer {
            Some(outer) => outer.clone(),
            None => {
                let outer = Arc::new(self.outer(live, step).await?);
                brood.outer = Some(outer.clone());
                outer
            }
        };
        let at = usize::try_from(child).unwrap_or(usize::MAX);
        let facts = brood.items.get(at).and_then(|item| item.facts(fan, at));
        Ok(Frame { outer, facts })
    }

    async fn outer(&self, live: &mut Live, step: StepIndex) -> Result<Outer, Error> {
        let plan = live.run.plan.clone();
        let id = live.run.id.clone();
        match self.scope(live, &plan, step).await {
            Ok(scope) => Ok(Outer::of(&scope)),
            Err(reason) => Err(Error::Plan { run: id, reason }),
        }
    }

    /// What a body sees of the step around it, found again through its parent.
    pub(crate) async fn find_frame(&self, live: &Live) -> Result<Option<Frame>, Error> {
        let Some((item, child)) = live.context.body() else { return Ok(None) };
        let Some(parent) = &live.row.parent else { return Ok(None) };
        let mut around = self.load(&parent.run).await?;
        let outer = Arc::new(Box::pin(self.outer(&mut around, parent.step)).await?);
        let plan = around.run.plan.clone();
        let fan = plan.step(parent.step).and_then(|step| step.action.fan());
        let at = usize::try_from(*child).unwrap_or(usize::MAX);
        Ok(Some(Frame { outer, facts: fan.and_then(|fan| item.facts(fan, at)) }))
    }

    /// Tells the children that run to stop. Those that did not begin are left out.
    pub(super) async fn stop_children(&self, live: &mut Live, step: StepIndex, brood: &mut Brood) -> Result<(), Error> {
        brood.waiting.clear();
        let stop = live.run.head.stop.clone();
        let at_once = stop.as_ref().is_some_and(|stop| stop.at_once);
        if brood.stopped.is_some_and(|before| before || !at_once) {
            return Ok(());
        }
        let cause = stop.map_or(StopCause::TimedOut, |stop| stop.cause);
        for child in brood.open.clone() {
            let id = brood.id(live, step, child);
            match Box::pin(self.stop(&id, cause.clone(), at_once)).await {
                Ok(()) | Err(Error::Refused(Refusal::AlreadyStopping(_) | Refusal::WrongRunStatus { .. })) => {}
                Err(Error::NoSuchRun(_)) => {
                    brood.open.remove(&child);
                }
                Err(error) => return Err(error),
            }
            brood.rested.insert(child);
        }
        brood.stopped = Some(at_once);
        self.tending.want(&live.run.id, None);
        Ok(())
    }

    /// A stopped run whose process is gone: its children are stopped here, and the steps that wait for them are over.
    pub(crate) async fn stop_orphans(&self, live: &mut Live, cause: StopCause) -> Result<(), Error> {
        for step in live.parents() {
            let Some(fence) = live.run.step(step).map(|state| state.fence) else { continue };
            for (_, child) in self.open_children(live, step).await? {
                match Box::pin(self.stop(&child, cause.clone(), true)).await {
                    Ok(()) | Err(Error::Refused(Refusal::AlreadyStopping(_) | Refusal::WrongRunStatus { .. })) => {}
                    Err(error) => return Err(error),
                }
            }
            let outcome = Outcome::Stopped { exit_code: None };
            self.commit(live, |batch| batch.command(Command::Settle { step, fence, outcome: outcome.clone() })).await?;
        }
        Ok(())
    }

    /// A child is told of and needed no more.
    pub(super) fn forget(&self, id: &RunId) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.remove(id);
    }

    async fn at_rest(&self, parent: &Live, step: StepIndex, child: u32, held: &mut Live) -> Result<AtRest, Error> {
        self.refresh(held).await?;
        let status = held.run.status();
        match status {
            RunStatus::Queued | RunStatus::Running => return Ok(AtRest::Moving),
            RunStatus::Waiting => return Ok(AtRest::Idle),
            RunStatus::Succeeded
            | RunStatus::PartiallySucceeded
            | RunStatus::Failed
            | RunStatus::Aborted
            | RunStatus::Rejected => {}
        }
        let left = self.left(parent, step, held).await?;
        let (outputs, mut error) = match left {
            Ok(outputs) => (outputs, held.run_row().message),
            Err(reason) => (None, Some(reason)),
        };
        let good = pintle_core::run::children::is_good(status);
        let status = if good && error.is_some() && outputs.is_none() { RunStatus::Failed } else { status };
        if !good && error.is_none() {
            error = Some(format!("it was {status}"));
        }
        Ok(AtRest::Over(ChildEnd { child, status, outputs, error }))
    }

    /// What a child that is over leaves to its parent; the inner error is its own failure.
    async fn left(
        &self,
        parent: &Live,
        step: StepIndex,
        held: &mut Live,
    ) -> Result<Result<Option<Json>, String>, Error> {
        self.sync_results(held).await?;
        let around = parent.run.plan.clone();
        let fan = around.step(step).and_then(|step| step.action.fan());
        let plan = held.run.plan.clone();
        let collects = fan.filter(|fan| !fan.collect.is_empty() && held.run.status() == RunStatus::Succeeded);
        let outputs = match collects {
            None => run_outputs(&plan, &held.values.results),
            Some(fan) => match self.finished_scope(held, &plan).await {
                Err(reason) => return Ok(Err(reason)),
                Ok(scope) => match collect(fan, &scope) {
                    Ok(outputs) => outputs,
                    Err(error) => return Ok(Err(error.to_string())),
                },
            },
        };
        if outputs.is_empty() {
            return Ok(Ok(None));
        }
        let mut json = Json(serde_json::Value::Object(outputs).to_string());
        inline_output(&*self.store, &mut json).await?;
        Ok(Ok(Some(json)))
    }

    /// What texts see that look back on a finished run.
    async fn finished_scope<'a>(
        &self,
        held: &'a mut Live,
        plan: &'a Arc<pintle_core::plan::Plan>,
    ) -> Result<Scope<'a>, String> {
        self.ready_scope(held, plan, pintle_core::plan::Role::Main).await?;
        let values = &held.values;
        let run = values.run.as_deref().ok_or("the run has no scope")?;
        Ok(values.framed(run.after(plan, &values.results)))
    }
}

/// How a child stands that was said to have come to rest.
enum AtRest {
    Over(ChildEnd),
    /// It waits for a person.
    Idle,
    Moving,
}

/// The plan of a child, as text and by digest.
fn pin(live: &Live, fan: &Fan, dag: Option<&str>) -> Result<Pinned, String> {
    let around = &live.run.plan;
    let plan = match (&fan.child, dag) {
        (Child::Body(body), _) => pintle_core::plan::Plan { dags: around.dags.clone(), ..(**body).clone() },
        (Child::Dag(_), Some(name)) => around.dag(name).ok_or_else(|| format!("there is no DAG `{name}`"))?,
        (Child::Dag(_), None) => return Err("no DAG is named".to_owned()),
    };
    let plan = plan.with_gate();
    let text = serde_json::to_string(&plan).map_err(|error| error.to_string())?;
    let digest = Digest::from_bytes(Sha256::digest(text.as_bytes()).into());
    Ok(Pinned { plan: Arc::new(plan), text, digest })
}

/// What a child remembers of where it comes from.
fn child_context(live: &Live, fan: &Fan, step: StepIndex, (item, child): (FanItem, u32)) -> Context {
    let around = &live.context;
    let name = live.run.plan.step(step).map(|step| step.name.as_str()).unwrap_or_default();
    let path = match fan.form {
        FanForm::Dag => name.to_owned(),
        FanForm::Parallel => format!("{name}[{child}]"),
        FanForm::Foreach => format!("{name}[{}]", item.key),
    };
    let (root_id, root_name, root_step, path) = match &around.child {
        None => (live.run.id.clone(), live.row.dag.clone(), step, path),
        Some(up) => (up.root_id.clone(), up.root_name.clone(), up.root_step, format!("{}/{path}", up.path)),
    };
    let dag = item.dag.as_deref().and_then(|name| around.dags.iter().find(|dag| dag.name == name));
    let (source, dag_dir) = (around.source.clone(), around.dag_dir.clone());
    let (source, dag_dir, dotenv, within, body) = match (fan.form, dag) {
        (FanForm::Foreach, _) => {
            (source, dag_dir, around.dotenv.clone(), Some(live.within().clone()), Some((item, child)))
        }
        (FanForm::Dag | FanForm::Parallel, Some(dag)) => {
            (dag.source.clone(), dag.dag_dir.clone(), dag.dotenv.clone(), None, None)
        }
        (FanForm::Dag | FanForm::Parallel, None) => (source, dag_dir, Vec::new(), None, None),
    };
    let depth = around.depth().saturating_add(1);
    let child = ChildContext { root_id, root_name, root_step, path, depth, within, body };
    Context { source, dag_dir, dotenv, dags: around.dags.clone(), child: Some(child) }
}
