//! A run: a fold over its events.
//!
//! [`decide()`] may refuse and never acts; [`apply()`] is total over what `decide` can emit; [`effects()`] are what the
//! shell must do because of an event, and can be derived again from it. No `decide` walks the whole run: each looks at
//! the steps that its command touches and at the steps behind them, so a step of a plan of 10,000 costs what a step
//! of a plan of 10 costs.

pub mod answer;
pub mod apply;
pub mod children;
pub mod command;
pub mod decide;
pub mod effect;
pub mod event;
pub mod state;
pub mod status;

mod ask;
mod check;
mod draft;
mod flow;
mod fold;
mod rewind;
mod settle;

pub use answer::{Answer, Answered, Verdict};
pub use apply::{Corrupt, apply};
pub use children::{ChildEnd, Children, Expanded};
pub use command::{Command, Outcome, Refusal};
pub use decide::decide;
pub use effect::{Effect, effects};
pub use event::{Body, Event};
pub use state::{Run, StepState};
pub use status::{RunStatus, StepStatus};
