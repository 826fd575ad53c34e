//! What a worker's final word makes of its step: the end, or another try.

use crate::attempt::{self, Tried};
use crate::limits;
use crate::plan::{OnLost, Output, RepeatMode, Role, Step, StepIndex};
use crate::run::children::Children;
use crate::run::command::{FailReason, Failed, Finished, Gathered, Later, Outcome, Question};
use crate::run::draft::Draft;
use crate::run::event::{Again, Body, EndReason, StepEnd, WaitReason};
use crate::run::fold::Fold;
use crate::run::status::StepStatus;
use crate::time::{Span, Timestamp};

/// Exit code of a step whose time is over.
const TIMED_OUT: i32 = 124;

/// The claim was checked: the step is running under the worker's fence.
pub(super) fn settle(draft: &mut Draft<'_>, index: StepIndex, outcome: Outcome) {
    let run = draft.run;
    let (Some(step), Some(state)) = (run.plan.step(index), run.step(index)) else { return };
    match outcome {
        // Running => Ready, uncounted
        Outcome::GivenBack if run.head.stop.is_none() => {
            draft.emit(Body::StepGivenBack { step: index, fence: state.fence.mint() });
        }
        // Running => Aborted
        Outcome::GivenBack => stopped(draft, index, None),
        Outcome::Stopped { exit_code } if run.head.stop.is_some() => stopped(draft, index, exit_code),
        // Its worker shut down under it.
        Outcome::Stopped { .. } => lose(draft, index),
        // Running => Skipped
        Outcome::Skipped { message } => {
            let mut end = StepEnd::without_try(StepStatus::Skipped, EndReason::PreconditionUnmet);
            end.message = Some(message);
            draft.emit(Body::StepEnded { step: index, end });
        }
        // Running => Waiting
        Outcome::Expanded(into) => draft.emit(Body::StepExpanded { step: index, fence: state.fence.mint(), into }),
        // Running => Waiting
        Outcome::Asked { prompt } => asks(draft, index, step, prompt),
        Outcome::Later(_) if is_stopping(draft, step) => stopped(draft, index, None),
        Outcome::Later(later) => wait(draft, index, step, later),
        Outcome::Gathered(gathered) => children_over(draft, index, step, gathered),
        Outcome::Finished(done) => finished(draft, index, step, done),
        Outcome::Failed(failed) => failure(draft, index, step, failed, StepEndParts::default()),
    }
}

fn stopped(draft: &mut Draft<'_>, index: StepIndex, exit_code: Option<i32>) {
    let mut end = StepEnd::without_try(StepStatus::Aborted, EndReason::Stopped);
    end.exit_code = exit_code;
    draft.emit(Body::StepEnded { step: index, end });
}

/// A task: what it asks, and for how long.
fn asks(draft: &mut Draft<'_>, index: StepIndex, step: &Step, prompt: String) {
    if draft.head().stop.is_some() {
        return stopped(draft, index, None);
    }
    if step.role != Role::Main {
        // Whoever reads plans refuses it before.
        let message = "a handler asks nobody anything".to_owned();
        let reason = FailReason::Refused;
        let failed = Failed { reason, message, exit_code: None, retry_after: None, output_matched: false };
        return failure(draft, index, step, failed, StepEndParts::default());
    }
    let due = step.timeout.map(|span| draft.at.plus(span));
    draft.emit(Body::StepAsked { step: index, prompt, due, end: None });
}

/// The step is over; or it has done well and a person is asked whether that is good. A stop leaves nobody to ask: what
/// was not approved is not kept.
fn over(draft: &mut Draft<'_>, index: StepIndex, step: &Step, end: StepEnd, question: Option<Box<Question>>) {
    match step.approval.as_ref().filter(|_| step.role == Role::Main) {
        Some(_) if end.status == StepStatus::Succeeded && draft.head().stop.is_some() => {
            stopped(draft, index, end.exit_code);
        }
        Some(approval) if end.status == StepStatus::Succeeded => {
            let written = || approval.prompt.as_ref().map(|prompt| prompt.0.clone());
            let prompt = question.map(|question| question.prompt).or_else(written).unwrap_or_default();
            draft.emit(Body::StepAsked { step: index, prompt, due: None, end: Some(end) });
        }
        Some(_) | None => draft.emit(Body::StepEnded { step: index, end }),
    }
}

/// What is told to stop is not tried again and does not wait; what runs because of a stop, or after it, is a step like
/// any other.
fn is_stopping(draft: &Draft<'_>, step: &Step) -> bool {
    draft.head().stop.as_ref().is_some_and(|stop| stop.at_once || !step.role.closes())
}

// Running => Waiting
fn wait(draft: &mut Draft<'_>, index: StepIndex, step: &Step, later: Later) {
    let Some(state) = draft.step(index) else { return };
    let (fence, wanted) = (state.fence.mint(), draft.at.plus(later.after));
    let due = deadline(step, state.started_at).map_or(wanted, |deadline| wanted.min(deadline));
    draft.emit(Body::StepLater { step: index, fence, due, token: later.token });
}

/// When the time of a try that began then is over.
fn deadline(step: &Step, started_at: Option<Timestamp>) -> Option<Timestamp> {
    Some(started_at?.plus(step.timeout?))
}

/// The step waited until `due`, which has come.
pub(super) fn time_came(draft: &mut Draft<'_>, index: StepIndex, due: Timestamp) {
    let run = draft.run;
    let (Some(step), Some(state)) = (run.plan.step(index), run.step(index)) else { return };
    match (deadline(step, state.started_at), step.timeout) {
        // Waiting => Failed
        (Some(deadline), Some(timeout)) if deadline <= due => {
            let message = format!("the step waited longer than its timeout of {timeout}");
            let reason = FailReason::TimedOut;
            let failed =
                Failed { reason, message, exit_code: Some(TIMED_OUT), retry_after: None, output_matched: false };
            failure(draft, index, step, failed, StepEndParts::default());
        }
        // Waiting => Ready
        _ if state.token.is_some() => draft.emit(Body::StepReady { step: index }),
        // Waiting => Succeeded, or Retrying for a repetition
        _ => {
            let variable = variable(step, Some(String::new()));
            success(draft, index, step, None, StepEndParts { variable, ..StepEndParts::default() });
        }
    }
}

/// What a try produced, whether or not it counts as a success.
#[derive(Default)]
struct StepEndParts {
    outputs: Vec<(String, crate::plan::Json)>,
    variable: Option<String>,
    repeat_condition: Option<Result<bool, String>>,
    question: Option<Box<Question>>,
    chosen: Vec<StepIndex>,
}

/// The step is told what its children amount to: it ends as a program would that did their work.
fn children_over(draft: &mut Draft<'_>, index: StepIndex, step: &Step, gathered: Gathered) {
    let variable = variable(step, gathered.stdout);
    let parts =
        StepEndParts { outputs: gathered.outputs, variable, question: gathered.question, ..StepEndParts::default() };
    let cut_short = draft.step(index).and_then(|state| state.children.as_deref()).is_some_and(Children::were_stopped);
    match gathered.failed {
        None => success(draft, index, step, None, parts),
        // What a stop kept from their ends is nobody's failure.
        Some(_) if cut_short && is_stopping(draft, step) => stopped(draft, index, None),
        Some(message) => {
            let reason = FailReason::ChildFailed;
            let failed = Failed { reason, message, exit_code: None, retry_after: None, output_matched: false };
            failure(draft, index, step, failed, parts);
        }
    }
}

/// What `output:` makes of what was printed.
fn variable(step: &Step, printed: Option<String>) -> Option<String> {
    match &step.output {
        Some(Output::Variable(_)) => printed.map(|text| text.trim().to_owned()),
        Some(Output::Fields(_)) | None => None,
    }
}

fn finished(draft: &mut Draft<'_>, index: StepIndex, step: &Step, done: Finished) {
    let variable = variable(step, done.stdout);
    let (repeat_condition, question) = (done.repeat_condition, done.question);
    let parts = StepEndParts { outputs: done.outputs, variable, repeat_condition, question, chosen: done.chosen };
    match done.exit_code {
        Some(code) if code != 0 => {
            let failed = Failed {
                reason: FailReason::ExitCode,
                message: format!("exit code {code}"),
                exit_code: Some(code),
                retry_after: None,
                output_matched: done.output_matched,
            };
            failure(draft, index, step, failed, parts);
        }
        exit_code => success(draft, index, step, exit_code, parts),
    }
}

// Running => Succeeded, or Retrying for a repetition
fn success(draft: &mut Draft<'_>, index: StepIndex, step: &Step, exit_code: Option<i32>, parts: StepEndParts) {
    let end = StepEnd {
        status: StepStatus::Succeeded,
        reason: None,
        message: None,
        exit_code,
        outputs: parts.outputs,
        variable: parts.variable,
        chosen: parts.chosen,
        forgiven: false,
        inputs: Vec::new(),
    };
    match repetition(draft, index, step, exit_code, parts.repeat_condition) {
        Ok(Some(wait)) => again(draft, index, Again::Repeat, wait, end),
        Ok(None) => over(draft, index, step, end, parts.question),
        Err(reason) => {
            let message = format!("the repeat condition could not be checked: {reason}");
            let failed = Failed {
                reason: FailReason::PreconditionError,
                message,
                exit_code,
                retry_after: None,
                output_matched: false,
            };
            draft.emit(Body::StepEnded { step: index, end: failed_end(step, &failed, end.outputs, end.variable) });
        }
    }
}

// Running => Failed, Retrying or Waiting
fn failure(draft: &mut Draft<'_>, index: StepIndex, step: &Step, failed: Failed, parts: StepEndParts) {
    let unknown = failed.reason == FailReason::UnknownOutcome;
    if unknown && step.on_lost == OnLost::Park && draft.head().stop.is_none() {
        let (fence, losses) = draft.step(index).map_or_else(Default::default, |s| (s.fence.mint(), s.losses));
        let reason = WaitReason::Parked { losses };
        return draft.emit(Body::StepWaiting { step: index, fence, reason });
    }
    let repeats = step.repeat.as_ref().is_some_and(|policy| !policy.exit_code.is_empty() || policy.condition.is_some());
    if failed.reason == FailReason::ExitCode
        && repeats
        && let Ok(Some(wait)) = repetition(draft, index, step, failed.exit_code, parts.repeat_condition)
    {
        let end = failed_end(step, &failed, parts.outputs, parts.variable);
        return again(draft, index, Again::Repeat, wait, end);
    }
    let tried = draft.step(index).map(|s| s.attempt).unwrap_or_default();
    let stopping = is_stopping(draft, step);
    let next = step.retry.as_ref().filter(|_| !stopping).and_then(|policy| {
        attempt::retry(policy, &Tried { attempt: tried, reason: failed.reason, exit_code: failed.exit_code })
    });
    let end = failed_end(step, &failed, parts.outputs, parts.variable);
    match next {
        Some(wait) => again(draft, index, Again::Retry, wait.max(failed.retry_after.unwrap_or(Span::ZERO)), end),
        None => over(draft, index, step, end, parts.question),
    }
}

// Running => Ready, Waiting or Failed, as the step's `on_lost` says
pub(super) fn lose(draft: &mut Draft<'_>, index: StepIndex) {
    let Some(step) = draft.step(index) else { return };
    let (fence, losses, seen) = (step.fence.mint(), step.losses.saturating_add(1), step.losses_seen);
    if draft.head().stop.is_some() {
        let end = StepEnd::without_try(StepStatus::Aborted, EndReason::Stopped);
        return draft.emit(Body::StepEnded { step: index, end });
    }
    let on_lost = draft.run.plan.step(index).map_or(OnLost::Rerun, |s| s.on_lost);
    let parked = WaitReason::Parked { losses };
    match on_lost {
        OnLost::Rerun if losses.saturating_sub(seen) <= limits::MAX_LOSSES => {
            draft.emit(Body::StepLost { step: index, fence })
        }
        OnLost::Rerun | OnLost::Park => {
            draft.emit(Body::StepWaiting { step: index, fence, reason: parked });
        }
        OnLost::Fail => {
            let Some(step) = draft.run.plan.step(index) else { return };
            let failed = Failed {
                reason: FailReason::Lost,
                message: "its worker was lost and the step says on_lost: fail".to_owned(),
                exit_code: None,
                retry_after: None,
                output_matched: false,
            };
            let end = failed_end(step, &failed, Vec::new(), None);
            draft.emit(Body::StepEnded { step: index, end });
        }
    }
}

pub(super) fn failed_end(
    step: &Step,
    failed: &Failed,
    outputs: Vec<(String, crate::plan::Json)>,
    variable: Option<String>,
) -> StepEnd {
    let on = &step.continue_on;
    let by_code = failed.exit_code.is_some_and(|code| on.exit_code.contains(&code));
    let forgiven = on.failure || by_code || failed.output_matched;
    let marked = forgiven && on.mark_success;
    StepEnd {
        status: if marked { StepStatus::Succeeded } else { StepStatus::Failed },
        reason: Some(EndReason::Failed(failed.reason)),
        message: Some(failed.message.clone()),
        exit_code: failed.exit_code,
        outputs,
        variable,
        chosen: Vec::new(),
        forgiven: forgiven && !marked,
        inputs: Vec::new(),
    }
}

fn again(draft: &mut Draft<'_>, index: StepIndex, again: Again, wait: Span, end: StepEnd) {
    let due = draft.at.plus(wait);
    draft.emit(Body::StepRetrying { step: index, due, again, end });
    if wait == Span::ZERO {
        draft.emit(Body::StepReady { step: index });
    }
}

/// How long until the step runs again, if its policy wants that.
fn repetition(
    draft: &Draft<'_>,
    index: StepIndex,
    step: &Step,
    exit_code: Option<i32>,
    condition: Option<Result<bool, String>>,
) -> Result<Option<Span>, String> {
    let Some(policy) = step.repeat.as_ref().filter(|_| draft.head().stop.is_none()) else { return Ok(None) };
    let done = draft.step(index).map_or(0, |s| s.repetition).saturating_add(1);
    if policy.limit.is_some_and(|limit| done >= limit) {
        return Ok(None);
    }
    let code = exit_code.unwrap_or(0);
    let met = match condition {
        Some(Err(reason)) => return Err(reason),
        Some(Ok(met)) => Some(met),
        None if policy.exit_code.is_empty() => None,
        None => Some(policy.exit_code.contains(&code)),
    };
    let go_on = match (policy.mode, met) {
        (RepeatMode::Always, _) => true,
        (RepeatMode::While, met) => met.unwrap_or(code == 0),
        (RepeatMode::Until, met) => !met.unwrap_or(code == 0),
    };
    let wait = attempt::wait(policy.interval, policy.backoff_milli, policy.max_interval, done);
    Ok(go_on.then_some(wait))
}
