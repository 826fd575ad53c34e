//! Durable key-value state of this binding for this tenant. Needs the `kv` grant.

use super::all_pages;
use crate::bindings::wire::kv as wire;
use crate::error::Error;

pub use crate::bindings::pintle::host::kv::{Condition, Entry};

/// The entry of a key.
///
/// # Errors
/// `denied`, `unavailable`.
pub fn get(key: &str) -> Result<Option<Entry>, Error> {
    Ok(wire::get(key)?)
}

/// Writes an entry; returns its new version.
///
/// # Errors
/// `stale` when the condition does not hold, `exhausted` beyond the grant's bytes.
pub fn put(key: &str, value: &[u8], only_if: Condition, ttl_ms: Option<u32>) -> Result<u64, Error> {
    Ok(wire::put(key, value, only_if, ttl_ms)?)
}

/// Removes an entry; one that is gone already is no error.
///
/// # Errors
/// `stale` when the condition does not hold.
pub fn remove(key: &str, only_if: Condition) -> Result<(), Error> {
    Ok(wire::remove(key, only_if)?)
}

/// All keys with a prefix, in order.
///
/// # Errors
/// `denied`, `unavailable`.
pub fn list(prefix: &str) -> Result<Vec<String>, Error> {
    all_pages(|request| {
        let page = wire::list_keys(prefix, request)?;
        Ok((page.keys, page.next))
    })
}
