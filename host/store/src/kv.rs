//! Durable state of plugins: `pintle:host/kv`.

use pintle_core::counter::Fence;
use pintle_core::ids::{RunId, TenantId};
use pintle_core::plan::StepIndex;
use pintle_core::time::Span;

use crate::BoxFuture;
use crate::error::Error;

/// Whose keys: one binding of one tenant never sees another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The tenant.
    pub tenant: TenantId,
    /// The binding.
    pub binding: String,
}

/// A value and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// Of this value. Never used again in the store, also after the key was removed and came back.
    pub version: u64,
}

/// When a write goes ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Whatever stands.
    Always,
    /// If the key has no value.
    Absent,
    /// If the value has this version.
    Version(u64),
}

/// The claim that a write stands on, compared in the transaction that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepIndex,
    /// Its claim.
    pub fence: Fence,
}

/// Why a write was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KvError {
    /// The condition does not hold.
    #[error("stale: the key is {}", match held { Some(version) => format!("at version {version}"), None => "absent".to_owned() })]
    Stale {
        /// What stands; none: nothing.
        held: Option<u64>,
    },
    /// The claim under which the plugin was called is gone.
    #[error("the claim of this call is gone: a later one holds the step")]
    ClaimGone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Keys and values of plugins.
pub trait Kv: Send + Sync {
    /// The value of a key, unless it expired.
    fn kv_get<'a>(&'a self, scope: &'a Scope, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>>;
    /// Sets a key and returns the new version; after `ttl` it is gone.
    fn kv_put<'a>(
        &'a self,
        scope: &'a Scope,
        key: &'a str,
        value: Vec<u8>,
        only_if: Condition,
        ttl: Option<Span>,
        under: Option<&'a Guard>,
    ) -> BoxFuture<'a, Result<u64, KvError>>;
    /// Removes a key; removing what is not there succeeds with [`Condition::Always`] and [`Condition::Absent`].
    fn kv_remove<'a>(
        &'a self,
        scope: &'a Scope,
        key: &'a str,
        only_if: Condition,
        under: Option<&'a Guard>,
    ) -> BoxFuture<'a, Result<(), KvError>>;
    /// Keys that begin with `prefix` and come after `after`, in byte order, at most `limit`.
    fn kv_keys<'a>(
        &'a self,
        scope: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, Error>>;
}
