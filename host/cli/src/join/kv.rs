//! The store's keys and values, as plugins see them: two sets of words for the same promises.

use pintle_core::counter::Fence;
use pintle_core::ids::RunId;
use pintle_core::plan::StepIndex;
use pintle_core::time::Span;
use pintle_plane::BoxFuture;
use pintle_runtime::{Kv, KvCondition, KvEntry, KvError, KvScope};
use pintle_store::Kv as _;
use pintle_store::kv::{Condition, Guard, KvError as StoreError, Scope};
use pintle_store_sqlite::Sqlite;

/// A store, as plugins see it.
pub(super) struct StoreKv {
    store: Sqlite,
}

impl StoreKv {
    pub(super) fn new(store: Sqlite) -> Self {
        Self { store }
    }
}

impl Kv for StoreKv {
    fn get<'a>(&'a self, scope: &'a KvScope, key: &'a str) -> BoxFuture<'a, Result<Option<KvEntry>, KvError>> {
        Box::pin(async move {
            let entry = self.store.kv_get(&scope_of(scope), key).await.map_err(unavailable)?;
            Ok(entry.map(|entry| KvEntry { value: entry.value, version: entry.version }))
        })
    }

    fn put<'a>(
        &'a self,
        scope: &'a KvScope,
        key: &'a str,
        value: Vec<u8>,
        only_if: KvCondition,
        ttl_ms: Option<u32>,
    ) -> BoxFuture<'a, Result<u64, KvError>> {
        Box::pin(async move {
            let (ttl, guard) = (ttl_ms.map(|ms| Span(u64::from(ms))), guard_of(&scope.claim));
            let put = self.store.kv_put(&scope_of(scope), key, value, condition(only_if), ttl, guard.as_ref()).await;
            put.map_err(refused)
        })
    }

    fn remove<'a>(
        &'a self,
        scope: &'a KvScope,
        key: &'a str,
        only_if: KvCondition,
    ) -> BoxFuture<'a, Result<(), KvError>> {
        Box::pin(async move {
            let guard = guard_of(&scope.claim);
            self.store.kv_remove(&scope_of(scope), key, condition(only_if), guard.as_ref()).await.map_err(refused)
        })
    }

    fn list<'a>(
        &'a self,
        scope: &'a KvScope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        Box::pin(async move { self.store.kv_keys(&scope_of(scope), prefix, after, limit).await.map_err(unavailable) })
    }
}

fn scope_of(scope: &KvScope) -> Scope {
    Scope { tenant: scope.tenant.clone(), binding: scope.binding.clone() }
}

/// `<run>-<step>-<fence>`; a run id may hold dashes itself.
fn guard_of(claim: &str) -> Option<Guard> {
    let mut parts = claim.rsplitn(3, '-');
    let (fence, step, run) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Guard { run: RunId::new(run).ok()?, step: StepIndex(step.parse().ok()?), fence: Fence(fence.parse().ok()?) })
}

fn condition(only_if: KvCondition) -> Condition {
    match only_if {
        KvCondition::Always => Condition::Always,
        KvCondition::Absent => Condition::Absent,
        KvCondition::Version(version) => Condition::Version(version),
    }
}

fn unavailable(error: pintle_store::Error) -> KvError {
    KvError::Unavailable(error.to_string())
}

fn refused(error: StoreError) -> KvError {
    match error {
        StoreError::Stale { .. } => KvError::Stale,
        StoreError::ClaimGone => KvError::Fenced,
        StoreError::Store(error) => unavailable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_read_back_from_its_name() {
        let guard = guard_of("0193a7c0-4d2e-7000-8000-000000000001-12-7");
        let read = guard.map(|guard| (guard.run.to_string(), guard.step, guard.fence));
        assert_eq!(read, Some(("0193a7c0-4d2e-7000-8000-000000000001".to_owned(), StepIndex(12), Fence(7))));
        assert_eq!(guard_of("nothing"), None);
        assert_eq!(guard_of("run-x-1"), None);
    }
}
