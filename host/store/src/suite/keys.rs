//! What keys and staged rows promise.

use pintle_core::counter::{Fence, Version};
use pintle_core::ids::{Digest, TenantId};
use pintle_core::plan::StepIndex;
use pintle_core::plugin::{PluginLimits, Staged};
use pintle_core::time::Span;

use super::cases;
use super::make::{claimed, commit, ended, id, submission};
use crate::{Condition, Guard, KvError, Scope};

fn scope(binding: &str) -> Scope {
    Scope { tenant: TenantId::default_tenant(), binding: binding.to_owned() }
}

fn staged(byte: u8, name: &str, version: &str) -> Staged {
    Staged {
        digest: Digest::from_bytes([byte; 32]),
        name: name.to_owned(),
        version: version.to_owned(),
        kind: "executor".to_owned(),
        summary: "does something".to_owned(),
        imports: vec!["pintle:host/http@0.1.0".to_owned()],
        wants: Vec::new(),
        limits: PluginLimits { memory_mib: 64, cpu_ms: 100, wall_ms: 0, log_kib: 64, output_kib: 0 },
        config_schema: "{}".to_owned(),
        actions: Vec::new(),
    }
}

cases! {
    /// A version names one value for ever: what was removed and came back has another.
    async fn keys_have_versions_that_never_come_back(store) {
        let scope = scope("dns");
        assert_eq!(store.kv_get(&scope, "k").await.unwrap(), None);
        let first = store.kv_put(&scope, "k", b"one".to_vec(), Condition::Always, None, None).await.unwrap();
        let second = store.kv_put(&scope, "k", b"two".to_vec(), Condition::Always, None, None).await.unwrap();
        assert!(second > first);
        let entry = store.kv_get(&scope, "k").await.unwrap().unwrap();
        assert_eq!((entry.value, entry.version), (b"two".to_vec(), second));
        store.kv_remove(&scope, "k", Condition::Always, None).await.unwrap();
        assert_eq!(store.kv_get(&scope, "k").await.unwrap(), None);
        store.kv_remove(&scope, "k", Condition::Always, None).await.unwrap();
        let third = store.kv_put(&scope, "k", Vec::new(), Condition::Always, None, None).await.unwrap();
        assert!(third > second);
    }

    /// Compare and set, both ways.
    async fn conditions_of_a_write_hold_or_nothing_happens(store) {
        let scope = scope("dns");
        let put = async |value: &str, only_if| {
            store.kv_put(&scope, "k", value.as_bytes().to_vec(), only_if, None, None).await
        };
        let nothing = put("a", Condition::Version(1)).await;
        assert!(matches!(nothing, Err(KvError::Stale { held: None })), "{nothing:?}");
        assert_eq!(nothing.unwrap_err().to_string(), "stale: the key is absent");
        let first = put("a", Condition::Absent).await.unwrap();
        let taken = put("b", Condition::Absent).await;
        assert!(matches!(taken, Err(KvError::Stale { held: Some(held) }) if held == first), "{taken:?}");
        assert_eq!(taken.unwrap_err().to_string(), format!("stale: the key is at version {first}"));
        let second = put("b", Condition::Version(first)).await.unwrap();
        assert!(put("c", Condition::Version(first)).await.is_err());
        let remove = store.kv_remove(&scope, "k", Condition::Version(first), None).await;
        assert!(matches!(remove, Err(KvError::Stale { held: Some(held) }) if held == second), "{remove:?}");
        assert_eq!(store.kv_get(&scope, "k").await.unwrap().unwrap().value, b"b");
        store.kv_remove(&scope, "k", Condition::Version(second), None).await.unwrap();
        assert_eq!(store.kv_get(&scope, "k").await.unwrap(), None);
    }

    /// What has expired is absent for reads, conditions and lists alike.
    async fn keys_expire(store) {
        let scope = scope("dns");
        let ttl = Some(Span(30));
        store.kv_put(&scope, "short", b"x".to_vec(), Condition::Always, ttl, None).await.unwrap();
        store.kv_put(&scope, "long", b"x".to_vec(), Condition::Always, Some(Span::from_secs(60)), None).await.unwrap();
        let end = store.now().plus(Span(30));
        while store.now() <= end {
            std::thread::yield_now();
        }
        assert_eq!(store.kv_get(&scope, "short").await.unwrap(), None);
        assert_eq!(store.kv_keys(&scope, "", None, 10).await.unwrap(), ["long"]);
        store.kv_put(&scope, "short", b"y".to_vec(), Condition::Absent, None, None).await.unwrap();
        assert_eq!(store.kv_get(&scope, "short").await.unwrap().unwrap().value, b"y");
    }

    /// In byte order, page by page; one binding never sees another's.
    async fn keys_are_listed_in_order_and_by_scope(store) {
        let (mine, theirs) = (scope("mine"), scope("theirs"));
        for key in ["zone/b", "zone/a", "zone", "zonk", "zone/é", "zone/c"] {
            store.kv_put(&mine, key, Vec::new(), Condition::Always, None, None).await.unwrap();
        }
        store.kv_put(&theirs, "zone/x", Vec::new(), Condition::Always, None, None).await.unwrap();
        assert_eq!(store.kv_keys(&mine, "zone/", None, 2).await.unwrap(), ["zone/a", "zone/b"]);
        assert_eq!(store.kv_keys(&mine, "zone/", Some("zone/b"), 9).await.unwrap(), ["zone/c", "zone/é"]);
        assert_eq!(store.kv_keys(&mine, "", None, 9).await.unwrap().len(), 6);
        assert_eq!(store.kv_keys(&theirs, "", None, 9).await.unwrap(), ["zone/x"]);
        assert_eq!(store.kv_get(&theirs, "zone/a").await.unwrap(), None);
    }

    /// A plugin that was called under a claim writes under it.
    async fn i5_a_write_of_a_claim_that_is_gone_is_refused(store) {
        let (run, scope) = (id("r1"), scope("dns"));
        let claim = |fence| Guard { run: run.clone(), step: StepIndex(0), fence: Fence(fence) };
        let put = async |fence| {
            let guard = claim(fence);
            store.kv_put(&scope, "k", b"x".to_vec(), Condition::Always, None, Some(&guard)).await
        };
        commit(store, submission(&run, "etl", 10)).await.unwrap();
        commit(store, claimed(&run, Version(3), Fence(1))).await.unwrap();
        put(1).await.unwrap();
        commit(store, claimed(&run, Version(4), Fence(3))).await.unwrap();
        let gone = put(1).await;
        assert!(matches!(gone, Err(KvError::ClaimGone)), "{gone:?}");
        assert_eq!(gone.unwrap_err().to_string(), "the claim of this call is gone: a later one holds the step");
        assert!(matches!(store.kv_remove(&scope, "k", Condition::Always, Some(&claim(1))).await, Err(KvError::ClaimGone)));
        put(3).await.unwrap();
        commit(store, ended(&run, Version(5), Fence(3))).await.unwrap();
        assert!(matches!(put(3).await, Err(KvError::ClaimGone)), "the step is over");
    }

    /// By digest.
    async fn staged_rows_are_kept_and_replaced(store) {
        let (b, a) = (staged(1, "b", "1.0.0"), staged(2, "a", "1.0.0"));
        store.put_plugin(&b).await.unwrap();
        store.put_plugin(&a).await.unwrap();
        let again = staged(1, "b", "1.0.1");
        store.put_plugin(&again).await.unwrap();
        assert_eq!(store.plugin(&again.digest).await.unwrap(), Some(again.clone()));
        assert_eq!(store.plugin(&Digest::from_bytes([9; 32])).await.unwrap(), None);
        assert_eq!(store.plugins().await.unwrap(), [a, again]);
    }
}
