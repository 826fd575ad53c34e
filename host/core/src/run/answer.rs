//! What a person answers to what a step asks, and what follows from it.
//!
//! The first answer counts: a second one is refused, for the question is gone with the first. An answer is recorded
//! wherever it is given, also where nobody works on the run any more; whoever goes on with the run finds it in its log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::{MAX_ANSWER, MAX_INLINE, MAX_PUSH_BACKS};
use crate::plan::{Approval, Json, StepIndex};
use crate::run::command::Refusal;
use crate::run::decide::{expect, name_of, step_of};
use crate::run::draft::Draft;
use crate::run::event::{Body, EndReason, StepEnd};
use crate::run::state::{Run, StepState};
use crate::run::status::{RunStatus, StepStatus};
use crate::run::{flow, rewind};
use crate::time::Timestamp;

/// What a person says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A task is done.
    Complete {
        /// Outputs of the step: name and JSON value.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<(String, Json)>,
        /// Taken by an open form, and no outputs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<(String, Json)>,
    },
    /// What the step did is good.
    Approve {
        /// Variables of the steps behind it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inputs: Vec<(String, String)>,
    },
    /// It is not, and that is final.
    Reject {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It is not, and is to be done again.
    PushBack {
        /// Variables of the steps that run again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inputs: Vec<(String, String)>,
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub answer: Answer,
}

/// What an answer makes of a step, in words that follow "it was" or "it cannot be".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The task is done.
    Completed,
    /// It is good.
    Approved,
    /// It is not.
    Rejected,
    /// It is done again.
    PushedBack,
}

impl Answer {
    /// What it makes of the step.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Complete { .. } => Verdict::Completed,
            Self::Approve { .. } => Verdict::Approved,
            Self::Reject { .. } => Verdict::Rejected,
            Self::PushBack { .. } => Verdict::PushedBack,
        }
    }

    /// Bytes of names and values, and how many there may be.
    fn weight(&self) -> (usize, usize) {
        let json = |all: &[(String, Json)]| -> usize { all.iter().map(|(name, json)| name.len() + json.0.len()).sum() };
        let text = |all: &[(String, String)]| -> usize { all.iter().map(|(name, text)| name.len() + text.len()).sum() };
        let reason = |reason: &Option<String>| reason.as_ref().map_or(0, String::len);
        match self {
            Self::Complete { values, others } => (json(values) + json(others), MAX_INLINE),
            Self::Approve { inputs } => (text(inputs), MAX_ANSWER),
            Self::Reject { reason: why } => (reason(why), MAX_ANSWER),
            Self::PushBack { inputs, reason: why } => (text(inputs) + reason(why), MAX_ANSWER),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::PushedBack => "pushed back",
        })
    }
}

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
