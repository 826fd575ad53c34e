//! The transaction: a value that says all that one decision wants to keep.

use pintle_core::counter::{Fence, Version};
use pintle_core::ids::{Digest, RunId, TenantId};
use pintle_core::plan::StepIndex;
use pintle_core::run::Event;
use pintle_core::time::Timestamp;

use crate::error::Error;
use crate::run::RunRow;
use crate::step::StepRow;
use crate::timer::TimerKind;

/// What one decision about one run wants to keep. It is taken whole, or not at all.
#[derive(Debug, Clone)]
pub struct Txn {
    /// The run.
    pub run: RunId,
    /// Whose run it is.
    pub tenant: TenantId,
    /// Length of the run's log that the decision was made on; 0: the run is new.
    pub expected: Version,
    /// Appended at `expected + 1` and on. May be empty: then only rows change.
    pub events: Vec<Event>,
    /// The run as it stands after the events; of a new run all of it is kept, else what can change. The store itself
    /// keeps `version`.
    pub run_row: RunRow,
    /// Steps that changed, as they stand after the events; of a new run all of them.
    pub step_rows: Vec<StepRow>,
    /// Timers that the events want, and those that they made pointless.
    pub timers: Vec<TimerChange>,
    /// At submit: the plan and its digest. Kept once for all runs that are pinned to it.
    pub plan: Option<(Digest, String)>,
    /// How sure the answer must be.
    pub durable: Durability,
}

/// How sure a commit must be before it is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// As the store was opened: at least it survives the death of every process.
    #[default]
    Mode,
    /// It survives power loss, whatever the mode: for the intent of an effect.
    Full,
}

/// A change of the run's timers. There is one timer for each step (or the run itself) and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimerChange {
    /// Sets it, or moves it.
    Set {
        /// Whose; none: the run's own.
        step: Option<StepIndex>,
        /// What becomes due.
        kind: TimerKind,
        /// When.
        due: Timestamp,
    },
    /// Removes it; nothing happens if there is none.
    Clear {
        /// Whose; none: the run's own.
        step: Option<StepIndex>,
        /// What was to become due.
        kind: TimerKind,
    },
}

/// Why a transaction was not taken. Only `Store` with an I/O error leaves open whether it was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// Somebody else appended first: load the run again and decide again.
    #[error("run {run} is at version {actual}, not at {expected}: decide again")]
    VersionConflict {
        /// The run.
        run: RunId,
        /// What the transaction stood on.
        expected: Version,
        /// What stands; 0: there is no such run.
        actual: Version,
    },
    /// The run id is taken. With the same plan it is the same submission sent again, and its first answer counts.
    #[error("run {run} exists already")]
    DuplicateRun {
        /// The run.
        run: RunId,
        /// What it is pinned to.
        plan: Digest,
        /// How far it is.
        version: Version,
    },
    /// A row would have set a step's fence back (I-3).
    #[error("stale: step {} of run {run} has a later fence than {fence}", step.0)]
    StaleFence {
        /// The run.
        run: RunId,
        /// The step.
        step: StepIndex,
        /// What the row carried.
        fence: Fence,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}
