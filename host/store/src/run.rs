//! Event logs of runs, and the rows that lists are made of.

use std::fmt;

use pintle_core::counter::{RunAttempt, Version};
use pintle_core::ids::{Digest, NodeId, RunId, TenantId};
use pintle_core::plan::{Json, StepIndex};
use pintle_core::run::{Event, RunStatus};
use pintle_core::time::Timestamp;

use crate::BoxFuture;
use crate::error::Error;
use crate::txn::{CommitError, Txn};

/// A run as lists show it: a projection of its events, written in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// The run.
    pub id: RunId,
    /// Whose.
    pub tenant: TenantId,
    /// Name of its DAG.
    pub dag: String,
    /// Where it stands.
    pub status: RunStatus,
    /// Which try of the run.
    pub attempt: RunAttempt,
    /// Length of its log.
    pub version: Version,
    /// Bound parameters: a JSON object.
    pub params: Json,
    /// What brought it about.
    pub trigger: Trigger,
    /// The process that owns it; none: any server may go on with it.
    pub home: Option<NodeId>,
    /// That process's pid, to name it to people.
    pub pid: Option<u32>,
    /// When it was accepted. Lists are in this order, newest first.
    pub submitted_at: Timestamp,
    /// When it was admitted, in this attempt.
    pub started_at: Option<Timestamp>,
    /// When it ended: set exactly while `status` is terminal.
    pub finished_at: Option<Timestamp>,
    /// What it waits for, for people.
    pub waiting: Option<String>,
    /// Why it failed, in one sentence.
    pub message: Option<String>,
    /// The plan that it is pinned to.
    pub plan: Digest,
    /// The file that the plan was made of.
    pub source: Option<String>,
    /// The step that it is a child of. Lists leave children out.
    pub parent: Option<Parent>,
}

/// Whose child a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The run.
    pub run: RunId,
    /// The step that expanded.
    pub step: StepIndex,
    /// The place among the step's children, from 0.
    pub child: u32,
}

/// What brought a run about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// `pintle start`.
    Start,
    /// `pintle enqueue`.
    Enqueue,
    /// The HTTP API or a page.
    Api,
    /// A slot of a schedule.
    Schedule,
    /// A step of another run.
    Parent,
}

impl Trigger {
    /// All of them, for tables.
    pub const ALL: [Self; 5] = [Self::Start, Self::Enqueue, Self::Api, Self::Schedule, Self::Parent];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Enqueue => "enqueue",
            Self::Api => "api",
            Self::Schedule => "schedule",
            Self::Parent => "parent",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// All that is stored of a run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// Its row.
    pub row: RunRow,
    /// The plan that it is pinned to, as JSON.
    pub plan: String,
    /// Its events from the first, each with its version.
    pub events: Vec<(Version, Event)>,
}

/// Which runs a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only these; empty: all.
    pub statuses: Vec<RunStatus>,
    /// Only of this DAG.
    pub dag: Option<String>,
    /// Only submitted at or after this.
    pub since: Option<Timestamp>,
}

/// Where the next page of a list begins. Opaque; good for the same filter only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// For adapters: wraps what they will be handed back.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, to be sent to a client and taken back.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most as many rows as were asked for.
    pub rows: Vec<RunRow>,
    /// Where the next page begins; none: this was the last.
    pub next: Option<Cursor>,
}

/// Event logs of runs and their rows. No call's cost depends on how many finished runs there are.
pub trait Runs: Send + Sync {
    /// Takes each transaction whole or not at all, and answers in the same order when all that it took is committed.
    /// Transactions that wait at the same time are committed together. Dropping the future does not take them back.
    fn commit(&self, txns: Vec<Txn>) -> BoxFuture<'_, Vec<Result<Version, CommitError>>>;
    /// A run with its plan and all its events.
    fn load<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<StoredRun>, Error>>;
    /// The events with a version above `after`, in order; none for a run that does not exist.
    fn events_after<'a>(
        &'a self,
        run: &'a RunId,
        after: Version,
    ) -> BoxFuture<'a, Result<Vec<(Version, Event)>, Error>>;
    /// A run's row.
    fn row<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<RunRow>, Error>>;
    /// What a person means: the run of that id; else runs whose id begins so (at most 16); else the latest run of the
    /// DAG of that name, children left out.
    fn find<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<Vec<RunRow>, Error>>;
    /// A page of runs, newest first; at most 1,000 rows at once. An unreadable cursor begins anew.
    fn list<'a>(
        &'a self,
        filter: &'a RunFilter,
        cursor: Option<&'a Cursor>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>>;
    /// Runs that are not over and belong to `node`; none: that belong to no process.
    fn open_runs_of<'a>(&'a self, node: Option<&'a NodeId>) -> BoxFuture<'a, Result<Vec<RunRow>, Error>>;
    /// Children of a run from a step's child on, in the order of steps and children; at most 1,000 rows at once.
    fn children<'a>(
        &'a self,
        parent: &'a RunId,
        from: (StepIndex, u32),
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunRow>, Error>>;
    /// How long the logs of these runs are; runs that do not exist are left out. For what [`crate::Changes`] noticed.
    fn versions<'a>(&'a self, runs: &'a [RunId]) -> BoxFuture<'a, Result<Vec<(RunId, Version)>, Error>>;
    /// A plan's JSON.
    fn plan<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Option<String>, Error>>;
}
