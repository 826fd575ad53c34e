//! Signatures made by the host from secrets that never leave it. Needs the `secret` grant with its use.

use crate::bindings::wire::sign as wire;
use crate::error::Error;

/// HMAC-SHA-256 of a message.
///
/// # Errors
/// `not-found`, or `denied` when not granted.
pub fn hmac_sha256(secret: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(wire::hmac_sha256(secret, message)?)
}

/// AWS Signature Version 4 of a string to sign, as lower-case hex.
///
/// # Errors
/// `not-found`, or `denied` when not granted.
pub fn aws_sigv4(secret: &str, date: &str, region: &str, service: &str, text: &str) -> Result<String, Error> {
    Ok(wire::aws_sigv4(secret, date, region, service, text)?)
}
