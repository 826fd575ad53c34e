//! Native programs, started on behalf of a step. The provider owns process groups, the claim file and the reaper
//! (durability.md: "Children of a step"); the caller has already checked the grant.

use std::path::PathBuf;
use std::sync::Arc;

use pintle_core::time::Span;

use crate::BoxFuture;
use crate::output::Sink;
use crate::stop::StopSignal;

/// What to start.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    /// Path, or a bare name that is looked up in the `PATH` of `env`.
    pub program: String,
    /// Without the program's own name.
    pub arguments: Vec<String>,
    /// Written to a private file (0700) that goes away with the process; `{script}` in program or arguments is its path.
    pub script: Option<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Where it starts. It must exist.
    pub working_dir: PathBuf,
    /// Standard input; closed at once when empty.
    pub input: Vec<u8>,
    /// Stopped after this, as by a stop signal; none: as long as the step may.
    pub timeout: Option<Span>,
    /// Between `stop_signal` and SIGKILL.
    pub kill_grace: Span,
    /// `SIGTERM` unless named (`SIGINT`, `SIGQUIT`, `SIGHUP`, `SIGUSR1`, ...; with or without `SIG`).
    pub stop_signal: Option<String>,
    /// How many bytes of standard output come back; all of it went to the sink.
    pub capture: usize,
    /// Names the claim on whose behalf it runs: a file `<claim>` below the data directory's `claims/` is written
    /// before the program starts, so that nothing of an old claim outlives it (I-5).
    pub claim: String,
}

/// How it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessExit {
    /// Exit code, if it ended by itself.
    pub code: Option<i32>,
    /// Signal, if it was ended by one: `SIGKILL`.
    pub signal: Option<String>,
    /// `timeout` had passed.
    pub timed_out: bool,
    /// It was stopped by the stop signal.
    pub stopped: bool,
    /// The first `capture` bytes of standard output.
    pub stdout: Vec<u8>,
    /// There was more.
    pub stdout_truncated: bool,
    /// The last 4 KiB of standard error.
    pub stderr_tail: Vec<u8>,
}

/// Why it could not be started. Nothing ran.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProcessError {
    /// No such program.
    #[error("program `{program}` was not found; install it, or give its full path")]
    NotFound {
        /// As asked for.
        program: String,
    },
    /// It may not be run.
    #[error("program `{program}` may not be executed by this user: {reason}")]
    Denied {
        /// As asked for.
        program: String,
        /// The system's words.
        reason: String,
    },
    /// The directory is missing or closed.
    #[error("working directory `{dir}` cannot be used: {reason}; create it, or change `working_dir`")]
    WorkingDir {
        /// As asked for.
        dir: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A bad request: an unknown signal, a NUL byte.
    #[error("{0}")]
    Invalid(String),
    /// The machine has no process, memory or descriptor left, or the claim file could not be written.
    #[error("could not start `{program}`: {reason}")]
    Unavailable {
        /// As asked for.
        program: String,
        /// The system's words.
        reason: String,
    },
}

/// Starts programs and sees them to their end.
pub trait Processes: Send + Sync {
    /// Runs one program; returns when it has ended, its whole group is gone and its output was handed to `sink`.
    /// Dropping the future kills the group.
    fn run<'a>(
        &'a self,
        spec: ProcessSpec,
        sink: Arc<dyn Sink>,
        stop: Arc<dyn StopSignal>,
    ) -> BoxFuture<'a, Result<ProcessExit, ProcessError>>;
}
