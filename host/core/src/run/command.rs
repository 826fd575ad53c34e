//! What a run can be asked to do, and why it may refuse.

use serde::{Deserialize, Serialize};

use crate::counter::Fence;
use crate::ids::{Digest, RunId, WorkerId};
use crate::plan::{Json, StepIndex};
use crate::run::answer::{Answer, Verdict};
use crate::run::children::{ChildEnd, Expanded};
use crate::run::status::{RunStatus, StepStatus};
use crate::time::Span;

/// A request to a run. Whoever sends it twice gets a refusal the second time, never a second effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Accept the run.
    Submit(Submission),
    /// Admit it: steps may be claimed.
    Start,
    /// Give a ready step to a worker.
    Claim {
        /// Which step.
        step: StepIndex,
        /// To whom.
        worker: WorkerId,
    },
    /// A worker's final word on its claim.
    Settle {
        /// Which step.
        step: StepIndex,
        /// Under which claim.
        fence: Fence,
        /// What became of it.
        outcome: Outcome,
    },
    /// The claim's worker is gone.
    Lose {
        /// Which step.
        step: StepIndex,
        /// Which claim.
        fence: Fence,
    },
    /// The due time of a retry or repetition has come.
    Due {
        /// Which step.
        step: StepIndex,
    },
    /// The process that ran the whole run is gone: its claims are lost, and the run waits to be resumed.
    Interrupt,
    /// Go on with a waiting run: after an interruption, or with its parked steps run again.
    Resume,
    /// Stop it.
    Stop {
        /// Who or what wants that.
        cause: StopCause,
        /// Without grace: running steps are killed, handlers that have not begun are left out.
        at_once: bool,
    },
    /// Children of a waiting step are over.
    ChildrenEnded {
        /// Which step.
        step: StepIndex,
        /// Since when it waits: children of an earlier expansion are not spoken of.
        fence: Fence,
        /// Which, and how; each is counted once.
        ended: Vec<ChildEnd>,
    },
    /// Children of a waiting step wait for a person, and no other of its children is open.
    ChildrenWait {
        /// Which step.
        step: StepIndex,
        /// As in `ChildrenEnded`.
        fence: Fence,
    },
    /// Children of a waiting step that waited for a person go on.
    ChildrenMove {
        /// Which step.
        step: StepIndex,
        /// Since when it waits for that.
        fence: Fence,
    },
    /// A person answers what a step asks.
    Answer {
        /// Which step.
        step: StepIndex,
        /// Who, for the record.
        by: String,
        /// What; the values of a form are checked before.
        answer: Answer,
    },
    /// Begin a new attempt of a finished run.
    Retry {
        /// These steps; empty: all that did not succeed, and everything behind them.
        steps: Vec<StepIndex>,
        /// With `steps`: also everything behind them.
        downstream: bool,
    },
}

/// What is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Of the serialised plan: the run is pinned to it.
    pub plan: Digest,
    /// Bound parameters: a JSON object of name (or position) -> value.
    pub params: Json,
    /// What the values of all steps are resolved against and a later process cannot know: dotenv, directory of the
    /// DAG file. Opaque to the core.
    pub context: Json,
}

/// Who or what stops a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// Ctrl-C, SIGTERM.
    Interrupted,
    /// `pintle stop`, or the API.
    Requested,
    /// `timeout_sec` of the DAG.
    TimedOut,
}

/// What became of a claim, in the worker's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The action ran to its end.
    Finished(Finished),
    /// It could not be done, or not be said to be done.
    Failed(Failed),
    /// A precondition was not met.
    Skipped {
        /// Which one.
        message: String,
    },
    /// It goes on as children, which it waits for. What it amounts to is settled when all are over.
    Expanded(Expanded),
    /// Its children are all over: what they amount to.
    Gathered(Gathered),
    /// It does nothing but ask a person.
    Asked {
        /// What, in words.
        prompt: String,
    },
    /// It is not over, and there is nothing to do for a while.
    Later(Later),
    /// It was told to stop, and did.
    Stopped {
        /// Of the program, if one ran.
        exit_code: Option<i32>,
    },
    /// Given back before user code started: not counted as a try.
    GivenBack,
}

/// An action that ran to its end; `exit_code` may still say that it failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Of the program, if one ran.
    pub exit_code: Option<i32>,
    /// The plugin's own outputs: name and JSON value.
    pub outputs: Vec<(String, Json)>,
    /// Standard output, where the step has an `output:`; bounded.
    pub stdout: Option<String>,
    /// What the step wrote to its output file, where it has `outputs:`; bounded. Decoded before it is decided on.
    pub output_file: Option<String>,
    /// Whether the repeat condition held, or why that could not be told.
    pub repeat_condition: Option<Result<bool, String>>,
    /// Whether its output held one of `continue_on.output`.
    pub output_matched: bool,
    /// Of a router: the steps that it chose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<StepIndex>,
    /// What a person is asked about it, where the step has an `approval`.
    pub question: Option<Box<Question>>,
}

/// What a person is asked about what a step did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// In words; may be empty.
    pub prompt: String,
}

/// What the children of a step amount to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gathered {
    /// Named outputs of the step: name and JSON value.
    pub outputs: Vec<(String, Json)>,
    /// The whole result, where the step has an `output:`.
    pub stdout: Option<String>,
    /// In one sentence, if not all of them succeeded.
    pub failed: Option<String>,
    /// What a person is asked about it, where the step has an `approval`.
    pub question: Option<Box<Question>>,
}

/// A try that goes on later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Later {
    /// How long there is nothing to do.
    pub after: Span,
    /// What the same try goes on with, opaque to the core: it is claimed again then. Without it there is nothing left
    /// to do then: the step succeeds when the time has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// An action that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// What kind of failure.
    pub reason: FailReason,
    /// One sentence for people.
    pub message: String,
    /// Of the program, if one ran; 124 after a timeout.
    pub exit_code: Option<i32>,
    /// Not before this span.
    pub retry_after: Option<Span>,
    /// Whether its output held one of `continue_on.output`.
    pub output_matched: bool,
}

/// Why a step failed. Decides whether it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
    /// The program ended with another code than 0.
    ExitCode,
    /// `timeout_sec` passed. Never tried again.
    TimedOut,
    /// The plugin answered with an error that another try may mend.
    Unavailable,
    /// The plugin answered with an error that another try cannot mend.
    Refused,
    /// It may or may not have happened.
    UnknownOutcome,
    /// The plugin hit one of its limits.
    LimitReached,
    /// The plugin trapped.
    Trapped,
    /// A precondition could not be evaluated.
    PreconditionError,
    /// The declared outputs were not what was declared.
    BadOutput,
    /// The step could not be started (no such directory, no such program).
    NotStarted,
    /// Its worker was lost, and `on_lost: fail`.
    Lost,
    /// Not all of its children succeeded.
    ChildFailed,
}

/// Why a command changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no run yet, or it is submitted again.
    #[error("run {0} was already submitted")]
    AlreadySubmitted(RunId),
    /// It needs a run.
    #[error("run {0} does not exist yet")]
    NotSubmitted(RunId),
    /// The run does not stand where the command makes sense.
    #[error("run {run} is {status}: it cannot be {wanted}")]
    WrongRunStatus {
        /// Which run.
        run: RunId,
        /// Where it stands.
        status: RunStatus,
        /// What was wanted: `started`, `retried`, ...
        wanted: &'static str,
    },
    /// The step does not stand where the command makes sense.
    #[error("step {step} is {status}: it cannot be {wanted}")]
    WrongStepStatus {
        /// Which step.
        step: String,
        /// Where it stands.
        status: StepStatus,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The plan has no such step.
    #[error("the plan has no step number {}", .0.0)]
    NoSuchStep(StepIndex),
    /// The claim is over, or a newer one holds the step: recorded as stale, nothing changed (I-3).
    #[error("stale: no claim of step {step} stands under fence {presented}; the step's last fence is {held}")]
    Stale {
        /// Which step.
        step: String,
        /// What the write carried.
        presented: Fence,
        /// What stands.
        held: Fence,
    },
    /// `max_active_steps` are running.
    #[error("{active} steps are running and max_active_steps is {limit}")]
    TooManyActive {
        /// Running now.
        active: u32,
        /// The bound.
        limit: u32,
    },
    /// What was told of a step's children is known.
    #[error("step {0} was told nothing new of its children")]
    NothingNew(String),
    /// The due time has not come.
    #[error("step {0} is not due yet")]
    NotDue(String),
    /// A stop at least as urgent was asked for before.
    #[error("run {0} is already being stopped; stop it again at once to leave out the grace")]
    AlreadyStopping(RunId),
    /// A defect of Pintle: the decision contradicts itself. Nothing was changed.
    #[error("internal: {0}; please report this")]
    Inconsistent(String),
    /// Nothing goes on before people have answered.
    #[error("run {run} waits for a person: step {step} asks, and was not answered yet")]
    StillAsked {
        /// Which run.
        run: RunId,
        /// The first that asks.
        step: String,
    },
    /// Nothing was asked.
    #[error("step {step} is {status}: it asks nobody anything")]
    NotAsked {
        /// Which step.
        step: String,
        /// Where it stands.
        status: StepStatus,
    },
    /// Somebody was faster.
    #[error("step {step} was answered before: it was {verdict} by {by}")]
    Answered {
        /// Which step.
        step: String,
        /// Who.
        by: String,
        /// What that made of it.
        verdict: Verdict,
    },
    /// Its time was over.
    #[error("step {0} was to be answered within its timeout_sec, which is over")]
    AnswerTooLate(String),
    /// It asks for something else.
    #[error("step {step} {asks}; it cannot be {wanted}")]
    WrongAnswer {
        /// Which step.
        step: String,
        /// What it asks for.
        asks: &'static str,
        /// What was wanted.
        wanted: Verdict,
    },
    /// An approval without one of its `required`.
    #[error("the approval of step {step} needs the input {name}")]
    MissingInput {
        /// Which step.
        step: String,
        /// Which input.
        name: String,
    },
    /// An answer with what the step does not ask for.
    #[error("step {step} asks for no input {name}; it asks for {known}")]
    UnknownInput {
        /// Which step.
        step: String,
        /// What was given.
        name: String,
        /// What may be.
        known: String,
    },
    /// More than may be given with an answer.
    #[error("the answer to step {step} holds {bytes} bytes and may hold {limit}; name a file instead")]
    AnswerTooLarge {
        /// Which step.
        step: String,
        /// Names and values.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// A step that is to start anew is being worked on.
    #[error(
        "step {busy}, which runs again when {step} is pushed back, is being worked on: wait for it, or stop the run"
    )]
    Busy {
        /// Which step is pushed back.
        step: String,
        /// Which stands in the way.
        busy: String,
    },
    /// It was pushed back too often.
    #[error("step {step} was pushed back {count} times: approve it or reject it")]
    TooManyPushBacks {
        /// Which step.
        step: String,
        /// How often.
        count: usize,
    },
    /// There is nothing left to run again.
    #[error("every step of run {0} succeeded: nothing to retry; name steps to run them again")]
    NothingToRetry(RunId),
}
