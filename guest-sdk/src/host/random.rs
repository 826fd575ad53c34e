//! Chance, from the host's own source.

use crate::bindings::wire::random as wire;

/// So many random bytes.
#[must_use]
pub fn bytes(count: u32) -> Vec<u8> {
    wire::bytes(count)
}
