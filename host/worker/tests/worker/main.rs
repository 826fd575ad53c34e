//! The worker against a coordinator and an executor that do as the test says.
//!
//! | file | holds |
//! |---|---|
//! | `plane`, `actor`, `room` | the coordinator, the executor, and a worker between them |
//! | `exchange` | claims, reports, wakes, drains |
//! | `ends` | stops, timeouts, panics, replacement |
//! | `surroundings` | directories, environment, conditions |
//! | `printed` | logs, files, captured output, declared outputs |
//! | `outputs` | outputs that are read out of what a step left |

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panic"
)]

mod actor;
mod ends;
mod exchange;
mod outputs;
mod plane;
mod printed;
mod room;
mod surroundings;
