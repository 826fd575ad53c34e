//! Time and chance, as things that are handed in.

use pintle_core::time::Timestamp;

/// Store time, as this process knows it: local CLOCK_BOOTTIME plus the offset learned from the store (I-9).
pub trait Clock: Send + Sync {
    /// Now. Never earlier than an answer before.
    fn now(&self) -> Timestamp;
}

/// A source of bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}
