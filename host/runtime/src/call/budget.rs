//! What of a call is counted, and how much of it there is.

use crate::limits::{METRIC_POINTS, PROGRAMS, RANDOM_BYTES, REQUESTS};

/// A count that has an end.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
    limit: u64,
}

impl Budget {
    /// Of `limit`.
    pub(crate) fn new(limit: u64) -> Self {
        Self { left: limit, limit }
    }

    /// Takes `n`, or says what the limit was.
    pub(crate) fn take(&mut self, n: u64) -> Result<(), u64> {
        self.left = self.left.checked_sub(n).ok_or(self.limit)?;
        Ok(())
    }
}

/// The counted things of one call.
#[derive(Debug)]
pub(crate) struct Budgets {
    pub(crate) random: Budget,
    pub(crate) requests: Budget,
    pub(crate) programs: Budget,
    pub(crate) metrics: Budget,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            random: Budget::new(RANDOM_BYTES),
            requests: Budget::new(REQUESTS),
            programs: Budget::new(PROGRAMS),
            metrics: Budget::new(METRIC_POINTS),
        }
    }
}
