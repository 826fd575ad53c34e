//! What a step asks of people: which answers are taken, and what follows from one.

use crate::limits::MAX_PUSH_BACKS;
use crate::plan::{Approval, StepIndex};
use crate::run::answer::Answer;
use crate::run::check::{expect, name_of, step_of};
use crate::run::command::Refusal;
use crate::run::draft::Draft;
use crate::run::event::{Body, EndReason, StepEnd};
use crate::run::state::{Run, StepState};
use crate::run::status::{RunStatus, StepStatus};
use crate::run::{flow, rewind};
use crate::time::Timestamp;

// Waiting for a person => Succeeded, Rejected, or anew. A run that waits goes on waiting until somebody resumes it.
pub(super) fn answer(draft: &mut Draft<'_>, step: StepIndex, by: String, answer: Answer) -> Result<(), Refusal> {
    let run = draft.run;
    let state = asked(run, step, draft.at)?;
    fits(run, step, state, &answer)?;
    let done = state.end.clone();
    let plan = run.plan.step(step).and_then(|step| step.approval.as_deref());
    // It is behind where the run starts anew, as whoever reads plans sees to; it asks again in any case.
    let from = [plan.and_then(|approval| approval.rewind_to).unwrap_or(step), step];
    if let Answer::PushBack { .. } = answer {
        rewind::may(run, step, &from)?;
    }
    draft.emit(Body::StepAnswered { step, by: by.clone(), answer: answer.clone() });
    let end = match answer {
        Answer::Complete { values, .. } => StepEnd { outputs: values, ..good() },
        Answer::Approve { inputs } => StepEnd { inputs, ..done.unwrap_or_else(good) },
        Answer::Reject { reason } => rejected(done, &by, reason),
        Answer::PushBack { .. } => {
            let reset: Vec<StepIndex> = run.graph.with_descendants(&from).into_iter().collect();
            draft.emit(Body::Rewound { reset: reset.clone(), from: Some(step) });
            flow::begin_again(draft, &reset);
            return Ok(());
        }
    };
    draft.emit(Body::StepEnded { step, end });
    flow::advance(draft, &[step]);
    Ok(())
}

/// The step asks a person, and its time is not over.
fn asked(run: &Run, index: StepIndex, at: Timestamp) -> Result<&StepState, Refusal> {
    let state = step_of(run, index)?;
    let step = name_of(run, index);
    if state.awaits_person() {
        let late = state.due.is_some_and(|due| due <= at);
        return if late { Err(Refusal::AnswerTooLate(step)) } else { Ok(state) };
    }
    if let Some(held) = state.talk.as_ref().and_then(|talk| talk.answer.as_ref()) {
        return Err(Refusal::Answered { step, by: held.by.clone(), verdict: held.answer.verdict() });
    }
    expect(run, "answered", &[RunStatus::Running, RunStatus::Waiting])?;
    Err(Refusal::NotAsked { step, status: state.status })
}

/// The answer is one to what is asked, whole, and not too large.
fn fits(run: &Run, index: StepIndex, state: &StepState, answer: &Answer) -> Result<(), Refusal> {
    let (step, wanted) = (name_of(run, index), answer.verdict());
    let asks = match (answer, &state.end) {
        (Answer::Complete { .. }, Some(_)) => Some("has run and waits for a word on that"),
        (Answer::Approve { .. } | Answer::Reject { .. } | Answer::PushBack { .. }, None) => {
            Some("is a task that waits to be completed")
        }
        (_, _) => None,
    };
    if let Some(asks) = asks {
        return Err(Refusal::WrongAnswer { step, asks, wanted });
    }
    let (bytes, limit) = answer.weight();
    if bytes > limit {
        return Err(Refusal::AnswerTooLarge { step, bytes, limit });
    }
    let approval = run.plan.step(index).and_then(|step| step.approval.as_deref());
    match (answer, approval) {
        (Answer::Approve { inputs }, Some(approval)) => {
            known(&step, approval, inputs)?;
            let given = |name: &&String| !inputs.iter().any(|(given, _)| given == *name);
            match approval.required.iter().find(given) {
                Some(name) => Err(Refusal::MissingInput { step, name: name.clone() }),
                None => Ok(()),
            }
        }
        (Answer::PushBack { inputs, .. }, Some(approval)) => {
            known(&step, approval, inputs)?;
            let count = state.talk.as_ref().map_or(0, |talk| talk.push_backs.len());
            if count >= MAX_PUSH_BACKS { Err(Refusal::TooManyPushBacks { step, count }) } else { Ok(()) }
        }
        (_, _) => Ok(()),
    }
}

fn known(step: &str, approval: &Approval, inputs: &[(String, String)]) -> Result<(), Refusal> {
    let open = approval.input.is_empty();
    match inputs.iter().find(|(name, _)| !open && !approval.input.contains(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let (step, name) = (step.to_owned(), name.clone());
            Err(Refusal::UnknownInput { step, name, known: approval.input.join(", ") })
        }
    }
}

fn good() -> StepEnd {
    StepEnd { reason: None, ..StepEnd::without_try(StepStatus::Succeeded, EndReason::Stopped) }
}

fn rejected(done: Option<StepEnd>, by: &str, reason: Option<String>) -> StepEnd {
    let mut end = StepEnd::without_try(StepStatus::Rejected, EndReason::Rejected);
    end.exit_code = done.and_then(|done| done.exit_code);
    end.message = Some(match reason {
        Some(reason) => format!("rejected by {by}: {reason}"),
        None => format!("rejected by {by}"),
    });
    end
}
