//! A run of this home: its fold, its ready steps, who watches it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pintle_core::counter::Version;
use pintle_core::ids::{NodeId, RunId};
use pintle_core::plan::{Plan, StepIndex};
use pintle_core::run::state::Head;
use pintle_core::run::{Body, Effect, Event, Run, RunStatus, StepState, StepStatus, apply, effects};
use pintle_spec::bind::BoundParams;
use pintle_store::{RunRow, StepRow, StoredRun, Trigger};
use tokio::sync::{mpsc, watch};

use crate::assign::Values;
use crate::children::Brood;
use crate::context::{self, Context};
use crate::error::Error;

/// A run as it stood when somebody began to watch it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which run.
    pub run: RunId,
    /// Name of its DAG.
    pub dag: String,
    /// What it runs.
    pub plan: Arc<Plan>,
    /// Everything but the steps.
    pub head: Head,
    /// In the plan's order.
    pub steps: Vec<StepState>,
}

/// Something that happened to a watched run; in order, each once.
#[derive(Debug, Clone)]
pub struct Update {
    /// What.
    pub event: Event,
}

/// What a live run remembers beside its fold.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) run: Run,
    pub(crate) ready: BTreeSet<StepIndex>,
    pub(crate) row: RunRow,
    pub(crate) context: Context,
    pub(crate) values: Values,
    /// Of steps that wait for children.
    pub(crate) broods: HashMap<StepIndex, Brood>,
    /// Of a child: it left its place to others until a retry is due. Its parent says when it goes on.
    pub(crate) paused: bool,
    /// A commit failed: what stands here may not be what is stored.
    pub(crate) stale: bool,
    /// Up to here the log was folded, told and done. While a decision is made the fold is ahead of it, and stays so when
    /// that is not stored.
    pub(crate) stored: Version,
    /// Another process answered what a step asks, and whether the run goes on was not looked at yet.
    pub(crate) answered: bool,
    /// That the store takes nothing was told; it is told once until it takes something again.
    pub(crate) troubled: bool,
    watchers: Vec<mpsc::UnboundedSender<Update>>,
    pub(crate) status: watch::Sender<RunStatus>,
}

impl Live {
    /// A run that is about to be submitted.
    pub(crate) fn unborn(run: Run, row: RunRow, context: Context) -> Self {
        let (status, _) = watch::channel(RunStatus::Queued);
        Self {
            run,
            ready: BTreeSet::new(),
            row,
            context,
            values: Values::default(),
            broods: HashMap::new(),
            paused: false,
            stale: false,
            stored: Version(0),
            answered: false,
            troubled: false,
            watchers: Vec::new(),
            status,
        }
    }

    /// Folds what is stored.
    pub(crate) fn load(stored: StoredRun, key: &[u8; 32]) -> Result<Self, Error> {
        let id = stored.row.id.clone();
        let run = fold(&stored)?;
        let submission = run.head.submission.as_ref();
        let context = match submission.map(|s| context::open(&s.context, &id, key)) {
            None => Context::default(),
            Some(opened) => opened.map_err(|reason| Error::Context { run: id, reason })?,
        };
        let ready = run.steps_in(StepStatus::Ready).collect();
        let (status, _) = watch::channel(run.status());
        let values = all_values(&run);
        let (row, broods, watchers) = (stored.row, HashMap::new(), Vec::new());
        let (paused, stale, stored, answered, troubled) = (false, false, run.head.version, false, false);
        Ok(Self {
            run,
            ready,
            row,
            context,
            values,
            broods,
            paused,
            stale,
            stored,
            answered,
            troubled,
            watchers,
            status,
        })
    }

    /// Takes over a fresh fold, and keeps who watches. Returns what was stored meanwhile and not seen here.
    pub(crate) fn reload(&mut self, stored: StoredRun) -> Result<Vec<Event>, Error> {
        let run = fold(&stored)?;
        let known = usize::try_from(self.stored.get()).unwrap_or(usize::MAX);
        let missed = stored.events.into_iter().skip(known).map(|(_, event)| event).collect();
        self.ready = run.steps_in(StepStatus::Ready).collect();
        self.values = Values { frame: self.values.frame.take(), ..all_values(&run) };
        self.run = run;
        self.row = stored.row;
        self.stale = false;
        self.stored = self.run.head.version;
        Ok(missed)
    }

    /// Folds one event, and keeps the ready steps beside it. Returns what must be done because of it.
    pub(crate) fn fold(&mut self, event: &Event) -> Result<Vec<Effect>, Error> {
        apply(&mut self.run, event).map_err(|corrupt| Error::Corrupt { run: self.run.id.clone(), corrupt })?;
        if let Some(step) = event.body.step() {
            let ready = self.run.step(step).is_some_and(|s| s.status == StepStatus::Ready);
            if ready {
                self.ready.insert(step)
            } else {
                self.ready.remove(&step)
            };
        }
        if matches!(event.body, Body::StepEnded { .. } | Body::StepRetrying { .. }) {
            self.values.ended.extend(event.body.step());
        }
        if matches!(event.body, Body::Retried { .. } | Body::Rewound { .. }) {
            self.ready = self.run.steps_in(StepStatus::Ready).collect();
            self.values = Values { frame: self.values.frame.take(), ..all_values(&self.run) };
        }
        Ok(effects(&self.run, event))
    }

    /// Tells everybody who watches. Those who went away are forgotten.
    pub(crate) fn announce(&mut self, events: &[Event]) {
        for event in events {
            self.watchers.retain(|watcher| watcher.send(Update { event: event.clone() }).is_ok());
        }
        let status = self.run.status();
        self.status.send_if_modified(|held| std::mem::replace(held, status) != status);
    }

    /// Begins to watch: the run as it stands, and everything after.
    pub(crate) fn watch(&mut self) -> (Snapshot, mpsc::UnboundedReceiver<Update>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.watchers.push(sender);
        (self.snapshot(), receiver)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            run: self.run.id.clone(),
            dag: self.row.dag.clone(),
            plan: self.run.plan.clone(),
            head: self.run.head.clone(),
            steps: self.run.steps.clone(),
        }
    }

    /// Parameters that the run was submitted with.
    pub(crate) fn params(&self) -> Result<BoundParams, serde_json::Error> {
        let submission = self.run.head.submission.as_ref();
        serde_json::from_str(submission.map_or("[]", |submission| submission.params.0.as_str()))
    }

    /// The run that texts and directories speak of: of a body, that of the steps around it.
    pub(crate) fn within(&self) -> &RunId {
        self.context.child.as_ref().and_then(|child| child.within.as_ref()).unwrap_or(&self.run.id)
    }

    /// The row as the fold has it.
    pub(crate) fn run_row(&self) -> RunRow {
        let head = &self.run.head;
        RunRow {
            status: self.run.status(),
            attempt: head.attempt,
            version: head.version,
            started_at: head.started_at,
            finished_at: head.finished_at,
            waiting: head.waiting.as_ref().map(|reason| waiting_text(reason).to_owned()),
            message: self.message(),
            ..self.row.clone()
        }
    }

    /// A step's row as the fold has it.
    pub(crate) fn step_row(&self, index: StepIndex) -> Option<StepRow> {
        let (step, state) = (self.run.plan.step(index)?, self.run.step(index)?);
        Some(StepRow {
            index,
            name: step.name.clone(),
            role: step.role,
            status: state.status,
            attempt: state.attempt,
            fence: state.fence,
            losses: state.losses,
            worker: state.worker.clone(),
            started_at: state.started_at,
            finished_at: state.finished_at,
            due_at: state.due,
            exit_code: state.end.as_ref().and_then(|end| end.exit_code),
            message: state.end.as_ref().and_then(|end| end.message.clone()),
        })
    }

    /// Why the run failed: its time was over; or its first step, in the plan's order, that failed by itself or was
    /// rejected.
    fn message(&self) -> Option<String> {
        if self.run.status() == RunStatus::Aborted {
            return self.run.late();
        }
        if !matches!(self.run.status(), RunStatus::Failed | RunStatus::PartiallySucceeded | RunStatus::Rejected) {
            return None;
        }
        self.run.plan.indexed().find_map(|(index, step)| {
            let state = self.run.step(index)?;
            let bad = matches!(state.status, StepStatus::Failed | StepStatus::Rejected);
            let end = state.end.as_ref().filter(|_| bad)?;
            let why = end.message.as_deref().unwrap_or("it failed");
            Some(format!("step `{}`: {why}", step.name))
        })
    }
}

/// Nothing resolved yet: every step that ended is to be looked at.
fn all_values(run: &Run) -> Values {
    let ended = run.plan.indexed().map(|(i, _)| i);
    let ended = ended.filter(|i| run.step(*i).is_some_and(|s| s.end.is_some())).collect();
    Values { ended, ..Values::default() }
}

fn waiting_text(reason: &pintle_core::run::event::WaitReason) -> &'static str {
    use pintle_core::run::event::WaitReason;
    match reason {
        WaitReason::Interrupted => "interrupted",
        WaitReason::Parked { .. } => "parked",
        WaitReason::Children => "children",
        WaitReason::Person { .. } => "person",
        WaitReason::Below => "below",
        WaitReason::Until { .. } => "until",
    }
}

/// The row of a run that is about to be submitted.
pub(crate) fn new_row(base: NewRow<'_>) -> RunRow {
    RunRow {
        id: base.run.clone(),
        tenant: base.tenant.clone(),
        dag: base.dag.to_owned(),
        status: RunStatus::Queued,
        attempt: pintle_core::counter::RunAttempt(1),
        version: pintle_core::counter::Version(0),
        params: base.params,
        trigger: Trigger::Start,
        home: Some(base.node.clone()),
        pid: Some(base.pid),
        submitted_at: base.at,
        started_at: None,
        finished_at: None,
        waiting: None,
        message: None,
        plan: base.plan,
        source: base.source,
        parent: None,
    }
}

/// What a new run's row is made of.
pub(crate) struct NewRow<'a> {
    pub(crate) run: &'a RunId,
    pub(crate) tenant: &'a pintle_core::ids::TenantId,
    pub(crate) dag: &'a str,
    pub(crate) params: pintle_core::plan::Json,
    pub(crate) node: &'a NodeId,
    pub(crate) pid: u32,
    pub(crate) at: pintle_core::time::Timestamp,
    pub(crate) plan: pintle_core::ids::Digest,
    pub(crate) source: Option<String>,
}

fn fold(stored: &StoredRun) -> Result<Run, Error> {
    let id = &stored.row.id;
    let plan: Plan = serde_json::from_str(&stored.plan)
        .map_err(|error| Error::Plan { run: id.clone(), reason: error.to_string() })?;
    if plan.schema > pintle_core::plan::SCHEMA {
        let reason = format!("it has schema {}, this pintle knows {}", plan.schema, pintle_core::plan::SCHEMA);
        return Err(Error::Plan { run: id.clone(), reason });
    }
    let mut run = Run::unborn(id.clone(), Arc::new(plan));
    for (_, event) in &stored.events {
        apply(&mut run, event).map_err(|corrupt| Error::Corrupt { run: id.clone(), corrupt })?;
    }
    Ok(run)
}

/// Folds a stored run without becoming its home: for `status` and for commands to runs of other processes.
pub fn view(stored: &StoredRun) -> Result<Snapshot, Error> {
    let run = fold(stored)?;
    Ok(Snapshot {
        run: run.id.clone(),
        dag: stored.row.dag.clone(),
        plan: run.plan.clone(),
        head: run.head.clone(),
        steps: run.steps,
    })
}
