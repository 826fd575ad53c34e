//! Why the coordinator did not do what it was asked.

use pintle_core::ids::RunId;
use pintle_core::run::{Corrupt, Refusal};

use crate::context::Unreadable;

/// Why the coordinator did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What was given with an answer is not what was asked for.
    #[error(transparent)]
    Answer(#[from] pintle_spec::AnswerFaults),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] pintle_store::Error),
    /// No such run.
    #[error("there is no run {0}: `pintle history` lists the runs")]
    NoSuchRun(RunId),
    /// The id is taken by another submission.
    #[error("run id {0} is taken by another run: choose another id, or leave --run-id out")]
    IdTaken(RunId),
    /// Another process works on it.
    #[error("run {run} is being run by process {pid}: stop that one first, or wait for it")]
    Owned {
        /// Which run.
        run: RunId,
        /// Whose.
        pid: u32,
    },
    /// The stored plan is of a later version, or damaged.
    #[error("the plan of run {run} cannot be read: {reason}; use the pintle that wrote it")]
    Plan {
        /// Which run.
        run: RunId,
        /// What is wrong with it.
        reason: String,
    },
    /// A stored event cannot follow those before it.
    #[error("the log of run {run} is damaged: {corrupt}; it cannot go on, start its DAG as a new run")]
    Corrupt {
        /// Which run.
        run: RunId,
        /// Where.
        corrupt: Corrupt,
    },
    /// What was remembered of the submission cannot be opened.
    #[error("run {run}: {reason}")]
    Context {
        /// Which run.
        run: RunId,
        /// Why.
        reason: Unreadable,
    },
    /// Other processes appended to the run faster than this one could decide.
    #[error("run {0} is changed by other processes all the time: try again in a moment")]
    Contended(RunId),
}
