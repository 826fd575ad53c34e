//! What must hold after every command. The watcher keeps a book of its own, written from the events alone, so that
//! a mistake of the fold cannot hide itself.

use std::collections::BTreeSet;

use pintle_core::counter::{Attempt, Fence};
use pintle_core::limits::MAX_LOSSES;
use pintle_core::plan::{OnLost, Role, StepIndex};
use pintle_core::run::event::{Again, WaitReason};
use pintle_core::run::{
    Body, Command, Effect, Event, Outcome, Refusal, Run, RunStatus, StepState, StepStatus, apply, effects,
};
use pintle_core::time::Timestamp;

use crate::plans::places;

/// What the watcher knows of one step in this run attempt.
#[derive(Debug, Clone, Default)]
struct Page {
    claims: u32,
    tries: u32,
    retries: u32,
    losses: u32,
    same_try: bool,
    ended: bool,
    begun: bool,
    /// Nobody answered yet.
    asks: bool,
    fence: Fence,
}

/// The watcher's book.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pages: Vec<Page>,
    concluded: bool,
    version: u64,
}

impl Watch {
    pub(crate) fn of(run: &Run) -> Self {
        Self { pages: vec![Page::default(); run.plan.steps.len()], concluded: false, version: 0 }
    }

    /// Folds events into the run and checks each, and what they leave behind.
    pub(crate) fn follow(&mut self, run: &mut Run, events: &[Event]) {
        assert!(!events.is_empty(), "a command was taken and nothing happened");
        for event in events {
            let before = run.clone();
            apply(run, event).unwrap_or_else(|corrupt| panic!("decided, but does not fold: {corrupt}"));
            self.version += 1;
            self.enter(&before, event);
            kept(&before, run, event);
            told(&before, run, event);
        }
        self.holds(run);
    }

    /// Only the holder of a claim speaks for it, only what is ready is claimed, and nothing is due before its time.
    pub(crate) fn taken(run: &Run, command: &Command, at: Timestamp) {
        match command {
            Command::Settle { step, fence, .. }
            | Command::ChildrenEnded { step, fence, .. }
            | Command::ChildrenWait { step, fence }
                if run.step(*step).unwrap().awaits_children() =>
            {
                let state = run.step(*step).unwrap();
                assert_eq!(state.fence, *fence, "I-3: {command:?}");
                let open = state.children.as_ref().unwrap().open();
                let well = matches!(command, Command::Settle { outcome: Outcome::Gathered(_), .. });
                assert!(open == 0 || !well, "settled with {open} children open");
            }
            Command::ChildrenMove { step, fence } => {
                let state = run.step(*step).unwrap();
                assert!(state.awaits_below() && state.fence == *fence, "I-3: {command:?}");
            }
            Command::Answer { step, .. } => {
                assert!(run.step(*step).unwrap().awaits_person(), "nobody was asked: {command:?}");
            }
            Command::ChildrenEnded { .. }
            | Command::ChildrenWait { .. }
            | Command::Settle { outcome: Outcome::Gathered(_), .. } => panic!("no children: {command:?}"),
            Command::Settle { step, fence, .. } | Command::Lose { step, fence } => {
                let state = run.step(*step).unwrap();
                assert_eq!((state.status, state.fence), (StepStatus::Running, *fence), "I-3: {command:?}");
            }
            Command::Claim { step, .. } => {
                assert_eq!((run.status(), run.step(*step).unwrap().status), (RunStatus::Running, StepStatus::Ready));
            }
            Command::Due { step } => assert!(run.step(*step).unwrap().due.is_some_and(|due| due <= at), "early"),
            Command::Retry { .. } => assert!(run.status().is_terminal()),
            Command::Submit(_) | Command::Start | Command::Interrupt | Command::Resume | Command::Stop { .. } => {
                assert!(!run.status().is_terminal());
            }
        }
    }

    /// A refusal is never a confession.
    pub(crate) fn refused(run: &Run, command: &Command, refusal: &Refusal) {
        assert!(!matches!(refusal, Refusal::Inconsistent(_)), "{command:?}: {refusal}");
        if let Command::Settle { step, fence, .. } | Command::Lose { step, fence } = command
            && let Some(state) = run.step(*step)
        {
            let gathered = matches!(command, Command::Settle { outcome: Outcome::Gathered(_), .. });
            let current = state.status == StepStatus::Running && state.fence == *fence && !gathered;
            assert!(!current, "the holder of {step:?} was refused: {refusal}");
            assert!(matches!(refusal, Refusal::Stale { .. }), "I-3: {command:?}: {refusal}");
        }
    }

    fn enter(&mut self, before: &Run, event: &Event) {
        if let Body::Retried { reset, .. } | Body::Rewound { reset, .. } = &event.body {
            for step in reset {
                let page = self.pages.get_mut(step.get()).unwrap();
                *page = Page { fence: page.fence, ..Page::default() };
            }
        }
        if let Body::Retried { .. } = &event.body {
            self.concluded = false;
        }
        if matches!(event.body, Body::Concluded { .. }) {
            assert!(!self.concluded, "concluded twice");
            self.concluded = true;
        }
        let Some(step) = event.body.step() else { return };
        let plan = before.plan.step(step).unwrap();
        if matches!(event.body, Body::StepReady { .. }) && before.step(step).unwrap().status == StepStatus::NotStarted {
            self.in_turn(before, step, plan.role);
        }
        let page = self.pages.get_mut(step.get()).unwrap();
        page.begun = true;
        match &event.body {
            Body::StepClaimed { fence, attempt, .. } => {
                rises(page, *fence);
                page.claims += 1;
                page.tries = if page.same_try { page.tries.max(1) } else { page.tries + 1 };
                page.same_try = false;
                assert_eq!(*attempt, Attempt(page.tries), "I-8: a loss or a return counted as a try");
                let limit = plan.retry.as_ref().map_or(0, |r| r.limit);
                assert!(page.tries <= limit + 1, "I-8: try {} of {}", page.tries, limit + 1);
            }
            Body::StepGivenBack { fence, .. } => {
                rises(page, *fence);
                page.same_try = true;
            }
            Body::StepLost { fence, .. } => {
                rises(page, *fence);
                page.same_try = true;
                page.losses += 1;
                assert!(page.losses <= MAX_LOSSES, "I-8: lost {} times and not parked", page.losses);
                assert_eq!(plan.on_lost, OnLost::Rerun);
            }
            Body::StepWaiting { fence, reason: WaitReason::Below, .. } => rises(page, *fence),
            Body::StepWaiting { fence, .. } => {
                rises(page, *fence);
                page.same_try = true;
                page.losses = 0;
            }
            Body::StepAsked { .. } => {
                assert_eq!(plan.role, Role::Main);
                assert!(!page.asks, "{} asks while it asks", plan.name);
                page.asks = true;
            }
            Body::StepAnswered { .. } => {
                assert!(page.asks, "{} was answered twice", plan.name);
                page.asks = false;
            }
            Body::StepExpanded { fence, .. } => rises(page, *fence),
            Body::StepLater { fence, .. } => {
                rises(page, *fence);
                page.same_try = true;
            }
            Body::StepRetrying { again: Again::Retry, .. } => page.retries += 1,
            Body::StepRetrying { again: Again::Repeat, .. } => (page.tries, page.retries) = (0, 0),
            Body::StepEnded { .. } => {
                assert!(!page.ended, "I-3: {} ended twice in one run attempt", plan.name);
                page.ended = true;
            }
            Body::StepReady { .. }
            | Body::ChildrenMoved { .. }
            | Body::Rewound { .. }
            | Body::ChildrenEnded { .. }
            | Body::Submitted(_)
            | Body::Started
            | Body::StopRequested { .. }
            | Body::Waiting { .. }
            | Body::Resumed
            | Body::Concluded { .. }
            | Body::Finished { .. }
            | Body::Retried { .. } => {}
        }
        assert!(page.retries <= plan.retry.as_ref().map_or(0, |r| r.limit), "I-8: retried too often");
    }

    /// Gate, init, main steps, handlers by status, exit: each after the one before, and once.
    fn in_turn(&self, before: &Run, step: StepIndex, role: Role) {
        let open =
            |role: Role| before.plan.handler(role).is_some_and(|i| !before.step(i).unwrap().status.is_terminal());
        assert!(!self.pages.get(step.get()).unwrap().begun, "{role:?} began twice");
        match role {
            Role::Gate => {}
            Role::OnInit => assert!(!open(Role::Gate), "init before the gate was over"),
            Role::Main => assert!(!open(Role::Gate) && !open(Role::OnInit), "a step before init was over"),
            Role::OnWait => assert!(!self.concluded),
            Role::OnSuccess | Role::OnFailure | Role::OnAbort => {
                assert!(self.concluded, "a handler before the end");
                for other in [Role::OnSuccess, Role::OnFailure, Role::OnAbort, Role::OnExit] {
                    let page = before.plan.handler(other).and_then(|i| self.pages.get(i.get()));
                    assert!(!page.is_some_and(|p| p.begun), "{role:?} beside {other:?}");
                }
            }
            Role::OnExit => {
                assert!(self.concluded, "exit before the end");
                for other in [Role::OnSuccess, Role::OnFailure, Role::OnAbort] {
                    let at = before.plan.handler(other).and_then(|i| before.step(i));
                    let over = at.is_none_or(|s| s.status.is_terminal() || s.status == StepStatus::NotStarted);
                    assert!(over, "exit before {other:?} was over");
                }
            }
        }
    }

    fn holds(&self, run: &Run) {
        assert_eq!(run.head.version.get(), self.version, "version is the number of events");
        counts(run);
        for (page, state) in self.pages.iter().zip(&run.steps) {
            assert_eq!(page.fence, state.fence, "fences rise with claims and losses alone");
            assert_eq!(page.ended, state.status.is_terminal());
        }
        moves(run);
    }
}

fn rises(page: &mut Page, fence: Fence) {
    assert!(fence > page.fence, "fence {fence} after {}", page.fence);
    page.fence = fence;
}

/// I-2, I-3: what is over stays as it is, but for a retry of the run that names it.
fn kept(before: &Run, after: &Run, event: &Event) {
    let reset: BTreeSet<StepIndex> = match &event.body {
        Body::Retried { reset, .. } | Body::Rewound { reset, .. } => reset.iter().copied().collect(),
        _ => BTreeSet::new(),
    };
    for index in places(&before.plan).filter(|i| !reset.contains(i)) {
        let (was, is) = (before.step(index).unwrap(), after.step(index).unwrap());
        if was.status.is_terminal() {
            assert_eq!((was.status, &was.end), (is.status, &is.end), "I-2: {event:?} changed a finished step");
            assert_eq!(was.attempt, is.attempt);
        }
        assert!(is.fence >= was.fence, "a fence fell");
    }
}

/// Whoever is to act hears of it.
fn told(before: &Run, after: &Run, event: &Event) {
    let effects = effects(after, event);
    for index in places(&before.plan) {
        let (was, is) = (before.step(index).unwrap(), after.step(index).unwrap());
        if was.status != is.status && is.status == StepStatus::Ready {
            let due = is.due.map(|due| Effect::StepTimer { step: index, due });
            assert!(effects.contains(&due.unwrap_or(Effect::Wake(index))), "{event:?} wakes nobody");
        }
        if was.status != is.status && (is.status == StepStatus::Retrying || is.awaits_time()) {
            let timer = Effect::StepTimer { step: index, due: is.due.unwrap() };
            assert!(effects.contains(&timer), "{event:?} arms no timer");
        }
        if let Some(due) = is.due.filter(|_| is.awaits_person() && !was.awaits_person()) {
            assert!(effects.contains(&Effect::StepTimer { step: index, due }), "{event:?} arms no timer");
        }
        if is.awaits_children() && !was.awaits_children() {
            assert!(effects.contains(&Effect::Children(index)), "{event:?} leaves children to themselves");
        }
        if was.fence != is.fence && was.status == StepStatus::Running && (!is_waiting(is) || is.awaits_somebody()) {
            let recover = Effect::Recover { step: index, fence: was.fence };
            assert!(effects.contains(&recover), "{event:?} leaves its claim behind");
        }
    }
    if matches!(event.body, Body::Resumed | Body::StopRequested { .. }) {
        for step in after.steps_in(StepStatus::Waiting).filter(|i| after.step(*i).unwrap().awaits_children()) {
            assert!(effects.contains(&Effect::Children(step)), "children were forgotten");
        }
    }
    if matches!(event.body, Body::Resumed) {
        let waits = after.steps_in(StepStatus::Waiting).filter(|i| after.step(*i).unwrap().due.is_some());
        for step in after.steps_in(StepStatus::Retrying).chain(waits) {
            let due = after.step(step).unwrap().due.unwrap();
            assert!(effects.contains(&Effect::StepTimer { step, due }), "a timer was lost with the interruption");
        }
    }
}

fn is_waiting(state: &StepState) -> bool {
    state.status == StepStatus::Waiting
}

/// Numbers that are kept equal what a recount gives.
fn counts(run: &Run) {
    let main = || run.plan.indexed().filter(|(_, s)| s.role == Role::Main).map(|(i, _)| run.step(i).unwrap());
    for status in StepStatus::ALL {
        let count = main().filter(|s| s.status == status).count();
        assert_eq!(run.head.tally.of(status) as usize, count, "tally of {status}");
    }
    let forgiven = main().filter(|s| s.status.is_terminal() && s.end.as_ref().is_some_and(|e| e.forgiven)).count();
    assert_eq!(run.head.tally.forgiven() as usize, forgiven, "tally of what was forgiven");
    let active = run.steps_in(StepStatus::Running).count();
    assert_eq!(run.head.active as usize, active, "active");
    if let Some(limit) = run.plan.max_active_steps {
        assert!(run.head.active <= limit, "max_active_steps");
    }
    for (index, step) in run.plan.indexed() {
        let open = step.depends.iter().filter(|d| !run.step(**d).unwrap().status.is_terminal()).count();
        assert_eq!(run.step(index).unwrap().open_deps as usize, open, "open_deps of {}", step.name);
    }
}

/// Someone can always act: a worker, a timer or, where the run says so, a person.
fn moves(run: &Run) {
    let any = |status| run.steps_in(status).next().is_some();
    let (ready, running, retrying, waiting) =
        (any(StepStatus::Ready), any(StepStatus::Running), any(StepStatus::Retrying), any(StepStatus::Waiting));
    let parents = run.steps.iter().any(|state| state.awaits_children() || state.awaits_time());
    let until = run.steps.iter().any(|step| step.awaits_person() && step.due.is_some());
    assert_eq!(run.head.waiting_since.is_some(), run.head.status == Some(RunStatus::Waiting));
    assert_eq!(run.head.waiting.is_some(), run.head.status == Some(RunStatus::Waiting), "a reason while it waits");
    match run.status() {
        RunStatus::Queued => assert!(!running, "a queued run works"),
        RunStatus::Running => {
            assert!(ready || running || retrying || parents || until, "running, and nothing can happen")
        }
        RunStatus::Waiting => assert!(!running, "a waiting run works"),
        RunStatus::Succeeded
        | RunStatus::PartiallySucceeded
        | RunStatus::Failed
        | RunStatus::Aborted
        | RunStatus::Rejected => {
            assert!(!ready && !running && !retrying && !waiting, "{}: something is open", run.status());
            assert_eq!(run.head.tally.open(), 0, "{}: a main step is open", run.status());
            assert!(run.head.finished_at.is_some());
        }
    }
    for state in &run.steps {
        assert_eq!(state.waiting.is_some(), state.status == StepStatus::Waiting);
        assert_eq!(state.since.is_some(), state.status == StepStatus::Waiting);
        assert_eq!(state.children.is_some(), state.awaits_children() || state.awaits_below());
        let timed = state.status == StepStatus::Retrying || state.awaits_time();
        let delayed = state.status == StepStatus::Ready && run.plan.delay.is_some();
        assert!(state.due.is_none() || timed || delayed || state.awaits_person());
        assert!(state.due.is_some() || !timed);
    }
}
