//! Secrets by value. Needs the `secrets-reveal` grant; all other uses of a secret name it and leave the value to the
//! host ([`http::Request::credential`](crate::http::Request::credential), [`sign`](crate::sign)).

use crate::bindings::wire::secrets_reveal as wire;
use crate::error::Error;

/// The value itself.
///
/// # Errors
/// `not-found`, or `denied` when not granted.
pub fn reveal(name: &str) -> Result<String, Error> {
    Ok(wire::reveal(name)?)
}
