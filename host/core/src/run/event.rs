//! What happened to a run. Events are stored as tagged JSON and folded for ever: a body never changes its meaning, a
//! new need is a new body (or a new optional field).

use serde::{Deserialize, Serialize};

use crate::counter::{Attempt, Fence, RunAttempt};
use crate::ids::WorkerId;
use crate::plan::{Json, StepIndex};
use crate::run::answer::Answer;
use crate::run::children::{ChildEnd, Expanded};
use crate::run::command::{FailReason, StopCause, Submission};
use crate::run::status::{RunStatus, StepStatus};
use crate::time::Timestamp;

/// Something that happened, and when (store time, I-9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was decided.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub body: Body,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Body {
    /// The run was accepted.
    Submitted(Submission),
    /// The run was admitted.
    Started,
    /// A step may be claimed.
    StepReady {
        /// Which.
        step: StepIndex,
    },
    /// A worker has the step.
    StepClaimed {
        /// Which.
        step: StepIndex,
        /// The fence that this claim minted.
        fence: Fence,
        /// Who.
        worker: WorkerId,
        /// Which try this is.
        attempt: Attempt,
    },
    /// The claim gave it back before it started; not counted.
    StepGivenBack {
        /// Which.
        step: StepIndex,
        /// Minted, so that nothing of the old claim is accepted.
        fence: Fence,
    },
    /// The step ended.
    StepEnded {
        /// Which.
        step: StepIndex,
        /// How.
        end: StepEnd,
    },
    /// The step is to run again at `due`: a retry, or a repetition.
    StepRetrying {
        /// Which.
        step: StepIndex,
        /// Not before.
        due: Timestamp,
        /// Why again.
        again: Again,
        /// How the try that ended now ended.
        end: StepEnd,
    },
    /// The claim's worker is gone; the step is ready under the next fence.
    StepLost {
        /// Which.
        step: StepIndex,
        /// Minted, so that nothing of the old claim is accepted.
        fence: Fence,
    },
    /// The step waits for somebody.
    StepWaiting {
        /// Which.
        step: StepIndex,
        /// Minted, as in `StepLost`.
        fence: Fence,
        /// For what.
        reason: WaitReason,
    },
    /// The step waits for children.
    StepExpanded {
        /// Which.
        step: StepIndex,
        /// Minted: whoever settles it later does so under this one.
        fence: Fence,
        /// Into what.
        #[serde(flatten)]
        into: Expanded,
    },
    /// Children of the step that waited go on: it waits for them, and for nobody else.
    ChildrenMoved {
        /// Which step's.
        step: StepIndex,
    },
    /// The step asks a person.
    StepAsked {
        /// Which.
        step: StepIndex,
        /// What, in words; may be empty.
        prompt: String,
        /// Not answered by then, it fails.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
        /// What it did before it asks whether that is good; none: it does nothing but ask.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<StepEnd>,
    },
    /// A person answered. How the step ends by that, or where the run starts anew, is said behind it.
    StepAnswered {
        /// Which.
        step: StepIndex,
        /// Who.
        by: String,
        /// What.
        answer: Answer,
    },
    /// Steps start anew within the run attempt.
    Rewound {
        /// Which.
        reset: Vec<StepIndex>,
        /// The step whose answer wants it; none: the handler that tells of a wait has to tell of another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<StepIndex>,
    },
    /// The step waits for a time.
    StepLater {
        /// Which.
        step: StepIndex,
        /// Minted: nothing of the claim that ended is accepted.
        fence: Fence,
        /// Until when. Not later than the step's own time allows: a step that waits until then has used it up.
        due: Timestamp,
        /// What the same try goes on with; without it the step is over when the time has come.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
    /// Children of the step are over.
    ChildrenEnded {
        /// Which step's.
        step: StepIndex,
        /// Which of them, and how.
        ended: Vec<ChildEnd>,
    },
    /// The run is to stop.
    StopRequested {
        /// Who or what wants that.
        cause: StopCause,
        /// Without grace.
        at_once: bool,
    },
    /// Nothing goes on before someone acts.
    Waiting {
        /// Why.
        reason: WaitReason,
    },
    /// Someone acted.
    Resumed,
    /// All steps but the handlers are over; the handlers see this status.
    Concluded {
        /// What the run amounts to, unless a handler fails.
        status: RunStatus,
    },
    /// The run is over.
    Finished {
        /// For good, unless retried.
        status: RunStatus,
    },
    /// A new attempt of the finished run begins: these steps run again, the others keep what they did.
    Retried {
        /// The new attempt.
        attempt: RunAttempt,
        /// Steps that start anew.
        reset: Vec<StepIndex>,
        /// Skipped steps that stay as they are and yet hold up nothing of what starts anew.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        excused: Vec<StepIndex>,
    },
}

/// Why a step runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// The try failed and `retry_policy` has tries left.
    Retry,
    /// The try finished and `repeat_policy` wants another.
    Repeat,
}

/// Why something waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// The process that ran it is gone: `pintle start --resume RUN` or `pintle retry RUN` goes on.
    Interrupted,
    /// Whether the step's effect happened is not known, or it was lost too often; `pintle retry RUN` runs it again.
    Parked {
        /// Times that it was lost.
        losses: u32,
    },
    /// The step's children are not over. Nobody has to act.
    Children,
    /// A person is asked.
    Person {
        /// What, in words; may be empty.
        prompt: String,
    },
    /// All of the step's children that are not over wait for somebody.
    Below,
    /// A time has not come. Nobody has to act.
    Until {
        /// Which.
        due: Timestamp,
    },
}

/// How a step, or one try of it, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnd {
    /// Terminal.
    pub status: StepStatus,
    /// Why it stands so, where it did not simply succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
    /// One sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// `${steps.ID.outputs.NAME}`: name and JSON value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<(String, Json)>,
    /// `output: NAME`: the value of that variable for the steps behind. A large one is `NUL blob: DIGEST`: no
    /// environment variable can hold a NUL, so it cannot be mistaken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// Of a router: the steps that it chose. Its other targets are skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<StepIndex>,
    /// A failure that `continue_on` forgave.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgiven: bool,
    /// What was given with the approval: variables of the steps behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<(String, String)>,
}

/// Why a step ended as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// It failed by itself.
    Failed(FailReason),
    /// A step before it failed, was stopped or refused.
    UpstreamFailed,
    /// A step before it was skipped.
    UpstreamSkipped,
    /// A router before it chose other steps.
    NotChosen,
    /// Its precondition was not met.
    PreconditionUnmet,
    /// The run was stopped.
    Stopped,
    /// `handler_on.init`, or the run's preconditions, did not let the run begin.
    RunNotBegun,
    /// A person refused what it did.
    Rejected,
}

impl StepEnd {
    /// An end without a try: decided by what came before.
    #[must_use]
    pub fn without_try(status: StepStatus, reason: EndReason) -> Self {
        Self {
            status,
            reason: Some(reason),
            message: None,
            exit_code: None,
            outputs: Vec::new(),
            variable: None,
            chosen: Vec::new(),
            forgiven: false,
            inputs: Vec::new(),
        }
    }
}

impl Body {
    /// The step that it is about, if it is about one.
    #[must_use]
    pub fn step(&self) -> Option<StepIndex> {
        match self {
            Self::StepReady { step }
            | Self::StepClaimed { step, .. }
            | Self::StepGivenBack { step, .. }
            | Self::StepEnded { step, .. }
            | Self::StepRetrying { step, .. }
            | Self::StepLost { step, .. }
            | Self::StepWaiting { step, .. }
            | Self::StepExpanded { step, .. }
            | Self::ChildrenMoved { step }
            | Self::StepAsked { step, .. }
            | Self::StepAnswered { step, .. }
            | Self::StepLater { step, .. }
            | Self::ChildrenEnded { step, .. } => Some(*step),
            Self::Submitted(_)
            | Self::Started
            | Self::StopRequested { .. }
            | Self::Waiting { .. }
            | Self::Resumed
            | Self::Concluded { .. }
            | Self::Finished { .. }
            | Self::Rewound { .. }
            | Self::Retried { .. } => None,
        }
    }
}
