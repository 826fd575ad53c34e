//! The configuration that the operator gave this binding.

use serde::de::DeserializeOwned;

use crate::bindings::wire::config as wire;
use crate::error::Error;
use crate::input;

/// As JSON text. Never holds a secret.
#[must_use]
pub fn json() -> String {
    wire::get()
}

/// Typed. The host has let it pass `check-config` before, so a fault here is a fault of the plugin's own types.
///
/// # Errors
/// `invalid`, naming the field.
pub fn get<T: DeserializeOwned>() -> Result<T, Error> {
    input::parse(&json()).map_err(|fault| Error::invalid(format!("the configuration is faulty: {fault}")))
}
