//! What steps print.

use std::fmt;

use pintle_core::counter::Fence;
use pintle_core::ids::RunId;
pub use pintle_core::output::Channel;
use pintle_core::plan::StepIndex;

use crate::BoxFuture;
use crate::error::Error;

/// One stream of one claim: an old claim can only write into its own log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepIndex,
    /// The claim.
    pub fence: Fence,
    /// The stream.
    pub channel: Channel,
}

impl fmt::Display for LogName {
    /// `<run>/<step>-<fence>.<channel>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}-{}.{}", self.run, self.step.0, self.fence, self.channel.as_str())
    }
}

/// What one stream of a claim has printed from an offset on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPart<'a> {
    /// The stream.
    pub channel: Channel,
    /// Where it belongs.
    pub offset: u64,
    /// What was printed.
    pub bytes: &'a [u8],
}

/// Logs. They survive the death of every process; at power loss the last moments may be gone.
pub trait Logs: Send + Sync {
    /// Stores a chunk where it belongs, and returns how long the log is now. Sending it again changes nothing; a chunk
    /// that would leave a hole is refused with [`Error::LogGap`].
    fn append_log<'a>(&'a self, log: &'a LogName, offset: u64, bytes: Vec<u8>) -> BoxFuture<'a, Result<u64, Error>>;
    /// The claim is over: stores what is left of its logs, as [`append_log`](Self::append_log) would in that order, and
    /// lets go of what was held open for them. May be sent again. What cannot be stored of one stream keeps nothing of
    /// the other back.
    fn seal_logs<'a>(
        &'a self,
        run: &'a RunId,
        step: StepIndex,
        fence: Fence,
        rest: &'a [LogPart<'a>],
    ) -> BoxFuture<'a, Result<(), Error>>;
    /// At most `limit` bytes (and 1 MiB) from `offset`; empty past the end, and for a log that nobody wrote.
    fn read_log<'a>(&'a self, log: &'a LogName, offset: u64, limit: usize) -> BoxFuture<'a, Result<Vec<u8>, Error>>;
    /// How long a log is; 0 for one that nobody wrote.
    fn log_size<'a>(&'a self, log: &'a LogName) -> BoxFuture<'a, Result<u64, Error>>;
    /// All logs of a run, by step, claim and stream.
    fn logs_of<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<LogName>, Error>>;
}
