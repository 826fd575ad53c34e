//! Answering a command: events, or a refusal.

use std::collections::BTreeSet;

use crate::counter::{Attempt, Fence};
use crate::ids::WorkerId;
use crate::plan::{Role, StepIndex};
use crate::run::check::{expect, held, name_of, stale, step_of};
use crate::run::children::{ChildEnd, Children};
use crate::run::command::{Command, FailReason, Failed, Outcome, Refusal, StopCause};
use crate::run::draft::Draft;
use crate::run::event::{Body, EndReason, Event, StepEnd, WaitReason};
use crate::run::fold::Fold;
use crate::run::state::{Run, StepState};
use crate::run::status::{RunStatus, StepStatus};
use crate::run::{ask, flow, settle};
use crate::time::Timestamp;

/// Decides what follows from `command`. May refuse, never acts.
pub fn decide(run: &Run, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    let mut draft = Draft::new(run, at);
    match command {
        Command::Submit(submission) => {
            if run.head.status.is_some() {
                return Err(Refusal::AlreadySubmitted(run.id.clone()));
            }
            draft.emit(Body::Submitted(submission));
        }
        Command::Start => {
            expect(run, "started", &[RunStatus::Queued])?;
            start(&mut draft);
        }
        Command::Claim { step, worker } => claim(&mut draft, step, worker)?,
        Command::Settle { step, fence, outcome } => {
            speaks_for(run, step, fence, &outcome)?;
            settle::settle(&mut draft, step, outcome);
            flow::advance(&mut draft, &[step]);
        }
        Command::Lose { step, fence } => {
            held(run, step, fence)?;
            settle::lose(&mut draft, step);
            flow::advance(&mut draft, &[step]);
        }
        Command::Due { step } => due(&mut draft, step)?,
        Command::ChildrenEnded { step, fence, ended } => children_ended(&mut draft, step, fence, ended)?,
        Command::ChildrenWait { step, fence } => children_wait(&mut draft, step, fence)?,
        Command::ChildrenMove { step, fence } => children_move(&mut draft, step, fence)?,
        Command::Answer { step, by, answer } => ask::answer(&mut draft, step, by, answer)?,
        Command::Interrupt => interrupt(&mut draft)?,
        Command::Resume => resume(&mut draft)?,
        Command::Stop { cause, at_once } => stop(&mut draft, cause, at_once)?,
        Command::Retry { steps, downstream } => retry(&mut draft, &steps, downstream)?,
    }
    draft.finish().map_err(|corrupt| Refusal::Inconsistent(corrupt.to_string()))
}

/// Whoever has the claim; or, of a step that waits for its children, whoever knows what they amount to.
fn speaks_for(run: &Run, index: StepIndex, presented: Fence, outcome: &Outcome) -> Result<(), Refusal> {
    let children = awaited(run, index, presented);
    let told = match (outcome, &children) {
        (Outcome::Gathered(_), children) => children.as_ref().is_ok_and(|children| children.open() == 0),
        (_, Err(_)) => return held(run, index, presented),
        // Its time is over, or what they left is unfit.
        (Outcome::Failed(_), Ok(_)) => true,
        // A stop leaves out those that have not begun.
        (Outcome::Stopped { .. }, Ok(_)) => run.head.stop.is_some(),
        (
            Outcome::Finished(_)
            | Outcome::Expanded(_)
            | Outcome::Asked { .. }
            | Outcome::Later(_)
            | Outcome::Skipped { .. }
            | Outcome::GivenBack,
            Ok(_),
        ) => false,
    };
    if told { Ok(()) } else { Err(stale(run, index, presented)) }
}

/// The step waits for children since the fence that is presented.
fn awaited(run: &Run, index: StepIndex, presented: Fence) -> Result<&Children, Refusal> {
    let step = step_of(run, index)?;
    let children = step.children.as_deref().filter(|_| step.awaits_children() && step.fence.accepts(presented));
    children.ok_or_else(|| stale(run, index, presented))
}

// Waiting => Waiting
fn children_ended(
    draft: &mut Draft<'_>,
    step: StepIndex,
    fence: Fence,
    mut ended: Vec<ChildEnd>,
) -> Result<(), Refusal> {
    expect(draft.run, "told of its children", &[RunStatus::Running, RunStatus::Queued])?;
    let children = awaited(draft.run, step, fence)?;
    let mut seen = BTreeSet::new();
    ended.retain(|end| children.takes(end) && seen.insert(end.child));
    if ended.is_empty() {
        return Err(Refusal::NothingNew(name_of(draft.run, step)));
    }
    draft.emit(Body::ChildrenEnded { step, ended });
    Ok(())
}

// Waiting for children => Waiting for somebody
fn children_wait(draft: &mut Draft<'_>, step: StepIndex, fence: Fence) -> Result<(), Refusal> {
    expect(draft.run, "told of its children", &[RunStatus::Running])?;
    awaited(draft.run, step, fence)?;
    draft.emit(Body::StepWaiting { step, fence: fence.mint(), reason: WaitReason::Below });
    flow::advance(draft, &[step]);
    Ok(())
}

// Waiting for somebody below => Waiting for children
fn children_move(draft: &mut Draft<'_>, step: StepIndex, fence: Fence) -> Result<(), Refusal> {
    expect(draft.run, "told of its children", &[RunStatus::Running])?;
    let state = step_of(draft.run, step)?;
    if !state.awaits_below() || !state.fence.accepts(fence) {
        return Err(stale(draft.run, step, fence));
    }
    draft.emit(Body::ChildrenMoved { step });
    Ok(())
}

// Queued => Running
fn start(draft: &mut Draft<'_>) {
    draft.emit(Body::Started);
    flow::advance(draft, &[]);
}

// Ready => Running
fn claim(draft: &mut Draft<'_>, index: StepIndex, worker: WorkerId) -> Result<(), Refusal> {
    let run = draft.run;
    expect(run, "claimed from", &[RunStatus::Running])?;
    let step = step_of(run, index)?;
    if step.status != StepStatus::Ready {
        return Err(Refusal::WrongStepStatus { step: name_of(run, index), status: step.status, wanted: "claimed" });
    }
    if step.due.is_some_and(|due| due > draft.at) {
        return Err(Refusal::NotDue(name_of(run, index)));
    }
    if let Some(limit) = run.plan.max_active_steps
        && run.head.active >= limit
    {
        return Err(Refusal::TooManyActive { active: run.head.active, limit });
    }
    let attempt = if step.same_try { step.attempt.max(Attempt(1)) } else { step.attempt.next() };
    draft.emit(Body::StepClaimed { step: index, fence: step.fence.mint(), worker, attempt });
    Ok(())
}

// Retrying => Ready; Waiting for a person => Failed; Waiting for a time => Ready, or over
fn due(draft: &mut Draft<'_>, index: StepIndex) -> Result<(), Refusal> {
    expect(draft.run, "gone on with", &[RunStatus::Running])?;
    let step = step_of(draft.run, index)?;
    match (step.status, step.due) {
        (StepStatus::Retrying, Some(due)) if due <= draft.at => {
            draft.emit(Body::StepReady { step: index });
            Ok(())
        }
        (StepStatus::Waiting, Some(due)) if due <= draft.at && step.awaits_person() => {
            unanswered(draft, index);
            Ok(())
        }
        (StepStatus::Waiting, Some(due)) if due <= draft.at && step.awaits_time() => {
            settle::time_came(draft, index, due);
            flow::advance(draft, &[index]);
            Ok(())
        }
        (StepStatus::Waiting, Some(_)) if step.awaits_person() || step.awaits_time() => {
            Err(Refusal::NotDue(name_of(draft.run, index)))
        }
        (StepStatus::Retrying, _) => Err(Refusal::NotDue(name_of(draft.run, index))),
        (status, _) => Err(Refusal::WrongStepStatus { step: name_of(draft.run, index), status, wanted: "tried again" }),
    }
}

/// Nobody answered in time.
fn unanswered(draft: &mut Draft<'_>, index: StepIndex) {
    let Some(step) = draft.run.plan.step(index) else { return };
    let span = step.timeout.unwrap_or(crate::time::Span::ZERO);
    let failed = Failed {
        reason: FailReason::TimedOut,
        message: format!("nobody answered within timeout_sec ({span})"),
        exit_code: Some(124),
        retry_after: None,
        output_matched: false,
    };
    draft.emit(Body::StepEnded { step: index, end: settle::failed_end(step, &failed, Vec::new(), None) });
    flow::advance(draft, &[index]);
}

// Queued, Running => Waiting; every claim is lost
fn interrupt(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    expect(draft.run, "interrupted", &[RunStatus::Queued, RunStatus::Running])?;
    let running: Vec<StepIndex> = draft.run.steps_in(StepStatus::Running).collect();
    for index in &running {
        settle::lose(draft, *index);
    }
    flow::advance(draft, &running);
    let goes_on = matches!(draft.head().status, Some(RunStatus::Queued | RunStatus::Running));
    if goes_on {
        draft.emit(Body::Waiting { reason: WaitReason::Interrupted });
    }
    Ok(())
}

// Waiting => Running. Parked steps are run again only when it is for them that the run waits: who goes on after an
// interruption has not looked at them yet. What waits for a person goes on waiting for him.
fn resume(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    expect(draft.run, "resumed", &[RunStatus::Waiting])?;
    let looked_at = matches!(draft.head().waiting, Some(WaitReason::Parked { .. }));
    draft.emit(Body::Resumed);
    for step in draft.run.steps_in(StepStatus::Waiting) {
        match draft.run.step(step).and_then(|state| state.waiting.as_ref()) {
            Some(WaitReason::Parked { .. }) if looked_at => draft.emit(Body::StepReady { step }),
            Some(WaitReason::Below) => draft.emit(Body::ChildrenMoved { step }),
            Some(
                WaitReason::Parked { .. }
                | WaitReason::Children
                | WaitReason::Person { .. }
                | WaitReason::Until { .. }
                | WaitReason::Interrupted,
            )
            | None => {}
        }
    }
    if draft.head().status == Some(RunStatus::Queued) {
        start(draft);
    } else {
        flow::advance(draft, &[]);
    }
    still_asked(draft)
}

/// Who goes on with a run that waits for people alone is told whom it waits for: nothing would come of it.
fn still_asked(draft: &Draft<'_>) -> Result<(), Refusal> {
    let run = draft.run;
    let for_people = matches!(run.head.waiting, Some(WaitReason::Person { .. }));
    let nothing_came = draft.head().status == Some(RunStatus::Waiting) && draft.count() == 2;
    let asks = |index: &StepIndex| run.step(*index).is_some_and(StepState::awaits_person);
    match run.steps_in(StepStatus::Waiting).find(asks) {
        Some(step) if for_people && nothing_came => {
            Err(Refusal::StillAsked { run: run.id.clone(), step: name_of(run, step) })
        }
        Some(_) | None => Ok(()),
    }
}

// open => stopping
fn stop(draft: &mut Draft<'_>, cause: StopCause, at_once: bool) -> Result<(), Refusal> {
    let open = [RunStatus::Queued, RunStatus::Running, RunStatus::Waiting];
    expect(draft.run, "stopped", &open)?;
    if draft.run.head.stop.as_ref().is_some_and(|stop| stop.at_once || !at_once) {
        return Err(Refusal::AlreadyStopping(draft.run.id.clone()));
    }
    draft.emit(Body::StopRequested { cause, at_once });
    // Children that wait for somebody are told to stop like all others.
    let below = draft.run.steps_in(StepStatus::Waiting);
    for step in below.filter(|i| draft.run.step(*i).is_some_and(StepState::awaits_below)) {
        draft.emit(Body::ChildrenMoved { step });
    }
    let idle: Vec<StepIndex> = draft
        .run
        .plan
        .indexed()
        .filter(|(index, step)| {
            let Some(state) = draft.step(*index) else { return false };
            let begun = !matches!(state.status, StepStatus::NotStarted | StepStatus::Running);
            // What runs, and what waits for children, ends when they do.
            let goes_on = state.status == StepStatus::Running || state.awaits_children();
            let open = !state.status.is_terminal() && !goes_on;
            // A closing handler whose turn has come runs after a stop with grace, as those that come after it do.
            let has_turn = !at_once && state.status == StepStatus::Ready && step.role.closes();
            open && !has_turn && (step.role == Role::Main || begun)
        })
        .map(|(index, _)| index)
        .collect();
    for step in idle {
        let end = StepEnd::without_try(StepStatus::Aborted, EndReason::Stopped);
        draft.emit(Body::StepEnded { step, end });
    }
    flow::advance(draft, &[]);
    Ok(())
}

// terminal => Queued, with some steps anew
fn retry(draft: &mut Draft<'_>, named: &[StepIndex], downstream: bool) -> Result<(), Refusal> {
    let run = draft.run;
    let over = [
        RunStatus::Succeeded,
        RunStatus::PartiallySucceeded,
        RunStatus::Failed,
        RunStatus::Aborted,
        RunStatus::Rejected,
    ];
    expect(run, "retried", &over)?;
    for index in named {
        step_of(run, *index)?;
    }
    let main = |index: &StepIndex| run.plan.step(*index).is_some_and(|s| s.role == Role::Main);
    let kept = |s: &StepState| {
        let done = matches!(s.status, StepStatus::Succeeded | StepStatus::Skipped);
        done && !s.end.as_ref().is_some_and(|end| end.reason == Some(EndReason::UpstreamSkipped))
    };
    let chosen: Vec<StepIndex> = if named.is_empty() {
        let failed = run.plan.indexed().map(|(i, _)| i).filter(main);
        failed.filter(|i| !run.step(*i).is_some_and(kept)).collect()
    } else {
        named.to_vec()
    };
    if chosen.is_empty() && run.status() == RunStatus::Succeeded {
        return Err(Refusal::NothingToRetry(run.id.clone()));
    }
    let mut reset = if named.is_empty() || downstream {
        run.graph.with_descendants(&chosen)
    } else {
        chosen.iter().copied().collect()
    };
    // Handlers belong to the attempt; init and the gate are kept if they let the run begin.
    reset.extend(run.plan.indexed().filter(|(i, s)| s.role != Role::Main && !begins(run, *i, s.role)).map(|(i, _)| i));
    // Who names steps wants them to run: what was skipped before them does not skip them once more.
    let excused = if named.is_empty() { BTreeSet::new() } else { skipped_before(run, &reset) };
    draft.emit(Body::Retried {
        attempt: run.head.attempt.next(),
        reset: reset.into_iter().collect(),
        excused: excused.into_iter().collect(),
    });
    Ok(())
}

/// Steps that `reset` depends on, that were skipped, and that stay so.
fn skipped_before(run: &Run, reset: &BTreeSet<StepIndex>) -> BTreeSet<StepIndex> {
    let skipped = |index: &StepIndex| run.step(*index).is_some_and(|s| s.status == StepStatus::Skipped);
    let before = reset.iter().filter_map(|index| run.plan.step(*index)).flat_map(|step| &step.depends);
    before.copied().filter(|index| !reset.contains(index) && skipped(index)).collect()
}

fn begins(run: &Run, index: StepIndex, role: Role) -> bool {
    matches!(role, Role::Gate | Role::OnInit) && run.step(index).is_some_and(|s| s.status == StepStatus::Succeeded)
}
