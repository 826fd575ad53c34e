//! The states of a run and of a step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Accepted, not yet admitted.
    Queued,
    /// Steps are, or may be, worked on.
    Running,
    /// Nothing goes on before someone, or something outside, acts; the reason stands beside it.
    Waiting,
    /// Every step did what it should.
    Succeeded,
    /// Some steps failed and were forgiven, some succeeded.
    PartiallySucceeded,
    /// A step failed and was not forgiven.
    Failed,
    /// Stopped, timed out, or its preconditions were not met.
    Aborted,
    /// An approval was refused.
    Rejected,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Something before it is still open.
    #[default]
    NotStarted,
    /// May be claimed.
    Ready,
    /// Claimed.
    Running,
    /// Ready again at its due time: a retry, or a repetition.
    Retrying,
    /// Somebody must act.
    Waiting,
    /// Done.
    Succeeded,
    /// Done in part.
    PartiallySucceeded,
    /// Not done.
    Failed,
    /// Not wanted.
    Skipped,
    /// Stopped, or never started because of what came before.
    Aborted,
    /// An approval was refused.
    Rejected,
}

impl RunStatus {
    /// All of them, for tables.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::PartiallySucceeded,
        Self::Failed,
        Self::Aborted,
        Self::Rejected,
    ];

    /// Nothing follows but a retry.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Waiting => false,
            Self::Succeeded | Self::PartiallySucceeded | Self::Failed | Self::Aborted | Self::Rejected => true,
        }
    }

    /// As it is written in lists, JSON and `$DAG_RUN_STATUS`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::PartiallySucceeded => "partially_succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Rejected => "rejected",
        }
    }
}

impl StepStatus {
    /// All of them, for tables.
    pub const ALL: [Self; 11] = [
        Self::NotStarted,
        Self::Ready,
        Self::Running,
        Self::Retrying,
        Self::Waiting,
        Self::Succeeded,
        Self::PartiallySucceeded,
        Self::Failed,
        Self::Skipped,
        Self::Aborted,
        Self::Rejected,
    ];

    /// Nothing follows but a retry of the run.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::NotStarted | Self::Ready | Self::Running | Self::Retrying | Self::Waiting => false,
            Self::Succeeded
            | Self::PartiallySucceeded
            | Self::Failed
            | Self::Skipped
            | Self::Aborted
            | Self::Rejected => true,
        }
    }

    /// As it is written in lists and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::PartiallySucceeded => "partially_succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Aborted => "aborted",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for StepStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
