//! One request and one answer over TCP. Needs the `tcp` grant.

use crate::bindings::wire::tcp as wire;
use crate::error::Error;

pub use crate::bindings::pintle::host::tcp::{Ending, ExchangeAnswer, ExchangeRequest};

/// Sends bytes, and reads until the ending that the request names.
///
/// # Errors
/// `denied` when not granted, `unavailable`: not one byte was sent.
pub fn exchange(request: &ExchangeRequest) -> Result<ExchangeAnswer, Error> {
    Ok(wire::exchange(request)?)
}
