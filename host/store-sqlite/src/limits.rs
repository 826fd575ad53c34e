//! Bounds.

use std::time::Duration;

/// A net under the write lock: SQLite's own locks are free whenever ours is held, but for a recovery or a truncation.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
