//! The one clock, the store's (I-9).

use pintle_core::time::Timestamp;

/// Store time.
pub trait Clock: Send + Sync {
    /// Now. Never earlier than an answer before, nor than anything that is stored; also after a reboot, and whatever
    /// happens to the machine's wall clock.
    fn now(&self) -> Timestamp;
}
