//! Drives the core over the store.
//!
//! One shape everywhere: *load, decide, append at the expected version, apply, perform effects*. A run that this process
//! is home to is kept folded in memory ([`live`]); what another process appends to it is noticed and folded in
//! ([`change`]). The coordinator is also the worker's plane: claims and reports of the worker in this process are calls.
//!
//! | module | holds |
//! |---|---|
//! | [`service`] | [`Coordinator`]: submit, resume, retry, stop, wait |
//! | [`home`] | which runs are this process's: kept, taken over, marked as interrupted |
//! | [`answer`] | what people say to what steps ask |
//! | `begin` | how a run begins, whoever starts it |
//! | [`live`] | a run of this home: its fold, its ready steps, who watches it |
//! | [`commit`] | one decision, one transaction, and again if somebody else appended first |
//! | [`assign`] | a claimed step with every value resolved |
//! | [`settle`] | a worker's report, decoded |
//! | [`plane`] | claim, report, notices, logs |
//! | [`children`] | steps that expanded: their children started, watched, stopped, told of |
//! | `compute` | parameters of children that a command computes |
//! | [`timer`] | due times |
//! | `wait`, `route` | steps that wait for a time; steps that say which others run |
//! | [`change`] | what other processes did to our runs |
//! | [`context`] | what a submission remembers, sealed |

pub mod answer;
pub mod assign;
mod begin;
pub mod change;
pub mod children;
pub mod commit;
mod compute;
pub mod context;
mod error;
pub mod home;
pub mod live;
pub mod plane;
mod route;
pub mod service;
pub mod settle;
#[cfg(test)]
mod testing;
pub mod timer;
mod wait;

pub use answer::{Onward, Word};
pub use assign::artifacts_dir;
pub use compute::{Compute, NoCommands};
pub use context::SubDag;
pub use error::Error;
pub use live::{Snapshot, Update};
pub use service::{Accepted, Coordinator, Options, Submit};
