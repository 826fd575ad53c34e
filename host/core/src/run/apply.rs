//! Folding an event into a run. Total over what `decide` emits; anything else is [`Corrupt`], and the run is left alone.
//!
//! The same fold serves a stored run and the draft that a decision works on (`draft.rs`), so that a decision can never
//! disagree with its own replay.

use std::sync::Arc;

use crate::counter::RunAttempt;
use crate::plan::{Role, StepIndex};
use crate::run::answer::Answered;
use crate::run::children::Children;
use crate::run::event::{Again, Body, Event, StepEnd, WaitReason};
use crate::run::fold::Fold;
use crate::run::rewind;
use crate::run::state::{Head, Run, StepState, Stop};
use crate::run::status::{RunStatus, StepStatus};
use crate::time::{Span, Timestamp};

/// An event that cannot have followed what came before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {number} ({event}) cannot follow those before it: {reason}")]
pub struct Corrupt {
    number: u64,
    event: String,
    reason: String,
}

/// Folds one event.
pub fn apply(run: &mut Run, event: &Event) -> Result<(), Corrupt> {
    fold(run, event)
}

pub(super) fn fold(run: &mut impl Fold, event: &Event) -> Result<(), Corrupt> {
    let result = match event.body.step() {
        Some(step) => fold_step(run, step, event),
        None => fold_run(run, event),
    };
    result.map_err(|reason| Corrupt { number: run.head().version.next().get(), event: named(&event.body), reason })?;
    let head = run.head_mut();
    head.version = head.version.next();
    Ok(())
}

/// What happened, without what it carries: that may be long, or secret.
fn named(body: &Body) -> String {
    let whole = format!("{body:?}");
    let kind = whole.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    match body.step() {
        Some(step) => format!("{kind} of step {}", step.0),
        None => kind.to_owned(),
    }
}

fn fold_run(run: &mut impl Fold, event: &Event) -> Result<(), String> {
    let status = run.head().status;
    let standing = || status.map_or("not submitted", RunStatus::as_str);
    let allowed = |ok: bool| if ok { Ok(()) } else { Err(format!("the run is {}", standing())) };
    match &event.body {
        // (none) => Queued
        Body::Submitted(submission) => {
            allowed(status.is_none())?;
            let head = run.head_mut();
            head.submission = Some(submission.clone());
            head.submitted_at = Some(event.at);
            head.status = Some(RunStatus::Queued);
        }
        // Queued => Running
        Body::Started => {
            allowed(status == Some(RunStatus::Queued))?;
            let head = run.head_mut();
            head.started_at = Some(event.at);
            head.status = Some(RunStatus::Running);
        }
        // Queued, Running => Waiting
        Body::Waiting { reason } => {
            allowed(matches!(status, Some(RunStatus::Queued | RunStatus::Running)))?;
            let head = run.head_mut();
            head.status = Some(RunStatus::Waiting);
            head.waiting = Some(reason.clone());
            head.waiting_since = Some(event.at);
        }
        // Waiting => Running, or Queued if it was never started
        Body::Resumed => {
            allowed(status == Some(RunStatus::Waiting))?;
            wake(run.head_mut(), event.at);
        }
        // Queued, Running, Waiting => the same, stopping; a waiting run is woken to stop
        Body::StopRequested { cause, at_once } => {
            allowed(status.is_some_and(|s| !s.is_terminal()))?;
            let head = run.head_mut();
            let cause = head.stop.take().map_or_else(|| cause.clone(), |stop| stop.cause);
            head.stop = Some(Stop { cause, at_once: *at_once });
            if status == Some(RunStatus::Waiting) {
                wake(head, event.at);
            }
        }
        // Queued, Running => the same, its main steps over
        Body::Concluded { status: concluded } => {
            allowed(matches!(status, Some(RunStatus::Queued | RunStatus::Running)))?;
            run.head_mut().concluded = Some(*concluded);
        }
        // Queued, Running => terminal
        Body::Finished { status: last } => {
            allowed(matches!(status, Some(RunStatus::Queued | RunStatus::Running)) && last.is_terminal())?;
            let head = run.head_mut();
            head.status = Some(*last);
            head.finished_at = Some(event.at);
        }
        // terminal => Queued
        Body::Retried { attempt, reset, excused } => {
            allowed(status.is_some_and(RunStatus::is_terminal))?;
            retried(run, *attempt, reset, excused)?;
        }
        // Running, Waiting => the same, with some steps anew
        Body::Rewound { reset, from } => {
            allowed(matches!(status, Some(RunStatus::Running | RunStatus::Waiting)))?;
            rewind::rewound(run, reset, *from)?;
        }
        Body::StepReady { .. }
        | Body::StepClaimed { .. }
        | Body::StepGivenBack { .. }
        | Body::StepEnded { .. }
        | Body::StepRetrying { .. }
        | Body::StepLost { .. }
        | Body::StepWaiting { .. }
        | Body::StepExpanded { .. }
        | Body::ChildrenMoved { .. }
        | Body::StepAsked { .. }
        | Body::StepAnswered { .. }
        | Body::StepLater { .. }
        | Body::ChildrenEnded { .. } => return Err("it is about a step".to_owned()),
    }
    Ok(())
}

fn wake(head: &mut Head, at: Timestamp) {
    head.waiting = None;
    let since = head.waiting_since.take();
    // Before it was started no time of it runs.
    let waited = since.filter(|_| head.started_at.is_some()).map_or(Span::ZERO, |since| at.since(since));
    head.waited = Span(head.waited.as_millis().saturating_add(waited.as_millis()));
    head.status = Some(if head.started_at.is_some() { RunStatus::Running } else { RunStatus::Queued });
}

fn fold_step(run: &mut impl Fold, index: StepIndex, event: &Event) -> Result<(), String> {
    let delay = run.plan().delay;
    let role = run.plan().step(index).map(|s| s.role).ok_or("the plan has no such step")?;
    let step = run.step_mut(index).ok_or("the run has no such step")?;
    let (from, fence) = (step.status, step.fence);
    let reason = step.waiting.clone();
    let to = transition(step, event).ok_or_else(|| format!("the step is {from} under fence {fence}"))?;
    step.status = to;
    step.since = match (step.since, to == StepStatus::Waiting) {
        (Some(since), true) if step.waiting == reason => Some(since),
        (_, true) => Some(event.at),
        (_, false) => None,
    };
    if (from, to) == (StepStatus::NotStarted, StepStatus::Ready) && role == Role::Main {
        step.due = delay.map(|delay| event.at.plus(delay));
    }
    let forgiven = step.end.as_ref().is_some_and(|end| end.forgiven);

    let head = run.head_mut();
    match (from == StepStatus::Running, to == StepStatus::Running) {
        (true, false) => head.active = head.active.saturating_sub(1),
        (false, true) => head.active = head.active.saturating_add(1),
        (true, true) | (false, false) => {}
    }
    if role == Role::Main {
        head.begun = true;
        head.tally.moved(from, to);
        if to.is_terminal() && forgiven {
            head.tally.forgave();
        }
        if to.is_terminal() {
            release(run, index);
        }
    }
    Ok(())
}

/// What the event makes of the step; none where it cannot follow.
fn transition(step: &mut StepState, event: &Event) -> Option<StepStatus> {
    use StepStatus::{NotStarted, Ready, Retrying, Running, Waiting};
    match (&event.body, step.status) {
        // NotStarted, Retrying => Ready
        (Body::StepReady { .. }, NotStarted | Retrying) => {
            step.due = None;
            Some(Ready)
        }
        // Waiting => Ready; somebody has looked at it
        (Body::StepReady { .. }, Waiting) if matches!(step.waiting, Some(WaitReason::Parked { .. })) => {
            step.waiting = None;
            step.losses_seen = step.losses;
            step.same_try = true;
            Some(Ready)
        }
        // Waiting for a time => Ready
        (Body::StepReady { .. }, Waiting) if step.awaits_time() => {
            step.waiting = None;
            step.due = None;
            step.same_try = true;
            Some(Ready)
        }
        // Ready => Running
        (Body::StepClaimed { fence, worker, attempt, .. }, Ready) if *fence > step.fence => {
            step.fence = *fence;
            step.attempt = *attempt;
            step.same_try = false;
            step.worker = Some(worker.clone());
            step.due = None;
            // A try that goes on began before.
            step.started_at = step.started_at.filter(|_| step.token.is_some()).or(Some(event.at));
            step.finished_at = None;
            Some(Running)
        }
        // Running => Ready
        (Body::StepGivenBack { fence, .. }, Running) if *fence > step.fence => {
            step.fence = *fence;
            step.same_try = true;
            Some(Ready)
        }
        // Running => Ready
        (Body::StepLost { fence, .. }, Running) if *fence > step.fence => {
            step.fence = *fence;
            step.same_try = true;
            step.losses = step.losses.saturating_add(1);
            Some(Ready)
        }
        // Running => Waiting
        (Body::StepWaiting { fence, reason, .. }, Running) if *fence > step.fence => {
            step.fence = *fence;
            if let WaitReason::Parked { losses } = reason {
                step.losses = *losses;
            }
            step.waiting = Some(reason.clone());
            step.token = None;
            Some(Waiting)
        }
        // Running => Waiting
        (Body::StepLater { fence, due, token, .. }, Running) if *fence > step.fence => {
            step.fence = *fence;
            step.waiting = Some(WaitReason::Until { due: *due });
            step.due = Some(*due);
            step.token.clone_from(token);
            Some(Waiting)
        }
        // Running => Waiting
        (Body::StepExpanded { fence, into, .. }, Running) if *fence > step.fence => {
            step.fence = *fence;
            step.waiting = Some(WaitReason::Children);
            step.children = Some(Box::new(Children::new(into, event.at)));
            Some(Waiting)
        }
        // Waiting => Waiting
        (Body::ChildrenEnded { ended, .. }, Waiting) if step.awaits_children() => {
            let children = step.children.as_deref_mut()?;
            ended.iter().for_each(|end| children.count(end));
            Some(Waiting)
        }
        // Waiting for children => Waiting for somebody
        (Body::StepWaiting { fence, reason, .. }, Waiting) if step.awaits_children() && *fence > step.fence => {
            step.fence = *fence;
            step.waiting = Some(reason.clone());
            if *reason != WaitReason::Below {
                step.children = None;
            }
            Some(Waiting)
        }
        // Waiting for somebody below => Waiting for children
        (Body::ChildrenMoved { .. }, Waiting) if step.awaits_below() => {
            step.waiting = Some(WaitReason::Children);
            Some(Waiting)
        }
        // Running, Waiting for children or a time => Waiting for a person
        (Body::StepAsked { prompt, due, end, .. }, from)
            if from == Running || step.awaits_children() || step.awaits_time() =>
        {
            step.token = None;
            step.waiting = Some(WaitReason::Person { prompt: prompt.clone() });
            step.children = None;
            step.due = *due;
            step.end.clone_from(end);
            if let Some(talk) = step.talk.as_deref_mut() {
                talk.answer = None;
            }
            Some(Waiting)
        }
        // Waiting for a person => the same, until what it follows from it is said
        (Body::StepAnswered { by, answer, .. }, Waiting) if step.awaits_person() => {
            let answered = Answered { by: by.clone(), at: event.at, answer: answer.clone() };
            step.talk.get_or_insert_default().answer = Some(Arc::new(answered));
            Some(Waiting)
        }
        // Running, Waiting for children or a time => Retrying
        (Body::StepRetrying { due, again, end, .. }, from)
            if from == Running || (from == Waiting && !step.awaits_somebody()) =>
        {
            step.waiting = None;
            step.children = None;
            step.token = None;
            step.due = Some(*due);
            step.finished_at = Some(event.at);
            step.end = Some(end.clone());
            match again {
                Again::Retry => {}
                Again::Repeat => {
                    step.repetition = step.repetition.saturating_add(1);
                    step.attempt = crate::counter::Attempt(0);
                }
            }
            Some(Retrying)
        }
        // NotStarted, Ready, Running, Retrying, Waiting => terminal
        (Body::StepEnded { end, .. }, from) if !from.is_terminal() && end.status.is_terminal() => {
            ended(step, end, event.at);
            Some(end.status)
        }
        (_, _) => None,
    }
}

fn ended(step: &mut StepState, end: &StepEnd, at: Timestamp) {
    step.due = None;
    step.waiting = None;
    step.token = None;
    step.children = None;
    step.finished_at = Some(at);
    step.end = Some(end.clone());
}

/// The steps behind wait for one less.
fn release(run: &mut impl Fold, index: StepIndex) {
    let children = run.graph().children(index).to_vec();
    for child in children {
        if let Some(step) = run.step_mut(child) {
            step.open_deps = step.open_deps.saturating_sub(1);
        }
    }
}

fn retried(run: &mut impl Fold, attempt: RunAttempt, reset: &[StepIndex], excused: &[StepIndex]) -> Result<(), String> {
    if reset.iter().any(|index| run.step(*index).is_none()) {
        return Err("the run has no such step".to_owned());
    }
    for index in (0u32..).map(StepIndex).take(run.plan().steps.len()).collect::<Vec<_>>() {
        run.step_mut(index).ok_or("the run has no such step")?.excused = false;
    }
    for index in reset {
        run.step_mut(*index).ok_or("the run has no such step")?.reset(0);
    }
    rewind::recount(run, &excused.iter().copied().collect())?;
    let head = run.head_mut();
    head.attempt = attempt;
    head.status = Some(RunStatus::Queued);
    head.begun = false;
    head.stop = None;
    head.waiting = None;
    head.concluded = None;
    head.started_at = None;
    head.finished_at = None;
    head.waited = Span::ZERO;
    head.waiting_since = None;
    Ok(())
}
