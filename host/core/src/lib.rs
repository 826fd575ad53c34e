//! What Pintle decides, and nothing else.
//!
//! This crate is sync and pure: time and chance come in as arguments, what to do and what to wait for go out as
//! values. A run is a fold over its events: [`run::decide`] answers a command with events or a refusal,
//! [`run::apply`] folds an event into the run, [`run::effects`] says what the shell must do because of it.
//! Everything that touches a clock, a disk, a process or the network lives in another crate.
//!
//! | module | holds |
//! |---|---|
//! | [`ids`], [`counter`], [`time`] | names, numbers that only rise, instants and lengths of time |
//! | [`limits`] | every bound, and how the bounds relate |
//! | [`plan`], [`graph`] | a checked DAG, and its order |
//! | [`output`] | which of its two streams a step prints on |
//! | [`attempt`] | when a failed or finished step is tried again |
//! | [`schedule`] | when runs start by themselves, as data |
//! | [`run`] | the states of a run and its steps, and every transition between them |
//! | [`lease`] | how long a claim is trusted |
//! | [`plugin`] | what the host knows of a component without running it |

pub mod attempt;
pub mod counter;
pub mod graph;
pub mod ids;
pub mod lease;
pub mod limits;
pub mod matching;
pub mod output;
pub mod plan;
pub mod plugin;
pub mod run;
pub mod schedule;
pub mod time;
