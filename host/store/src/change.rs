//! Whether somebody wrote.

use crate::error::Error;

/// The state of a store at one moment; two that differ mean that something was committed in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub u64);

/// Notices commits of every process on the store, this one too, for about a microsecond a look.
pub trait Changes: Send + Sync {
    /// The present mark. Keep it and compare: if the next differs, ask [`crate::Runs::versions`].
    fn mark(&self) -> Result<Mark, Error>;
}
