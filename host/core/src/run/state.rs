//! A run as its events left it.

use std::sync::Arc;

use crate::counter::{Attempt, Fence, RunAttempt, Version};
use crate::graph::Graph;
use crate::ids::{RunId, WorkerId};
use crate::plan::{Plan, Role, StepIndex};
use crate::run::answer::Answered;
use crate::run::children::Children;
use crate::run::command::{StopCause, Submission};
use crate::run::event::{StepEnd, WaitReason};
use crate::run::status::{RunStatus, StepStatus};
use crate::time::{Span, Timestamp};

/// A run: what it is pinned to, where it stands, where each of its steps stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which run.
    pub id: RunId,
    /// What it runs.
    pub plan: Arc<Plan>,
    /// The plan's order.
    pub graph: Arc<Graph>,
    /// Everything but the steps.
    pub head: Head,
    /// In the plan's order.
    pub steps: Vec<StepState>,
}

/// Where a run stands, its steps left aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Events folded so far.
    pub version: Version,
    /// Where it stands; none before it was submitted.
    pub status: Option<RunStatus>,
    /// Which attempt of the run.
    pub attempt: RunAttempt,
    /// What was submitted.
    pub submission: Option<Submission>,
    /// The first main step of this attempt was decided on.
    pub begun: bool,
    /// The stop that was asked for, if one was.
    pub stop: Option<Stop>,
    /// Why it waits, while it waits.
    pub waiting: Option<WaitReason>,
    /// What the main steps amounted to, once all are over.
    pub concluded: Option<RunStatus>,
    /// Accepted.
    pub submitted_at: Option<Timestamp>,
    /// This attempt was admitted.
    pub started_at: Option<Timestamp>,
    /// This attempt was over.
    pub finished_at: Option<Timestamp>,
    /// How many main steps stand where.
    pub tally: Tally,
    /// Steps that are running, handlers included.
    pub active: u32,
    /// How long this attempt has waited for somebody: that is no part of its time.
    pub waited: Span,
    /// Began to wait, while it waits.
    pub waiting_since: Option<Timestamp>,
}

/// A stop that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Who or what wants it.
    pub cause: StopCause,
    /// Without grace.
    pub at_once: bool,
}

/// How many main steps stand in each status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: [u32; StepStatus::ALL.len()],
    forgiven: u32,
}

/// Where a step stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepState {
    /// Where.
    pub status: StepStatus,
    /// Tries counted so far (I-8).
    pub attempt: Attempt,
    /// The last claim, or the loss that followed it.
    pub fence: Fence,
    /// Times that its worker was lost; the next try is told (`PINTLE_LOSSES`).
    pub losses: u32,
    /// How many of them a person has seen: they do not count towards parking again.
    pub losses_seen: u32,
    /// Times that it finished and was run again.
    pub repetition: u32,
    /// Times that it had succeeded and was run again on purpose: part of the key of its effects, so that a repeated
    /// order is a new one and a repeated try is not.
    pub redone: u32,
    /// It was skipped, and a person retried named steps behind it: that it did not run keeps none of them from running.
    pub excused: bool,
    /// The next claim goes on with the same try: the last one was lost or given back.
    pub same_try: bool,
    /// Steps before it that are not over.
    pub open_deps: u32,
    /// Who has, or last had it.
    pub worker: Option<WorkerId>,
    /// The current try was claimed, for the first time where it goes on later.
    pub started_at: Option<Timestamp>,
    /// It ended.
    pub finished_at: Option<Timestamp>,
    /// Not before: ready again, or over.
    pub due: Option<Timestamp>,
    /// What the current try goes on with, once it has waited.
    pub token: Option<String>,
    /// Why it waits, while it waits.
    pub waiting: Option<WaitReason>,
    /// How it, or its last try, ended.
    pub end: Option<StepEnd>,
    /// What it expanded into, while it waits for that.
    pub children: Option<Box<Children>>,
    /// Began to wait, while it waits.
    pub since: Option<Timestamp>,
    /// What people said about it in this run attempt, if it asked or was sent back.
    pub talk: Option<Box<Talk>>,
}

/// What people said about a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Talk {
    /// The answer to what it asked last; none: it was not answered yet.
    pub answer: Option<Arc<Answered>>,
    /// Every push-back that made it start anew, the first first.
    pub push_backs: Vec<Arc<Answered>>,
    /// The claim before the last push-back: what it printed then is in that claim's log.
    pub before: Option<Fence>,
}

impl Run {
    /// A run before its first event.
    #[must_use]
    pub fn unborn(id: RunId, plan: Arc<Plan>) -> Self {
        let graph = Arc::new(Graph::of(&plan));
        let steps: Vec<StepState> = plan.steps.iter().map(StepState::fresh).collect();
        let main = plan.steps.iter().filter(|s| s.role == Role::Main).count();
        let head = Head {
            version: Version::default(),
            status: None,
            attempt: RunAttempt(1),
            submission: None,
            begun: false,
            stop: None,
            waiting: None,
            concluded: None,
            submitted_at: None,
            started_at: None,
            finished_at: None,
            tally: Tally::of_not_started(u32::try_from(main).unwrap_or(u32::MAX)),
            active: 0,
            waited: Span::ZERO,
            waiting_since: None,
        };
        Self { id, plan, graph, head, steps }
    }

    /// Where the run stands; `Queued` before it was submitted, which nobody sees.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        self.head.status.unwrap_or(RunStatus::Queued)
    }

    /// Why the run is stopped, where nobody stopped it: its time is over.
    #[must_use]
    pub fn late(&self) -> Option<String> {
        self.head.stop.as_ref().filter(|stop| stop.cause == StopCause::TimedOut)?;
        // A child may be stopped because the time of what is above it is over.
        let timeout = self.plan.timeout?;
        Some(format!("it took longer than `timeout_sec` of the DAG ({timeout})"))
    }

    /// A step's state.
    #[must_use]
    pub fn step(&self, index: StepIndex) -> Option<&StepState> {
        self.steps.get(index.get())
    }

    /// When the time of this attempt is over; none: never, or not while it waits.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        let (started, timeout) = (self.head.started_at?, self.plan.timeout?);
        self.head.waiting_since.is_none().then(|| started.plus(timeout).plus(self.head.waited))
    }

    /// Nothing of it goes on before a retry is due. A repetition is no retry: what is done again and again is in work.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        let tally = &self.head.tally;
        let busy = [StepStatus::Ready, StepStatus::Running, StepStatus::Waiting];
        if tally.of(StepStatus::Retrying) == 0 || busy.into_iter().any(|status| tally.of(status) > 0) {
            return false;
        }
        let retries = |step: &StepState| step.status != StepStatus::Retrying || step.attempt > Attempt(0);
        self.status() == RunStatus::Running && self.head.stop.is_none() && self.steps.iter().all(retries)
    }

    /// Steps that stand in `status`, with their places.
    pub fn steps_in(&self, status: StepStatus) -> impl Iterator<Item = StepIndex> {
        (0u32..).map(StepIndex).zip(&self.steps).filter(move |(_, s)| s.status == status).map(|(i, _)| i)
    }
}

impl Head {
    /// All but what was submitted, which may be large and which no decision looks at.
    pub(super) fn sketch(&self) -> Self {
        Self {
            version: self.version,
            status: self.status,
            attempt: self.attempt,
            submission: None,
            begun: self.begun,
            stop: self.stop.clone(),
            waiting: self.waiting.clone(),
            concluded: self.concluded,
            submitted_at: self.submitted_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            tally: self.tally.clone(),
            active: self.active,
            waited: self.waited,
            waiting_since: self.waiting_since,
        }
    }
}

impl StepState {
    /// It waits for its children, and for nobody else.
    #[must_use]
    pub fn awaits_children(&self) -> bool {
        self.status == StepStatus::Waiting && self.waiting == Some(WaitReason::Children)
    }

    /// It waits for a person who is asked.
    #[must_use]
    pub fn awaits_person(&self) -> bool {
        self.status == StepStatus::Waiting && matches!(self.waiting, Some(WaitReason::Person { .. }))
    }

    /// It waits for children that wait for somebody.
    #[must_use]
    pub fn awaits_below(&self) -> bool {
        self.status == StepStatus::Waiting && self.waiting == Some(WaitReason::Below)
    }

    /// It waits for a time, and for nobody.
    #[must_use]
    pub fn awaits_time(&self) -> bool {
        self.status == StepStatus::Waiting && matches!(self.waiting, Some(WaitReason::Until { .. }))
    }

    /// It waits for somebody to act, on it or below it.
    #[must_use]
    pub fn awaits_somebody(&self) -> bool {
        self.status == StepStatus::Waiting && !self.awaits_children() && !self.awaits_time()
    }

    fn fresh(step: &crate::plan::Step) -> Self {
        Self { open_deps: u32::try_from(step.depends.len()).unwrap_or(u32::MAX), ..Self::default() }
    }

    /// As at the start of a run attempt; the fence stays, for it is never reset.
    pub(super) fn reset(&mut self, open_deps: u32) {
        let succeeded = u32::from(self.status == StepStatus::Succeeded);
        let redone = self.redone.saturating_add(succeeded);
        *self = Self { fence: self.fence, redone, open_deps, ..Self::default() };
    }
}

impl Tally {
    pub(super) fn of_not_started(count: u32) -> Self {
        let mut tally = Self::default();
        tally.add(StepStatus::NotStarted, count);
        tally
    }

    /// How many stand in `status`.
    #[must_use]
    pub fn of(&self, status: StepStatus) -> u32 {
        self.counts.get(status as usize).copied().unwrap_or(0)
    }

    /// How many are not over.
    #[must_use]
    pub fn open(&self) -> u32 {
        StepStatus::ALL.into_iter().filter(|s| !s.is_terminal()).map(|s| self.of(s)).sum()
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Failures that `continue_on` forgave.
    #[must_use]
    pub fn forgiven(&self) -> u32 {
        self.forgiven
    }

    fn add(&mut self, status: StepStatus, by: u32) {
        if let Some(count) = self.counts.get_mut(status as usize) {
            *count = count.saturating_add(by);
        }
    }

    pub(super) fn moved(&mut self, from: StepStatus, to: StepStatus) {
        if let Some(count) = self.counts.get_mut(from as usize) {
            *count = count.saturating_sub(1);
        }
        self.add(to, 1);
    }

    pub(super) fn forgave(&mut self) {
        self.forgiven = self.forgiven.saturating_add(1);
    }

    pub(super) fn recount<'a>(steps: impl Iterator<Item = &'a StepState>) -> Self {
        let mut tally = Self::default();
        for step in steps {
            tally.add(step.status, 1);
            if step.status.is_terminal() && step.end.as_ref().is_some_and(|end| end.forgiven) {
                tally.forgave();
            }
        }
        tally
    }
}
