//! Words of a run for people: why, what it waits for, how far it is. A line each, and nothing in them moves the cursor.

use pintle_core::run::event::{Again, EndReason, StepEnd, WaitReason};
use pintle_core::run::{Children, StepState, StepStatus};
use pintle_core::time::Timestamp;

use super::time::local;

/// `partially succeeded`: a status as people write it.
pub(crate) fn status_words(status: &str) -> String {
    status.replace('_', " ")
}

/// What a step waits for.
pub(crate) fn waiting(reason: &WaitReason) -> String {
    match reason {
        WaitReason::Interrupted => "the process that ran it is gone".to_owned(),
        WaitReason::Parked { losses: 0 } => "parked: whether it happened is not known".to_owned(),
        WaitReason::Parked { losses: 1 } => "parked: its worker was lost once".to_owned(),
        WaitReason::Parked { losses } => format!("parked: its worker was lost {losses} times"),
        WaitReason::Children => "runs below it".to_owned(),
        WaitReason::Person { prompt } => match prompt.lines().next().map(bare) {
            Some(asked) if !asked.is_empty() => format!("asks: {asked}"),
            Some(_) | None => "asks a person".to_owned(),
        },
        WaitReason::Below => "runs below it wait for somebody".to_owned(),
        WaitReason::Until { due } => format!("until {}", local(*due)),
    }
}

/// How long a step waits on: for its time, or for another look at what it waits for.
pub(crate) fn until(state: &StepState, now: Timestamp) -> String {
    let due = state.due.unwrap_or(now);
    let left = due.since(now);
    match &state.token {
        Some(_) => format!("looks again in {left}"),
        None => format!("waits until {}, {left} more", local(due)),
    }
}

/// `3 of 10 runs over, 1 did not succeed`.
pub(crate) fn progress(children: &Children) -> String {
    let over = children.total().saturating_sub(children.open());
    let failed = match children.failed() {
        0 => String::new(),
        failed => format!(", {failed} did not succeed"),
    };
    format!("{over} of {} runs over{failed}", children.total())
}

/// Why a step ended as it did, in one short line.
pub(crate) fn reason(state: &StepState) -> Option<String> {
    state.end.as_ref().and_then(reason_of)
}

/// As [`reason`], of one try of it.
pub(crate) fn reason_of(end: &StepEnd) -> Option<String> {
    if let Some(message) = &end.message {
        return Some(bare(message.lines().next().unwrap_or_default()));
    }
    let said = match end.reason? {
        EndReason::Failed(_) => return end.exit_code.map(|code| format!("exit code {code}")),
        EndReason::UpstreamFailed => "a step before it failed",
        EndReason::UpstreamSkipped => "a step before it was skipped",
        EndReason::NotChosen => "a router before it chose other steps",
        EndReason::PreconditionUnmet => "a precondition was not met",
        EndReason::Stopped => "stopped",
        EndReason::RunNotBegun => "the run did not begin",
        EndReason::Rejected => "a person refused what it did",
    };
    Some(said.to_owned())
}

/// The reason, and whether `continue_on` forgave it. A forgiven failure that counts as success has one too.
pub(crate) fn verdict(state: &StepState) -> Option<String> {
    reason(state).map(|text| if is_forgiven(state) { format!("{text} (forgiven)") } else { text })
}

/// It failed, and `continue_on` lets the run go on as if it had not.
pub(crate) fn is_forgiven(state: &StepState) -> bool {
    let marked =
        |end: &StepEnd| end.status == StepStatus::Succeeded && matches!(end.reason, Some(EndReason::Failed(_)));
    state.end.as_ref().is_some_and(|end| end.forgiven || marked(end))
}

/// Again, in a word.
pub(crate) fn again(again: Again) -> &'static str {
    match again {
        Again::Retry => "retry",
        Again::Repeat => "repeat",
    }
}

/// Text of a stranger without what would move the cursor.
pub(crate) fn bare(text: &str) -> String {
    let stripped = anstream::adapter::strip_str(text).to_string();
    stripped.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

/// Quoted for a shell where that is needed.
pub(crate) fn quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
