//! Claims steps and performs them, and leaves nothing behind.
//!
//! Two halves that meet only in the cli:
//!
//! - [`Worker`] asks the coordinator for steps ([`WorkerPlane`](pintle_plane::worker::WorkerPlane)), performs each
//!   through an [`Executor`](pintle_plane::executor::Executor), streams what it prints, and reports what became of it.
//!   Results that come while a report is under way go out together with the next one, which also asks for new steps:
//!   a chain of steps is one exchange per step.
//! - [`Launcher`] starts native programs for the executors ([`Processes`](pintle_plane::process::Processes)). It
//!   answers for everything that a program leaves behind, which is the hard part.
//!
//! # What may be left behind, and who clears it away
//!
//! A step may be run again only when nothing of its last claim can act any more (I-5). A program that is started here
//! has three traces, each there before user code runs: its process group, the file `claims/<claim>` that names the
//! group, and the path of that file in its environment (`PINTLE_CLAIM_FILE`). From the strongest guard to the last:
//!
//! 1. [`Launcher`] sees each group to its end; a dropped future kills the group.
//! 2. The *reaper* ([`reaper_main`]), a small process of the same binary, holds the end of a pipe. When its worker is
//!    gone, however that happened, it kills what the claim files of that worker name.
//! 3. [`recover`] does the same for one claim, before its step is run again at home, should both have been killed; and
//!    for claims that are [`abandoned`], when the next process comes to the data directory.
//!
//! What no guard promises: a program that leaves its group *and* clears its environment is out of reach.

mod claims;
mod core_action;
mod error;
mod kin;
mod limits;
pub mod process;
mod reaper;
mod recover;
pub mod worker;

pub use core_action::CoreActions;
pub use error::Error;
pub use limits::DRAIN_PATIENCE;
pub use process::Launcher;
pub use reaper::{ReaperCommand, reaper_main};
pub use recover::{Recovered, abandoned, recover};
pub use worker::{Handle, Observer, Options, Worker};
