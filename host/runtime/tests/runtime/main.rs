//! The whole crate from outside, with guests made of WebAssembly text: what a bad guest does to the host (nothing), and
//! what the host does for a good one.
#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod effects;
mod fakes;
mod guest;
mod hostile;
mod limits;
mod loading;
mod pending;
mod pool;
mod std_guest;
mod wasi;
