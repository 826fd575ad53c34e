//! `pintle:host/kv`: keys of this plugin and tenant, below the grant's prefix.

use std::sync::Arc;

use crate::bindings::host::kv as wit;
use crate::bindings::{GuestError, GuestFault, PageRequest, guest_error};
use crate::call::state::CallState;
use crate::grants::KvGrant;
use crate::limits::CHUNK_BYTES;
use crate::services::{Kv, KvCondition, KvError, KvScope};

type Answer<T> = wasmtime::Result<Result<T, GuestError>>;

/// Longest key.
const KEY_BYTES: usize = 512;
/// Keys of one page.
const PAGE: u32 = 1000;

/// The store, the grant and the names of one call.
struct Access {
    kv: Arc<dyn Kv>,
    grant: KvGrant,
    scope: KvScope,
}

impl CallState {
    fn kv(&self) -> Result<Access, GuestError> {
        match (&self.grants.kv, &self.services.kv) {
            (Some(grant), Some(kv)) => Ok(Access {
                kv: Arc::clone(kv),
                grant: grant.clone(),
                scope: KvScope {
                    tenant: self.who.tenant.clone(),
                    binding: self.who.plugin.clone(),
                    claim: self.who.claim.clone(),
                },
            }),
            (None, _) => Err(self.deny("kv", &self.grant_line("--kv"))),
            (Some(_), None) => Err(guest_error(GuestFault::Unsupported, "this host keeps no key-value state")),
        }
    }
}

impl Access {
    fn key(&self, key: &str) -> Result<String, GuestError> {
        if key.is_empty() || key.len() > KEY_BYTES || key.contains('\0') {
            let message = format!("a key has 1 to {KEY_BYTES} bytes and no NUL");
            return Err(guest_error(GuestFault::Invalid, message));
        }
        Ok(format!("{}{key}", self.grant.prefix))
    }

    async fn get(&self, key: &str) -> Result<Option<wit::Entry>, GuestError> {
        let entry = self.kv.get(&self.scope, &self.key(key)?).await.map_err(told)?;
        Ok(entry.map(|entry| wit::Entry { value: entry.value, version: entry.version }))
    }

    async fn put(&self, key: &str, value: Vec<u8>, only_if: KvCondition, ttl: Option<u32>) -> Result<u64, GuestError> {
        if value.len() > CHUNK_BYTES || (key.len() + value.len()) as u64 > self.grant.bytes {
            let (size, limit) = (key.len() + value.len(), self.grant.bytes.min(CHUNK_BYTES as u64));
            let message =
                format!("the value of `{key}` is larger than the grant allows: {size} bytes with its key, not {limit}");
            return Err(guest_error(GuestFault::Exhausted, message));
        }
        self.kv.put(&self.scope, &self.key(key)?, value, only_if, ttl).await.map_err(told)
    }

    async fn remove(&self, key: &str, only_if: KvCondition) -> Result<(), GuestError> {
        self.kv.remove(&self.scope, &self.key(key)?, only_if).await.map_err(told)
    }

    async fn list(&self, prefix: String, page: PageRequest) -> Result<wit::KeyPage, GuestError> {
        let limit = page.limit.clamp(1, PAGE) as usize;
        let own = &self.grant.prefix;
        let after = page.cursor.map(|cursor| format!("{own}{cursor}"));
        let prefix = format!("{own}{prefix}");
        let found = self.kv.list(&self.scope, &prefix, after.as_deref(), limit).await.map_err(told)?;
        let more = found.len() >= limit;
        let keys: Vec<String> =
            found.into_iter().filter_map(|key| key.strip_prefix(own.as_str()).map(str::to_owned)).collect();
        let next = keys.last().filter(|_| more).cloned();
        Ok(wit::KeyPage { keys, next })
    }
}

fn told(error: KvError) -> GuestError {
    let fault = match error {
        KvError::Stale => GuestFault::Stale,
        KvError::Fenced => GuestFault::Fenced,
        KvError::Unavailable(_) => GuestFault::Unavailable,
    };
    guest_error(fault, error.to_string())
}

fn condition(only_if: wit::Condition) -> KvCondition {
    match only_if {
        wit::Condition::Always => KvCondition::Always,
        wit::Condition::Absent => KvCondition::Absent,
        wit::Condition::Version(version) => KvCondition::Version(version),
    }
}

impl wit::Host for CallState {
    async fn get(&mut self, key: String) -> Answer<Option<wit::Entry>> {
        let access = match self.kv() {
            Ok(access) => access,
            Err(error) => return Ok(Err(error)),
        };
        Ok(access.get(&key).await)
    }

    async fn put(&mut self, key: String, value: Vec<u8>, only_if: wit::Condition, ttl: Option<u32>) -> Answer<u64> {
        let access = match self.refuse_dry_run("a write").and_then(|()| self.kv()) {
            Ok(access) => access,
            Err(error) => return Ok(Err(error)),
        };
        Ok(access.put(&key, value, condition(only_if), ttl).await)
    }

    async fn remove(&mut self, key: String, only_if: wit::Condition) -> Answer<()> {
        let access = match self.refuse_dry_run("a removal").and_then(|()| self.kv()) {
            Ok(access) => access,
            Err(error) => return Ok(Err(error)),
        };
        Ok(access.remove(&key, condition(only_if)).await)
    }

    async fn list_keys(&mut self, prefix: String, page: PageRequest) -> Answer<wit::KeyPage> {
        let access = match self.kv() {
            Ok(access) => access,
            Err(error) => return Ok(Err(error)),
        };
        Ok(access.list(prefix, page).await)
    }
}
