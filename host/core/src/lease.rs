//! How long a claim is trusted without a word from its worker.
//!
//! A worker on a data directory of its own machine has no lease that runs out: its lease is the lock on its node file,
//! and a free lock proves the process dead (durability.md, SQLite). Workers elsewhere renew in time.

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::time::{Span, Timestamp};

/// What keeps a claim alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lease {
    /// The lock on the node's file, held for life.
    NodeLock,
    /// Renewals; over at this instant.
    Until(Timestamp),
}

/// Whether a claim still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its worker has it.
    Valid,
    /// Anyone may take over.
    Expired,
}

impl Lease {
    /// How the lease stands. An expiry further ahead than any lease lasts counts as expired: the store's clock was set
    /// back (I-9).
    #[must_use]
    pub fn standing(self, node_alive: bool, at: Timestamp) -> Standing {
        let valid = match self {
            Self::NodeLock => node_alive,
            Self::Until(expiry) => at < expiry && expiry <= at.plus(limits::LEASE),
        };
        if valid { Standing::Valid } else { Standing::Expired }
    }

    /// Until when the worker itself may trust a lease that it asked for at `sent` on its own clock.
    #[must_use]
    pub fn trusted_until(sent: Timestamp) -> Timestamp {
        sent.plus(Span(limits::LEASE.as_millis() - limits::LEASE_MARGIN.as_millis()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_an_expiry_too_far_ahead_is_expired() {
        let at = Timestamp::from_millis(1_000_000);
        let table = [
            (Lease::NodeLock, true, Standing::Valid),
            (Lease::NodeLock, false, Standing::Expired),
            (Lease::Until(at.plus(Span(1))), false, Standing::Valid),
            (Lease::Until(at), true, Standing::Expired),
            (Lease::Until(at.plus(limits::LEASE)), false, Standing::Valid),
            (Lease::Until(at.plus(limits::LEASE).plus(Span(1))), false, Standing::Expired),
        ];
        for (lease, alive, standing) in table {
            assert_eq!(lease.standing(alive, at), standing, "{lease:?}");
        }
    }
}
