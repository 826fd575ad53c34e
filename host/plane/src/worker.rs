//! Between worker and coordinator: claim, report, watch, logs. In one process these are calls, between machines gRPC.

use std::path::{Path, PathBuf};

use pintle_core::counter::{Attempt, Fence, Version};
use pintle_core::ids::{RunId, TenantId, WorkerId};
use pintle_core::plan::{OutputField, OutputKind, StepIndex};
use pintle_core::run::command::Outcome;
use pintle_core::time::Span;
use serde::{Deserialize, Serialize};

use crate::BoxFuture;
use crate::output::Channel;
use crate::stop::Urgency;

/// Names one claim of one step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClaimId {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepIndex,
    /// The claim.
    pub fence: Fence,
}

impl ClaimId {
    /// The file that the step writes its declared outputs to, in the worker's directory of claims, which is closed to
    /// other users.
    #[must_use]
    pub fn output_file(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{self}.out"))
    }
}

impl std::fmt::Display for ClaimId {
    /// `<run>-<step>-<fence>`: also the name of the claim's file below `claims/`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.run, self.step.0, self.fence)
    }
}

/// A claimed step with all that its worker needs: every value is resolved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assignment {
    /// The claim.
    pub claim: ClaimId,
    /// Whose run.
    pub tenant: TenantId,
    /// Name of the DAG, for people.
    pub dag: String,
    /// Name of the step.
    pub step_name: String,
    /// Of a run that a step made: where it stands in the run that a person started.
    pub lineage: Option<Lineage>,
    /// Try of the step, from 1.
    pub attempt: Attempt,
    /// Times that it was lost before.
    pub losses: u32,
    /// Same in every try of one effect.
    pub operation_key: String,
    /// Checked before the action, all of them, in order.
    pub preconditions: Vec<Condition>,
    /// `run`, `http.request`, ...
    pub action: String,
    /// JSON text of an object.
    pub input_json: String,
    /// The whole environment. The worker adds the paths that only it knows.
    pub env: Vec<(String, String)>,
    /// Where the step works; created if it is the run's own.
    pub working_dir: PathBuf,
    /// The step is stopped after this, with exit code 124.
    pub timeout: Option<Span>,
    /// Files that get a copy of the streams; relative to `working_dir`.
    pub stdout_file: Option<PathBuf>,
    /// As `stdout_file`.
    pub stderr_file: Option<PathBuf>,
    /// Standard error stands in the log of standard output.
    pub merged_log: bool,
    /// The run's directory of artifacts, where it has one; made if it is not there.
    pub artifacts_dir: Option<PathBuf>,
    /// Artifact that standard output becomes: relative, and below `artifacts_dir`. Each try begins it anew.
    pub stdout_artifact: Option<PathBuf>,
    /// As `stdout_artifact`.
    pub stderr_artifact: Option<PathBuf>,
    /// Whether standard output is needed whole (`output: NAME`), up to `max_output`.
    pub capture_stdout: bool,
    /// Outputs that are read when the action has succeeded, or given out as they are: every text in them is resolved.
    pub published: Vec<OutputField>,
    /// Names that the step must write to its output file; empty: the file is not read.
    pub declared_outputs: Vec<(String, OutputKind)>,
    /// Bound of each captured stream, of the output file and of every output, in bytes.
    pub max_output: usize,
    /// Repeat condition that needs a program; checked after a successful action.
    pub repeat_probe: Option<Probe>,
    /// The same try began before, and waited.
    pub goes_on: Option<GoesOn>,
}

/// A try that goes on after it waited: its preconditions were met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoesOn {
    /// What it left to go on with.
    pub token: String,
    /// How much of its time is over.
    pub spent: Span,
}

/// Where a run stands below the one that a person started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The run that a person started.
    pub root: RunId,
    /// The step of that one that it belongs to.
    pub step: StepIndex,
    /// The steps and keys on the way, for people: `deploy[eu]/check`.
    pub path: String,
}

/// A precondition, as far as it could be decided without a program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Condition {
    /// Decided.
    Known {
        /// Text for the skip reason.
        text: String,
        /// Met, unmet, or the error of the evaluation.
        met: Result<bool, String>,
    },
    /// The worker runs it.
    Probe(Probe),
}

/// A shell command whose exit code, or output, decides.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Probe {
    /// As written, for the skip reason.
    pub text: String,
    /// Input of the action `run`: JSON text.
    pub input_json: String,
    /// None: met when the exit code is 0. Else met when a line of the trimmed standard output equals it, or matches
    /// the regular expression after `re:`.
    pub expected: Option<String>,
    /// Turns met into unmet and back.
    pub negate: bool,
}

/// A worker's final word on a claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settled {
    /// Which claim.
    pub claim: ClaimId,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes logged on each stream, so that a reader knows when it has all.
    pub log_bytes: Vec<(Channel, u64)>,
    /// The end of the log, if it was not sent before: stored before the result is. Most steps print little, and say it
    /// all here.
    pub tail: Vec<LogChunk>,
}

/// Whether the coordinator took a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    /// Recorded.
    Accepted {
        /// The run's version with it.
        version: Version,
    },
    /// A newer claim holds the step; nothing was changed and the worker forgets it (I-3).
    Stale,
    /// It could not be recorded; the same report may be sent again.
    Retry(String),
}

/// Answer to a report.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reported {
    /// In the order of the reports.
    pub taken: Vec<Taken>,
    /// New claims, at most as many as were wanted.
    pub claimed: Vec<Assignment>,
}

/// What a worker is told between its own calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Steps may be ready: claim.
    Wake,
    /// Stop this claim's step.
    Stop(ClaimId, Urgency),
    /// Take nothing new, finish what runs.
    Drain,
}

/// Part of a step's log. Offsets make resending harmless.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogChunk {
    /// Whose log.
    pub claim: ClaimId,
    /// Which stream.
    pub channel: Channel,
    /// Where the bytes belong in the claim's own log of that stream.
    pub offset: u64,
    /// What was printed.
    pub bytes: Vec<u8>,
}

/// Why the coordinator did not answer. The call may be repeated: claims and reports carry ids.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PlaneError {
    /// Not reachable, or its store is not.
    #[error("the coordinator cannot answer now: {0}")]
    Unavailable(String),
    /// This worker was replaced by a newer one of the same id.
    #[error("worker {0} was taken over by a newer process of the same id; stop this one")]
    Replaced(WorkerId),
}

/// The coordinator, as a worker sees it.
pub trait WorkerPlane: Send + Sync {
    /// Claims at most `want` ready steps; an empty answer at once when there are none (a [`Notice::Wake`] follows).
    fn claim(&self, worker: WorkerId, want: usize) -> BoxFuture<'_, Result<Vec<Assignment>, PlaneError>>;
    /// Settles claims and claims up to `want` new steps in the same transaction.
    fn report(
        &self,
        worker: WorkerId,
        settled: Vec<Settled>,
        want: usize,
    ) -> BoxFuture<'_, Result<Reported, PlaneError>>;
    /// The next notice; waits for it.
    fn notice(&self, worker: WorkerId) -> BoxFuture<'_, Result<Notice, PlaneError>>;
    /// Stores a part of a log; small and often. A chunk of an old claim lands in that claim's own log.
    fn append_log(&self, chunk: LogChunk) -> BoxFuture<'_, Result<(), PlaneError>>;
}
