//! Performing one step: the worker asks, the runtime finds the plugin that lists the action and calls it in a sandbox.

use std::path::PathBuf;
use std::sync::Arc;

use pintle_core::counter::{Attempt, Fence};
use pintle_core::ids::{RunId, TenantId};
use pintle_core::time::Span;
use serde::{Deserialize, Serialize};

use crate::BoxFuture;
use crate::output::Sink;
use crate::stop::StopSignal;

/// Largest token that a performance leaves behind, in bytes: it is stored with the run.
pub const MAX_TOKEN: usize = 4096;

/// One performance of a step's action.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// Whose run.
    pub tenant: TenantId,
    /// Which run.
    pub run: RunId,
    /// The step's name.
    pub step: String,
    /// Try of the step, from 1.
    pub attempt: Attempt,
    /// Of the claim.
    pub fence: Fence,
    /// Same in every try of one effect.
    pub operation_key: String,
    /// Say what would be done, do nothing.
    pub dry_run: bool,
    /// `run`, `http.request`, `wasi.run`, ...
    pub action: String,
    /// The action's input, resolved: JSON text of an object.
    pub input_json: String,
    /// The whole environment of the step.
    pub env: Vec<(String, String)>,
    /// The step's directory. It exists.
    pub working_dir: PathBuf,
    /// What is left until the step's deadline; none: no deadline.
    pub remaining: Option<Span>,
    /// See [`ProcessSpec::claim`](crate::process::ProcessSpec::claim).
    pub claim: String,
    /// How many times the step was lost before (`PINTLE_LOSSES`).
    pub losses: u32,
    /// What an earlier performance of the same try left to go on with ([`Performed::Later`]).
    pub token: Option<String>,
}

/// What decides what happens next: `pintle:core/types.fault`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The caller's fault; the same input fails again.
    Invalid,
    /// No such thing.
    NotFound,
    /// It stands already, and differently.
    Conflict,
    /// A precondition was lost; nothing changed.
    Stale,
    /// In transition or locked; nothing changed.
    Busy,
    /// Refused, or not granted.
    Denied,
    /// Cannot be done by this plugin.
    Unsupported,
    /// A limit is used up.
    Exhausted,
    /// Asked too often.
    Throttled,
    /// Nothing was changed; another try may succeed.
    Unavailable,
    /// It may or may not have happened.
    UnknownOutcome,
    /// A newer claim has taken over.
    Fenced,
    /// Stopped.
    Cancelled,
    /// Any other failure.
    Failed,
}

/// How a performance ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Performed {
    /// The action ran to its end. A program's non-zero exit code is here too: whether that fails the step is not the
    /// executor's to say (`continue_on`, `retry_policy` and `exit_code` are read by the core).
    Done {
        /// Name and JSON value.
        outputs: Vec<(String, String)>,
        /// Of the program, if there was one.
        exit_code: Option<i32>,
    },
    /// It is not over, and holds no place meanwhile: another performance goes on with the token after a while. Only of
    /// actions that change nothing outside: there is nothing to give up if nobody goes on.
    Later {
        /// For [`Task::token`]; at most [`MAX_TOKEN`] bytes.
        token: String,
        /// How long there is nothing to do.
        after: Span,
    },
    /// It could not be done.
    Failed(Failure),
}

/// Why a performance failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub fault: Fault,
    /// One sentence for people; names the plugin, its version and the function where a plugin is to blame.
    pub message: String,
    /// Not before.
    pub retry_after: Option<Span>,
    /// The provider's own code.
    pub code: Option<String>,
    /// Exit code, where a program ran.
    pub exit_code: Option<i32>,
    /// Which limit was hit, where one was: the step ended because of it.
    pub limit: Option<Limit>,
}

/// The bounds of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Linear memory.
    Memory,
    /// CPU time of the guest.
    Cpu,
    /// Wall time, instantiation included.
    Wall,
    /// Stack depth.
    Stack,
    /// Table elements.
    Table,
    /// Log bytes.
    Log,
    /// Bytes printed or returned.
    Output,
    /// Host calls, handles, requests in flight, random bytes.
    HostCalls,
}

/// Performs steps. Never panics, never hangs: every performance ends within the task's `remaining` and the plugin's limits.
pub trait Executor: Send + Sync {
    /// Performs `task`; prints through `sink`; stops when `stop` says so (then the failure is [`Fault::Cancelled`]).
    fn perform<'a>(&'a self, task: Task, sink: Arc<dyn Sink>, stop: Arc<dyn StopSignal>) -> BoxFuture<'a, Performed>;
}
