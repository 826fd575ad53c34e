//! One child: its id, its start, its end.

use std::sync::{Arc, PoisonError};

use pintle_core::ids::RunId;
use pintle_core::plan::{FanForm, Json, StepIndex};
use pintle_core::run::children::ChildEnd;
use pintle_core::run::children::is_good;
use pintle_core::run::command::StopCause;
use pintle_core::run::{Command, Outcome, Refusal, RunStatus, StepStatus};
use pintle_spec::eval::{Outer, Scope};
use pintle_spec::fan::{QueuedRun, collect, run_outputs};
use pintle_store::CommitError;

use super::TOLD_AT_ONCE;
use super::brood::Brood;
use super::place::Place;
use super::unborn::{Made, refused};
use crate::context::Frame;
use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;
use crate::settle::inline_output;

/// What became of a child that is to run.
enum Started {
    Open,
    Over(ChildEnd),
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
            if brood.computing.remove(&child) {
                ended.extend(self.start_computed(live, brood, step, child).await?);
                continue;
            }
            let id = brood.id(live, step, child);
            let at_rest = match self.live(&id) {
                Some(held) => {
                    let mut held = held.lock().await;
                    let at_rest = self.at_rest(live, step, child, &mut held).await?;
                    held.paused = matches!(at_rest, AtRest::Paused { .. });
                    at_rest
                }
                None => self.at_rest_abroad(live, step, child, &id).await?,
            };
            brood.idle.remove(&child);
            brood.paused.remove(&child);
            brood.due.remove(&child);
            match at_rest {
                AtRest::Over(end) => {
                    brood.open.remove(&child);
                    ended.push(end);
                }
                AtRest::Idle => {
                    brood.idle.insert(child);
                }
                AtRest::Paused { due } => {
                    brood.paused.insert(child);
                    brood.due.extend(due.then_some(child));
                }
                AtRest::Moving => {}
            }
            if ended.len() >= TOLD_AT_ONCE {
                self.tending.want(&live.run.id, None);
                break;
            }
        }
        Ok(ended)
    }

    /// A child whose parameters were computed begins. It has its place already.
    async fn start_computed(
        &self,
        live: &mut Live,
        brood: &mut Brood,
        step: StepIndex,
        child: u32,
    ) -> Result<Option<ChildEnd>, Error> {
        let plan = live.run.plan.clone();
        let Some(fan) = plan.step(step).and_then(|step| step.action.fan()) else { return Ok(None) };
        match self.start_child(live, brood, Place { fan, step, child }).await? {
            Started::Open => Ok(None),
            Started::Over(end) => {
                brood.open.remove(&child);
                Ok(Some(end))
            }
        }
    }

    /// As [`Self::at_rest`], of a child that is not one of this home's. It may have become nobody's.
    async fn at_rest_abroad(&self, live: &Live, step: StepIndex, child: u32, id: &RunId) -> Result<AtRest, Error> {
        let mut held = self.load(id).await?;
        let at_rest = self.at_rest(live, step, child, &mut held).await?;
        if matches!(at_rest, AtRest::Moving | AtRest::Paused { .. }) {
            match self.resume(id).await {
                Ok(()) => {}
                Err(Error::Owned { .. }) => self.tending.abroad(&live.run.id, step, child),
                Err(error) => return Err(error),
            }
            return Ok(AtRest::Moving);
        }
        Ok(at_rest)
    }

    /// Starts children up to the step's bound; before them those go on that paused and whose retry is due.
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
        while brood.moving() < bound {
            if let Some(child) = brood.due.pop_first() {
                brood.paused.remove(&child);
                self.unpause(&brood.id(live, step, child)).await?;
                continue;
            }
            if ended.len() >= TOLD_AT_ONCE {
                self.tending.want(&live.run.id, None);
                break;
            }
            let Some(child) = brood.waiting.pop_front() else { break };
            match self.start_child(live, brood, Place { fan, step, child }).await {
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

    /// A child has a place again: its retries that are due are made.
    async fn unpause(&self, id: &RunId) -> Result<(), Error> {
        let Some(held) = self.live(id) else { return Ok(()) };
        let mut held = held.lock().await;
        held.paused = false;
        let retrying: Vec<StepIndex> = held.run.steps_in(StepStatus::Retrying).collect();
        for step in retrying {
            match self.drive(&mut held, &Command::Due { step }).await {
                // Another of its retries, which is not due yet, or a stop.
                Ok(()) | Err(Error::Refused(_)) => {}
                Err(error) => {
                    held.paused = true;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Sees to it that a child runs: it is new, or it is found and goes on, or it was over already.
    async fn start_child(&self, live: &mut Live, brood: &mut Brood, place: Place<'_>) -> Result<Started, Error> {
        if place.fan.queued {
            return self.queue_child(live, brood, place).await;
        }
        let (Place { step, child, .. }, id) = (place, brood.id_of(live, place));
        let since = live.run.step(step).and_then(|s| s.children.as_ref()).map(|children| children.since);
        let Some(row) = self.store.row(&id).await? else {
            return self.submit_child(live, brood, place).await;
        };
        if row.status.is_terminal() {
            // What ended before the step expanded belongs to an earlier try: it is kept if it is good.
            if is_good(row.status) || row.finished_at > since {
                let mut held = self.load(&id).await?;
                return match self.at_rest(live, step, child, &mut held).await? {
                    AtRest::Over(end) => Ok(Started::Over(end)),
                    AtRest::Idle | AtRest::Paused { .. } | AtRest::Moving => Ok(Started::Open),
                };
            }
            self.retry(&id, &[], false).await?;
            self.lend_frame(live, brood, place).await?;
            return Ok(Started::Open);
        }
        let here = self.live(&id);
        if row.status != RunStatus::Waiting && here.is_some() {
            brood.rested.insert(child);
            self.tending.want(&live.run.id, None);
            return Ok(Started::Open);
        }
        // One that waits goes on: whoever had the step run again has looked at it. Only if people are asked they are
        // waited for; it is one of this home's then, so that their answer is seen.
        let resumed = match here {
            Some(held) => self.drive(&mut *held.lock().await, &Command::Resume).await,
            None => self.resume(&id).await,
        };
        match resumed {
            Ok(()) => self.lend_frame(live, brood, place).await?,
            Err(Error::Refused(Refusal::StillAsked { .. })) => {
                if self.live(&id).is_none() {
                    self.adopt(&id).await?;
                    self.lend_frame(live, brood, place).await?;
                }
                brood.idle.insert(child);
            }
            Err(Error::Owned { .. }) => self.tending.abroad(&live.run.id, step, child),
            Err(error) => return Err(error),
        }
        Ok(Started::Open)
    }

    /// What a body sees around it is the same for all: it need not find it again for itself.
    async fn lend_frame(&self, live: &mut Live, brood: &mut Brood, place: Place<'_>) -> Result<(), Error> {
        if place.fan.form == FanForm::Foreach
            && let Some(held) = self.live(&brood.id_of(live, place))
        {
            let frame = self.frame(live, brood, place).await?;
            held.lock().await.values.frame = Some(Arc::new(frame));
        }
        Ok(())
    }

    /// Sees to it that a run is queued which nobody here waits for. That it was accepted is all that its step is told.
    async fn queue_child(&self, live: &mut Live, brood: &mut Brood, place: Place<'_>) -> Result<Started, Error> {
        let (child, id) = (place.child, brood.id_of(live, place));
        let state = live.run.step(place.step);
        let since = state.and_then(|s| s.children.as_ref()).map(|children| children.since);
        let mut row = self.store.row(&id).await?;
        let was_there = row.as_ref().is_some_and(|row| since.is_none_or(|since| row.submitted_at < since));
        if row.is_none() {
            let (mut made, submission, pinned) = match self.made_child(live, brood, place).await? {
                Made::Child(made) => *made,
                Made::Later => return Ok(Started::Open),
                Made::Refused(reason) => return Ok(Started::Over(refused(child, reason))),
            };
            made.row.parent = None;
            row = match self.queue_up(&mut made, submission, pinned).await? {
                Ok(_) => Some(made.row),
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(
                    CommitError::DuplicateRun { .. }
                    | CommitError::VersionConflict { .. }
                    | CommitError::StaleFence { .. },
                ) => self.store.row(&id).await?,
            };
        }
        let Some(row) = row else { return Err(Error::NoSuchRun(id)) };
        let told = QueuedRun { queue: row.dag, status: row.status.as_str().to_owned(), already_exists: was_there };
        let outputs = serde_json::to_string(&told).map(Json);
        let outputs = outputs.map_err(|error| Error::Plan { run: id, reason: error.to_string() })?;
        Ok(Started::Over(ChildEnd { child, status: RunStatus::Succeeded, outputs: Some(outputs), error: None }))
    }

    async fn submit_child(&self, live: &mut Live, brood: &mut Brood, place: Place<'_>) -> Result<Started, Error> {
        let child = place.child;
        let (mut made, submission, pinned) = match self.made_child(live, brood, place).await? {
            Made::Child(made) => *made,
            Made::Later => return Ok(Started::Open),
            Made::Refused(reason) => return Ok(Started::Over(refused(child, reason))),
        };
        match self.begin(&mut made, submission, pinned).await? {
            Ok(committed) => self.keep(made, &committed.effects),
            Err(CommitError::Store(error)) => return Err(error.into()),
            // It was there after all.
            Err(
                CommitError::DuplicateRun { .. } | CommitError::VersionConflict { .. } | CommitError::StaleFence { .. },
            ) => {
                brood.rested.insert(child);
                self.tending.want(&live.run.id, None);
            }
        }
        Ok(Started::Open)
    }

    pub(super) async fn frame(&self, live: &mut Live, brood: &mut Brood, place: Place<'_>) -> Result<Frame, Error> {
        let outer = match &brood.outer {
            Some(outer) => outer.clone(),
            None => {
                let outer = Arc::new(self.outer(live, place.step).await?);
                brood.outer = Some(outer.clone());
                outer
            }
        };
        let facts = brood.items.get(place.at()).and_then(|item| item.facts(place.fan, place.at()));
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
            match self.stop_child(&id, &cause, at_once).await {
                Ok(()) => {}
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

    /// One that stops already, or is over, needs no telling.
    async fn stop_child(&self, id: &RunId, cause: &StopCause, at_once: bool) -> Result<(), Error> {
        match Box::pin(self.stop(id, cause.clone(), at_once)).await {
            Err(Error::Refused(Refusal::AlreadyStopping(_) | Refusal::WrongRunStatus { .. })) => Ok(()),
            told => told,
        }
    }

    /// A stopped run whose process is gone: its children are stopped here, and the steps that wait for them are over.
    pub(crate) async fn stop_orphans(&self, live: &mut Live, cause: StopCause) -> Result<(), Error> {
        for step in live.parents() {
            let Some(fence) = live.run.step(step).map(|state| state.fence) else { continue };
            for (_, child) in self.open_children(live, step).await? {
                self.stop_child(&child, &cause, true).await?;
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
            RunStatus::Running if held.run.is_paused() => {
                let due = held.run.steps_in(StepStatus::Retrying).filter_map(|index| held.run.step(index)?.due).min();
                return Ok(AtRest::Paused { due: due.is_none_or(|due| due <= self.now()) });
            }
            RunStatus::Queued | RunStatus::Running => return Ok(AtRest::Moving),
            RunStatus::Waiting => return Ok(AtRest::Idle),
            RunStatus::Succeeded
            | RunStatus::PartiallySucceeded
            | RunStatus::Failed
            | RunStatus::Aborted
            | RunStatus::Rejected => {}
        }
        let (status, outputs, error) = match self.left(parent, step, held).await? {
            Err(reason) => (RunStatus::Failed, None, Some(reason)),
            Ok(outputs) if is_good(status) => (status, outputs, held.run_row().message),
            Ok(outputs) => {
                (status, outputs, Some(held.run_row().message.unwrap_or_else(|| format!("it was {status}"))))
            }
        };
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
    /// Nothing of it goes on before a retry, which is due already or is not.
    Paused {
        due: bool,
    },
    Moving,
}
