//! What the shell must do because of an event. Effects are derived, never stored: what must not be lost is a row in the
//! event's own transaction, and the rest are wakes.

use crate::counter::Fence;
use crate::plan::StepIndex;
use crate::run::event::{Body, Event, WaitReason};
use crate::run::state::{Run, StepState};
use crate::run::status::{RunStatus, StepStatus};
use crate::time::Timestamp;

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A step may be claimed: wake workers.
    Wake(StepIndex),
    /// Stop the claim's step.
    Stop {
        /// Which.
        step: StepIndex,
        /// Under which claim.
        fence: Fence,
        /// Without grace.
        at_once: bool,
    },
    /// Call `Command::Due` then. Kept as a row.
    StepTimer {
        /// Which.
        step: StepIndex,
        /// When.
        due: Timestamp,
    },
    /// Call `Command::Stop` with `TimedOut` then. Kept as a row.
    RunTimer {
        /// When.
        due: Timestamp,
    },
    /// No timer of the run is wanted any more.
    ClearTimers,
    /// What is left of an old claim must be gone before the step is run again at home.
    Recover {
        /// Which.
        step: StepIndex,
        /// The claim that is over.
        fence: Fence,
    },
    /// A step waits for children: see to it that they run, or stop, and tell the step how they end.
    Children(StepIndex),
    /// The run is over, or waits: whoever waits for it is told.
    Settled(RunStatus),
}

/// Effects of an event that was just folded into `run`.
#[must_use]
pub fn effects(run: &Run, event: &Event) -> Vec<Effect> {
    match &event.body {
        Body::StepReady { step } => match run.step(*step).and_then(|state| state.due) {
            // It starts later: who waits for that needs no slot.
            Some(due) => vec![Effect::StepTimer { step: *step, due }],
            None => vec![Effect::Wake(*step)],
        },
        Body::StepGivenBack { step, fence } | Body::StepLost { step, fence } => {
            vec![recover(*step, *fence), Effect::Wake(*step)]
        }
        // Its children are runs of their own: of its claim nothing is left.
        Body::StepWaiting { reason: WaitReason::Below, .. } => Vec::new(),
        Body::StepWaiting { step, fence, .. } => vec![recover(*step, *fence)],
        Body::StepExpanded { step, .. } | Body::ChildrenMoved { step } => vec![Effect::Children(*step)],
        Body::StepAsked { step, due, .. } => {
            due.map(|due| Effect::StepTimer { step: *step, due }).into_iter().collect()
        }
        Body::StepRetrying { step, due, .. } | Body::StepLater { step, due, .. } => {
            vec![Effect::StepTimer { step: *step, due: *due }]
        }
        Body::StopRequested { at_once, .. } => stops(run, *at_once).chain(parents(run)).collect(),
        Body::Started => run.due().map(|due| Effect::RunTimer { due }).into_iter().collect(),
        Body::Resumed => {
            let wakes = run.steps_in(StepStatus::Ready).map(Effect::Wake);
            let time = run.due().map(|due| Effect::RunTimer { due });
            wakes.chain(timers(run)).chain(time).chain(parents(run)).collect()
        }
        Body::Waiting { .. } => vec![Effect::Settled(RunStatus::Waiting)],
        Body::Finished { status } => vec![Effect::ClearTimers, Effect::Settled(*status)],
        Body::Submitted(_)
        | Body::StepClaimed { .. }
        | Body::StepEnded { .. }
        | Body::ChildrenEnded { .. }
        | Body::StepAnswered { .. }
        | Body::Rewound { .. }
        | Body::Concluded { .. }
        | Body::Retried { .. } => Vec::new(),
    }
}

/// The claim before the fence that a loss minted.
fn recover(step: StepIndex, minted: Fence) -> Effect {
    Effect::Recover { step, fence: Fence(minted.get().saturating_sub(1)) }
}

/// While the run waited, timers fired for nothing: `decide` refused them.
fn timers(run: &Run) -> impl Iterator<Item = Effect> {
    let timer = |step: StepIndex| Some(Effect::StepTimer { step, due: run.step(step)?.due? });
    let timed = [StepStatus::Retrying, StepStatus::Waiting, StepStatus::Ready];
    timed.into_iter().flat_map(|status| run.steps_in(status)).filter_map(timer)
}

/// Steps that wait for children.
fn parents(run: &Run) -> impl Iterator<Item = Effect> {
    let awaits = |index: &StepIndex| run.step(*index).is_some_and(StepState::awaits_children);
    run.steps_in(StepStatus::Waiting).filter(awaits).map(Effect::Children)
}

fn stops(run: &Run, at_once: bool) -> impl Iterator<Item = Effect> {
    let stop = move |step: StepIndex| {
        let fence = run.step(step)?.fence;
        Some(Effect::Stop { step, fence, at_once })
    };
    run.steps_in(StepStatus::Running).filter_map(stop)
}
