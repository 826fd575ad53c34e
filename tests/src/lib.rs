//! Drives the built binary as a user does: a home of its own for each test, files written into it, commands run, what
//! they print and how they end looked at. Nothing here knows the inside of Pintle.
//!
//! The binary is `target/<profile>/pintle` beside the test that runs, or `PINTLE_BIN`.

pub mod chance;
pub mod dag;
pub mod disk;
pub mod home;
pub mod lines;
pub mod shown;
pub mod wait;

pub use chance::Chance;
pub use disk::Disk;
pub use home::{Ended, Home, Live, repository};
pub use lines::Lines;
pub use shown::{Shown, Step};
