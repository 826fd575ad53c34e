//! Drives the core over the store.
//!
//! One shape everywhere: *load, decide, append at the expected version, apply, perform effects*. A run that this process
//! is home to is kept folded in memory ([`live`]); what another process appends to it is noticed and folded in
//! ([`change`]). The coordinator is also the worker's plane: claims and reports of the worker in this process are calls.
//!
//! | module | holds |
//! |---|---|
//! | [`service`] | [`Coordinator`]: submit, resume, retry, stop, wait |
//! | [`live`] | a run of this home: its fold, its ready steps, who watches it |
//! | [`commit`] | one decision, one transaction |
//! | [`assign`] | a claimed step with every value resolved |
//! | [`settle`] | a worker's report, decoded |
//! | [`plane`] | claim, report, notices, logs |
//! | [`timer`] | due times |
//! | [`change`] | what other processes did to our runs |
//! | [`context`] | what a submission remembers, sealed |

pub mod assign;
pub mod change;
pub mod commit;
pub mod context;
mod error;
pub mod live;
pub mod plane;
pub mod service;
pub mod settle;
pub mod timer;

pub use error::Error;
pub use live::{Snapshot, Update};
pub use service::{Coordinator, Options, Submit};
