//! This call: what the time is, what is left of it, whether to stop.

use crate::bindings::wire::call as wire;
use crate::error::Error;

/// Wall clock, milliseconds since 1970.
#[must_use]
pub fn unix_ms() -> u64 {
    wire::unix_ms()
}

/// What is left until the deadline, in milliseconds.
#[must_use]
pub fn remaining_ms() -> u32 {
    wire::remaining()
}

/// True once the run is being stopped or the deadline has passed.
#[must_use]
pub fn cancelled() -> bool {
    wire::cancelled()
}

/// For the top of a long loop: goes on, or ends with the right error.
///
/// # Errors
/// `cancelled`, once the call is.
pub fn check() -> Result<(), Error> {
    if cancelled() { Err(Error::cancelled("the run was stopped, or its deadline has passed")) } else { Ok(()) }
}
