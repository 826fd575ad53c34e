//! What Pintle needs of a store, as ports: one small trait a noun, and one transaction that is a value.
//!
//! The store is the one durable authority. A [`Txn`] says everything that one decision wants to keep: the version of
//! the run's log that it stands on, the events, the rows that are projections of them, the timers that they want. An
//! adapter takes it whole or not at all, and answers only when it is committed: [`Runs::commit`] never returns a
//! version that could be forgotten. Nothing here is a handle that is held across an await.
//!
//! | module | port | keeps |
//! |---|---|---|
//! | [`txn`], [`run`] | [`Runs`] | event logs, and the rows that lists are made of |
//! | [`step`] | [`Steps`] | a row for each step |
//! | [`timer`] | [`Timers`] | what becomes due |
//! | [`plugin`] | [`Plugins`] | what staging found out about components |
//! | [`kv`] | [`Kv`] | durable state of plugins |
//! | [`node`] | [`Nodes`] | which processes live |
//! | [`clock`] | [`Clock`] | the one clock (I-9) |
//! | [`change`] | [`Changes`] | whether somebody else wrote |
//! | [`log`], [`blob`] | [`Logs`], [`Blobs`] | what steps print; payloads by digest |
//!
//! [`suite`] is the conformance suite of these ports: each promise in a doc comment below is a case there, and every
//! adapter runs all of them in its tests.

pub mod blob;
pub mod change;
pub mod clock;
pub mod error;
pub mod kv;
pub mod log;
pub mod node;
pub mod plugin;
pub mod run;
pub mod step;
pub mod suite;
pub mod timer;
pub mod txn;

pub use blob::Blobs;
pub use change::{Changes, Mark};
pub use clock::Clock;
pub use error::{Cause, Error};
pub use kv::{Condition, Entry, Guard, Kv, KvError, Scope};
pub use log::{Channel, LogName, LogPart, Logs};
pub use node::Nodes;
pub use plugin::Plugins;
pub use run::{Cursor, Page, Parent, RunFilter, RunRow, Runs, StoredRun, Trigger};
pub use step::{StepRow, Steps};
pub use timer::{Timer, TimerKind, Timers};
pub use txn::{CommitError, Durability, TimerChange, Txn};

/// A future without a name, as the ports return it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// All ports at once: what a coordinator is given as `Arc<dyn Store>`.
pub trait Store: Runs + Steps + Timers + Plugins + Kv + Nodes + Clock + Changes + Logs + Blobs {}

impl<T: Runs + Steps + Timers + Plugins + Kv + Nodes + Clock + Changes + Logs + Blobs> Store for T {}
