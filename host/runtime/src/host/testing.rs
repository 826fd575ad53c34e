//! A call's state without a guest, for tests of host functions.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pintle_core::ids::TenantId;
use pintle_plane::BoxFuture;
use pintle_plane::output::Sink;
use pintle_plane::process::{ProcessError, ProcessExit, ProcessSpec, Processes};
use pintle_plane::stop::StopSignal;

use crate::call::record::Record;
use crate::call::state::{CallParts, CallState, Identity};
use crate::grants::Grants;
use crate::limits::CallLimits;
use crate::plugin::{NoSink, NoStop};
use crate::services::{Kv, KvCondition, KvEntry, KvError, KvScope, Services};

/// Ends every program at once and says which it was.
struct Echo;

impl Processes for Echo {
    fn run<'a>(
        &'a self,
        spec: ProcessSpec,
        _: Arc<dyn Sink>,
        _: Arc<dyn StopSignal>,
    ) -> BoxFuture<'a, Result<ProcessExit, ProcessError>> {
        let stdout = spec.program.into_bytes();
        Box::pin(async move { Ok(ProcessExit { code: Some(0), stdout, ..ProcessExit::default() }) })
    }
}

/// Keys in memory.
#[derive(Default)]
struct MemoryKv(std::sync::Mutex<std::collections::BTreeMap<(String, String), KvEntry>>);

impl MemoryKv {
    fn change<T>(
        &self,
        scope: &KvScope,
        key: &str,
        only_if: KvCondition,
        change: impl FnOnce(Option<KvEntry>) -> (Option<KvEntry>, T),
    ) -> Result<T, KvError> {
        let mut keys = self.0.lock().unwrap();
        let place = (scope.tenant.to_string() + "/" + &scope.binding, key.to_owned());
        let old = keys.get(&place).cloned();
        let holds = match only_if {
            KvCondition::Always => true,
            KvCondition::Absent => old.is_none(),
            KvCondition::Version(version) => old.as_ref().is_some_and(|old| old.version == version),
        };
        if !holds {
            return Err(KvError::Stale);
        }
        let (new, answer) = change(old);
        match new {
            Some(new) => keys.insert(place, new),
            None => keys.remove(&place),
        };
        Ok(answer)
    }
}

impl Kv for MemoryKv {
    fn get<'a>(&'a self, scope: &'a KvScope, key: &'a str) -> BoxFuture<'a, Result<Option<KvEntry>, KvError>> {
        Box::pin(async move { self.change(scope, key, KvCondition::Always, |old| (old.clone(), old)) })
    }

    fn put<'a>(
        &'a self,
        scope: &'a KvScope,
        key: &'a str,
        value: Vec<u8>,
        only_if: KvCondition,
        _: Option<u32>,
    ) -> BoxFuture<'a, Result<u64, KvError>> {
        Box::pin(async move {
            self.change(scope, key, only_if, |old| {
                let version = old.map_or(1, |old| old.version + 1);
                (Some(KvEntry { value, version }), version)
            })
        })
    }

    fn remove<'a>(
        &'a self,
        scope: &'a KvScope,
        key: &'a str,
        only_if: KvCondition,
    ) -> BoxFuture<'a, Result<(), KvError>> {
        Box::pin(async move { self.change(scope, key, only_if, |_| (None, ())) })
    }

    fn list<'a>(
        &'a self,
        scope: &'a KvScope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        Box::pin(async move {
            let owner = scope.tenant.to_string() + "/" + &scope.binding;
            let keys = self.0.lock().unwrap();
            let own = keys.keys().filter(|(whose, _)| *whose == owner).map(|(_, key)| key);
            let fits = |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
            Ok(own.filter(fits).take(limit).cloned().collect())
        })
    }
}

/// The state of a call of `acme 1.4.0` that works in `dir`.
pub(crate) fn state(dir: &Path, grants: Grants, dry_run: bool) -> CallState {
    let who = Identity {
        plugin: "acme".to_owned(),
        version: "1.4.0".to_owned(),
        tenant: TenantId::default_tenant(),
        step: "run/step".to_owned(),
        claim: "claim".to_owned(),
        working_dir: dir.to_path_buf(),
        dry_run,
    };
    let services = Services::new(Arc::new(Echo), Some(Arc::new(MemoryKv::default())), dir.join("blobs"));
    CallState::new(CallParts {
        who: Arc::new(who),
        grants: Arc::new(grants),
        services: Arc::new(services),
        config: "{}".into(),
        record: Arc::new(Record::new(None, Arc::new(NoStop))),
        limits: CallLimits { memory: 0, cpu: Duration::ZERO, wall: None, log: 1024, output: None },
        sink: Arc::new(NoSink),
    })
}
