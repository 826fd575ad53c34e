//! Steps that expanded, looked after: their children are started, watched and stopped here, and how each ends is told to
//! its parent once.
//!
//! Nothing of this is state of its own. A parent's log says into what a step expanded and which children are over; a
//! child's id follows from its parent, so that it is found again wherever its row stands. Whoever becomes the home of a
//! run that waits for children looks after them anew, and starts none twice.
//!
//! A parent's lock is held while its children's are taken, never the other way: a child that ends leaves a note, and the
//! duty that reads it locks the parent first.

mod brood;
mod child;
mod place;
mod unborn;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pintle_core::ids::RunId;
use pintle_core::plan::{Fan, FanForm, Json, StepIndex};
use pintle_core::run::children::{ChildEnd, Expanded};
use pintle_core::run::command::{FailReason, Failed, Gathered, Question};
use pintle_core::run::{Body, Command, Outcome, RunStatus, StepState};
use pintle_core::time::Span;
use pintle_spec::check_output;
use pintle_spec::eval::StepValues;
use pintle_spec::fan::{Aggregate, FanItem, ItemEnd, aggregate, expand};
use serde_json::Map;
use tokio::sync::Notify;

pub(crate) use brood::Brood;

use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;
use crate::settle::{failed, inline_output, inline_text};

/// A run of a run of a run: how deep children may have children.
const MAX_DEPTH: u32 = 16;
/// So many ends are told at once: the rest is told after.
const TOLD_AT_ONCE: usize = 256;
/// What could not be done because the store failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Parents to look after, each with those of its children that came to rest.
#[derive(Debug, Default)]
pub(crate) struct Tending {
    wanted: Mutex<BTreeMap<RunId, BTreeSet<(StepIndex, u32)>>>,
    /// Children that another process works on: of their end nobody leaves a note here.
    foreign: Mutex<BTreeSet<(RunId, StepIndex, u32)>>,
    /// The store failed: nothing is looked after before.
    not_before: Mutex<Option<Instant>>,
    woken: Notify,
}

impl Tending {
    /// The run is to be looked after.
    pub(crate) fn want(&self, run: &RunId, rested: Option<(StepIndex, u32)>) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.entry(run.clone()).or_default().extend(rested);
        drop(wanted);
        self.woken.notify_one();
    }

    /// Resolves when there is something to look after.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Another process works on a child.
    fn abroad(&self, parent: &RunId, step: StepIndex, child: u32) {
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.insert((parent.clone(), step, child));
    }

    /// Something changed in the store: children abroad are looked at again.
    pub(crate) fn look_abroad(&self) {
        let foreign = std::mem::take(&mut *self.foreign.lock().unwrap_or_else(PoisonError::into_inner));
        for (parent, step, child) in foreign {
            self.want(&parent, Some((step, child)));
        }
    }

    fn is_paused(&self) -> bool {
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        not_before.take_if(|at| *at <= Instant::now());
        not_before.is_some()
    }

    fn pause(&self) {
        *self.not_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + AGAIN);
    }

    fn take(&self) -> BTreeMap<RunId, BTreeSet<(StepIndex, u32)>> {
        std::mem::take(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Coordinator {
    /// A step that its worker found ready to expand: into what.
    pub(crate) async fn expand(&self, live: &mut Live, index: StepIndex) -> Result<Outcome, Error> {
        if live.context.depth() >= MAX_DEPTH {
            let message = format!("runs within runs are {MAX_DEPTH} deep; a DAG that runs itself needs a condition");
            return Ok(failed(FailReason::Refused, message, None));
        }
        let plan = live.run.plan.clone();
        let items = match self.scope(live, &plan, index).await {
            Ok(scope) => expand(&plan, index, &scope).map_err(|error| error.to_string()),
            Err(reason) => Err(reason),
        };
        let items = match items {
            Ok(items) => items,
            Err(message) => return Ok(failed(FailReason::Refused, message, None)),
        };
        let text = match serde_json::to_string(&items) {
            Ok(text) => text,
            Err(error) => return Ok(failed(FailReason::Refused, error.to_string(), None)),
        };
        let mut json = Json(text);
        inline_output(&*self.store, &mut json).await?;
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        Ok(Outcome::Expanded(Expanded { count, items: json }))
    }

    /// Looks after every parent that wants it. Asked again with every look at the store.
    pub(crate) async fn tend(&self) {
        if self.tending.is_paused() {
            return;
        }
        for (run, rested) in self.tending.take() {
            if let Err(error) = self.tend_run(&run, &rested).await {
                match &error {
                    // Somebody stopped the run, or took its step, in the same moment.
                    Error::Refused(refusal) => {
                        tracing::debug!(%run, %refusal, "a run stands otherwise than its children")
                    }
                    error => {
                        tracing::warn!(%run, %error, "children of a run cannot be looked after; it is tried again");
                    }
                }
                self.tending.want(&run, None);
                for place in rested {
                    self.tending.want(&run, Some(place));
                }
                self.tending.pause();
            }
        }
    }

    async fn tend_run(&self, run: &RunId, rested: &BTreeSet<(StepIndex, u32)>) -> Result<(), Error> {
        let Some(live) = self.live(run) else { return Ok(()) };
        let mut live = live.lock().await;
        self.refresh(&mut live).await?;
        self.wake_parents(&mut live, rested).await?;
        if live.run.status() != RunStatus::Running && live.run.head.stop.is_none() {
            return Ok(());
        }
        for step in live.parents() {
            let Some(fence) = live.run.step(step).map(|state| state.fence) else { continue };
            let mut brood = match live.broods.remove(&step) {
                Some(brood) if brood.fence == fence => brood,
                Some(_) | None => self.brood(&mut live, step).await?,
            };
            brood.rested.extend(rested.iter().filter(|(of, _)| *of == step).map(|(_, child)| *child));
            // What could not be told may be taken in already: then all that is known here is made anew from the store.
            self.tend_step(&mut live, step, &mut brood).await?;
            live.broods.insert(step, brood);
        }
        let parents: BTreeSet<StepIndex> = live.parents().into_iter().collect();
        live.broods.retain(|step, _| parents.contains(step));
        Ok(())
    }

    /// Steps whose children all waited for somebody: one of those goes on, or is over, so the step waits for them again.
    async fn wake_parents(&self, live: &mut Live, rested: &BTreeSet<(StepIndex, u32)>) -> Result<(), Error> {
        for (step, child) in rested {
            let Some(fence) = live.run.step(*step).filter(|s| s.awaits_below()).map(|s| s.fence) else { continue };
            let id = self.brood(live, *step).await?.id(live, *step, *child);
            if self.store.row(&id).await?.is_none_or(|row| row.status == RunStatus::Waiting) {
                continue;
            }
            if live.run.status() == RunStatus::Waiting {
                self.drive(live, &Command::Resume).await?;
                self.went_on(live);
            } else {
                self.drive(live, &Command::ChildrenMove { step: *step, fence }).await?;
            }
        }
        Ok(())
    }

    /// A run that waited goes on: whoever waits for it is told.
    pub(crate) fn went_on(&self, live: &Live) {
        if let Some(parent) = &live.row.parent {
            self.tending.want(&parent.run, Some((parent.step, parent.child)));
        }
    }

    /// One step: takes in what ended, starts what may start, and settles the step when nothing is left.
    async fn tend_step(&self, live: &mut Live, step: StepIndex, brood: &mut Brood) -> Result<(), Error> {
        let mut ended = self.take_in(live, step, brood).await?;
        let late = live.step_due(step).is_some_and(|due| due <= self.now());
        let stopping = live.run.head.stop.is_some() || late;
        if stopping {
            self.stop_children(live, step, brood).await?;
        } else {
            self.admit(live, step, brood, &mut ended).await?;
        }
        if !ended.is_empty() {
            let (fence, ended) = (brood.fence, std::mem::take(&mut ended));
            let told: Vec<u32> = ended.iter().map(|end| end.child).collect();
            self.drive(live, &Command::ChildrenEnded { step, fence, ended }).await?;
            for child in told {
                self.forget(&brood.id(live, step, child));
            }
        }
        let Some(state) = live.run.step(step).filter(|state| state.awaits_children()) else { return Ok(()) };
        let open = state.children.as_ref().map_or(0, |children| children.open());
        let outcome = if late && brood.open.is_empty() {
            timed_out(live, step)
        } else if open == 0 {
            self.gather(live, step, brood).await?
        } else if stopping && brood.open.is_empty() {
            Outcome::Stopped { exit_code: None }
        } else if !stopping && brood.all_idle() {
            return self.drive(live, &Command::ChildrenWait { step, fence: brood.fence }).await;
        } else {
            return Ok(());
        };
        self.drive(live, &Command::Settle { step, fence: brood.fence, outcome }).await
    }

    /// What the children amount to, read from what the run was told of them.
    async fn gather(&self, live: &mut Live, step: StepIndex, brood: &Brood) -> Result<Outcome, Error> {
        let plan = live.run.plan.clone();
        let Some((name, fan)) = plan.step(step).and_then(|step| Some((&step.name, step.action.fan()?))) else {
            return Ok(failed(FailReason::Refused, "the plan has no such step".to_owned(), None));
        };
        let ends = self.ends(live, step).await?;
        let mut held = Vec::with_capacity(ends.len());
        for end in ends {
            let outputs = match &end.outputs {
                Some(json) => serde_json::from_str(&self.unblob_output(json).await?.0).unwrap_or_default(),
                None => Map::new(),
            };
            let Some(item) = usize::try_from(end.child).ok().and_then(|at| brood.items.get(at)) else { continue };
            let run = brood.id(live, step, end.child).to_string();
            held.push(ItemEnd { item, run, status: end.status, outputs, error: end.error });
        }
        let Aggregate { text, mut outputs } = aggregate(fan, &held);
        let bound = plan.max_output.map_or(self.options.max_output, |bytes| bytes as usize);
        if text.len() > bound {
            let count = text.len();
            let message =
                format!("its children left {count} bytes of outputs and at most {bound} are kept; write files");
            return Ok(failed(FailReason::BadOutput, message, None));
        }
        let schema = plan.step(step).and_then(|step| step.output_schema.as_ref());
        if let Some(Err(fault)) = schema.map(|schema| check_output(schema, &text)) {
            return Ok(failed(FailReason::BadOutput, fault.to_string(), None));
        }
        let mut question = None;
        if plan.step(step).is_some_and(|step| step.approval.is_some()) {
            let own = StepValues {
                variable: Some(text.trim().to_owned()),
                outputs: outputs.clone(),
                ..StepValues::default()
            };
            question = match self.prompt_after(live, step, own).await {
                Ok(prompt) => Some(Box::new(Question { prompt })),
                Err(message) => return Ok(failed(FailReason::BadOutput, message, None)),
            };
        }
        for (_, value) in &mut outputs {
            inline_output(&*self.store, value).await?;
        }
        let why = failure(fan, name, &held);
        let mut stdout = Some(text);
        inline_text(&*self.store, &mut stdout).await?;
        Ok(Outcome::Gathered(Gathered { outputs, stdout, failed: why, question }))
    }

    /// How the children of the step's last expansion ended, in their order.
    async fn ends(&self, live: &Live, step: StepIndex) -> Result<Vec<ChildEnd>, Error> {
        let mut ends = Vec::new();
        for (_, event) in self.store.events_after(&live.run.id, pintle_core::counter::Version(0)).await? {
            if event.body.step() != Some(step) {
                continue;
            }
            if let Body::ChildrenEnded { ended, .. } = event.body {
                ends.extend(ended);
            } else if let Body::StepExpanded { .. } = event.body {
                ends.clear();
            }
        }
        ends.sort_by_key(|end: &ChildEnd| end.child);
        Ok(ends)
    }
}

fn timed_out(live: &Live, step: StepIndex) -> Outcome {
    let span = live.run.plan.step(step).and_then(|step| step.timeout).unwrap_or(Span::ZERO);
    Outcome::Failed(Failed {
        reason: FailReason::TimedOut,
        message: format!("its children took longer than timeout_sec ({span})"),
        exit_code: Some(124),
        retry_after: None,
        output_matched: false,
    })
}

/// One sentence about the first child that did not succeed.
fn failure(fan: &Fan, step: &str, ends: &[ItemEnd<'_>]) -> Option<String> {
    let bad = |end: &&ItemEnd<'_>| !pintle_core::run::children::is_good(end.status);
    let first = ends.iter().find(bad)?;
    let count = ends.iter().filter(bad).count();
    let why = first.error.clone().unwrap_or_else(|| format!("it was {}", first.status));
    let verb = if fan.queued { "were not queued" } else { "did not succeed" };
    Some(match fan.form {
        FanForm::Dag if fan.queued => {
            format!("a run of `{}` was not queued: {why}", first.item.dag.as_deref().unwrap_or(step))
        }
        FanForm::Dag => format!("run {} of `{}`: {why}", first.run, first.item.dag.as_deref().unwrap_or(step)),
        FanForm::Parallel | FanForm::Foreach => {
            format!("{count} of {} {verb}; the first is `{}`: {why}", ends.len(), first.item.key)
        }
    })
}

/// The items as they were expanded.
pub(crate) fn items(text: &str) -> Result<Vec<FanItem>, serde_json::Error> {
    serde_json::from_str(text)
}

impl Live {
    /// Steps that wait for children.
    pub(crate) fn parents(&self) -> Vec<StepIndex> {
        let awaits = |index: &StepIndex| self.run.step(*index).is_some_and(StepState::awaits_children);
        self.run.steps_in(pintle_core::run::StepStatus::Waiting).filter(awaits).collect()
    }

    /// When the time of a step that waits for children is over.
    pub(crate) fn step_due(&self, step: StepIndex) -> Option<pintle_core::time::Timestamp> {
        let timeout = self.run.plan.step(step)?.timeout?;
        Some(self.run.step(step)?.started_at?.plus(timeout))
    }
}
