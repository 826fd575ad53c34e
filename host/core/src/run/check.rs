//! What a command takes for granted, looked at before anything is decided.

use crate::counter::Fence;
use crate::plan::StepIndex;
use crate::run::command::Refusal;
use crate::run::state::{Run, StepState};
use crate::run::status::{RunStatus, StepStatus};

/// The run stands as the command wants it.
pub(super) fn expect(run: &Run, wanted: &'static str, standing: &[RunStatus]) -> Result<(), Refusal> {
    match run.head.status {
        None => Err(Refusal::NotSubmitted(run.id.clone())),
        Some(status) if standing.contains(&status) => Ok(()),
        Some(status) => Err(Refusal::WrongRunStatus { run: run.id.clone(), status, wanted }),
    }
}

/// The step that a command names.
pub(super) fn step_of(run: &Run, index: StepIndex) -> Result<&StepState, Refusal> {
    run.step(index).ok_or(Refusal::NoSuchStep(index))
}

/// As people know it.
pub(super) fn name_of(run: &Run, index: StepIndex) -> String {
    run.plan.step(index).map(|s| s.name.clone()).unwrap_or_default()
}

/// The write stands on the step's current claim (I-3).
pub(super) fn held(run: &Run, index: StepIndex, presented: Fence) -> Result<(), Refusal> {
    let step = step_of(run, index)?;
    if step.fence.accepts(presented) && step.status == StepStatus::Running {
        return Ok(());
    }
    Err(stale(run, index, presented))
}

/// Another claim is newer.
pub(super) fn stale(run: &Run, index: StepIndex, presented: Fence) -> Refusal {
    let held = run.step(index).map(|step| step.fence).unwrap_or_default();
    Refusal::Stale { step: name_of(run, index), presented, held }
}
