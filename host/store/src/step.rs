//! A row for each step of a run.

use pintle_core::counter::{Attempt, Fence};
use pintle_core::ids::{RunId, WorkerId};
use pintle_core::plan::{Role, StepIndex};
use pintle_core::run::StepStatus;
use pintle_core::time::Timestamp;

use crate::BoxFuture;
use crate::error::Error;

/// A step as lists show it: a projection of its run's events, written in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// Its place in the plan.
    pub index: StepIndex,
    /// Its name; kept from the first write.
    pub name: String,
    /// Main, or which handler; kept from the first write.
    pub role: Role,
    /// Where it stands.
    pub status: StepStatus,
    /// Tries so far.
    pub attempt: Attempt,
    /// The last fence that was minted. A row with an earlier one is refused.
    pub fence: Fence,
    /// How often its worker was lost.
    pub losses: u32,
    /// Who has it, or had it last; set while it is running.
    pub worker: Option<WorkerId>,
    /// When its last try began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it runs again; set while it is retrying.
    pub due_at: Option<Timestamp>,
    /// Of the program of the last try.
    pub exit_code: Option<i32>,
    /// One sentence for people.
    pub message: Option<String>,
}

/// Rows of steps. Written by [`crate::Runs::commit`] alone.
pub trait Steps: Send + Sync {
    /// All steps of a run, in the plan's order.
    fn steps<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<StepRow>, Error>>;
}
