//! Numbers that only rise. Each is a type of its own, so that a fence is never compared with a version.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident, $int:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl $name {
            /// The next one. At the type's end it stays there, which 2^32 tries would take to reach.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// The bare number, for storing and printing.
            #[must_use]
            pub fn get(self) -> $int {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(
    /// One try of a step; counts from 1, and again from 1 in a new [`RunAttempt`].
    Attempt, u32
);
counter!(
    /// One try of a run: a finished run that is retried gets the next one.
    RunAttempt, u32
);
counter!(
    /// The claim of a step that a write stands on: +1 with every claim and with every loss, never reset.
    Fence, u64
);
counter!(
    /// One holder of an elected duty: +1 with every take-over.
    Term, u64
);
counter!(
    /// Length of a run's event log: an append names the version that it extends.
    Version, u64
);
counter!(
    /// One filling of a plugin slot: +1 with every swap and rollback, never reused.
    Generation, u64
);

impl Fence {
    /// Mints the fence of the next claim (or of a loss: nothing of the old claim is accepted in between).
    #[must_use]
    pub fn mint(self) -> Self {
        self.next()
    }

    /// Whether a write that carries `presented` may change what stands under `self`.
    #[must_use]
    pub fn accepts(self, presented: Self) -> bool {
        self == presented
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_a_fence_accepts_itself_alone() {
        let held = Fence(7);
        assert!(held.accepts(Fence(7)));
        assert!(!held.accepts(Fence(6)), "an old claim wrote");
        assert!(!held.mint().accepts(held), "the claim before the loss wrote");
    }
}
