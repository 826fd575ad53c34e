//! What becomes due. A timer is a row, committed with the event that wants it.

use pintle_core::ids::{NodeId, RunId};
use pintle_core::plan::StepIndex;
use pintle_core::time::Timestamp;

use crate::BoxFuture;
use crate::error::Error;

/// What becomes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// The next try of a step.
    Retry,
    /// The next repetition of a step.
    Repeat,
    /// The end of a wait.
    Wait,
    /// The end of the time that a step or a run has.
    Timeout,
    /// The next attempt of a run.
    RunRetry,
}

impl TimerKind {
    /// All of them, for tables.
    pub const ALL: [Self; 5] = [Self::Retry, Self::Repeat, Self::Wait, Self::Timeout, Self::RunRetry];

    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Repeat => "repeat",
            Self::Wait => "wait",
            Self::Timeout => "timeout",
            Self::RunRetry => "run_retry",
        }
    }
}

/// A timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// The run.
    pub run: RunId,
    /// Its step; none: the run itself.
    pub step: Option<StepIndex>,
    /// What becomes due.
    pub kind: TimerKind,
    /// When.
    pub due: Timestamp,
}

/// Timers of all runs. Set and cleared by [`crate::Runs::commit`] alone; firing one twice is harmless, for the second
/// decision refuses.
pub trait Timers: Send + Sync {
    /// Timers due at or before `before` of the runs that belong to `node` (none: to no process), earliest first.
    fn due<'a>(
        &'a self,
        before: Timestamp,
        node: Option<&'a NodeId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Timer>, Error>>;
    /// When the next of them is due.
    fn next_due<'a>(&'a self, node: Option<&'a NodeId>) -> BoxFuture<'a, Result<Option<Timestamp>, Error>>;
}
