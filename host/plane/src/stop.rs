//! How a step learns that it is to stop.

use crate::BoxFuture;

/// How urgently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Go on.
    #[default]
    None,
    /// Stop, with the time that the step was given to clean up (signal, grace, kill).
    Gracefully,
    /// Stop now (kill).
    AtOnce,
}

/// One step's stop signal. It only ever gets more urgent.
pub trait StopSignal: Send + Sync {
    /// As it stands.
    fn urgency(&self) -> Urgency;
    /// Resolves as soon as the urgency is at least `level`.
    fn reached(&self, level: Urgency) -> BoxFuture<'_, ()>;
}
