//! What host interfaces stand on: given once, shared by all calls.

use std::path::PathBuf;
use std::sync::Arc;

use pintle_core::ids::TenantId;
use pintle_plane::BoxFuture;
use pintle_plane::process::Processes;

use crate::blobs::BlobStore;
use crate::http::client::HttpClients;

/// The parts behind the host interfaces.
pub(crate) struct Services {
    pub(crate) processes: Arc<dyn Processes>,
    pub(crate) kv: Option<Arc<dyn Kv>>,
    pub(crate) http: HttpClients,
    pub(crate) blobs: BlobStore,
}

impl Services {
    /// Blobs live below `blobs`.
    pub(crate) fn new(processes: Arc<dyn Processes>, kv: Option<Arc<dyn Kv>>, blobs: PathBuf) -> Self {
        Self { processes, kv, http: HttpClients::default(), blobs: BlobStore::new(blobs) }
    }
}

/// A value with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvEntry {
    /// The bytes.
    pub value: Vec<u8>,
    /// Rises with each change of the key.
    pub version: u64,
}

/// What must hold for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvCondition {
    /// Nothing.
    Always,
    /// The key has no value.
    Absent,
    /// The key has this version.
    Version(u64),
}

/// Why a key-value call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// The condition does not hold; nothing was changed.
    #[error("the condition does not hold; read again")]
    Stale,
    /// The claim of the call is gone.
    #[error("a newer claim has taken over")]
    Fenced,
    /// The store does not answer.
    #[error("the store cannot answer: {0}")]
    Unavailable(String),
}

/// Whose keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvScope {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Of which plugin or binding.
    pub binding: String,
    /// On behalf of which claim: a write of a claim that is gone is [`KvError::Fenced`].
    pub claim: String,
}

/// Durable key-value state of plugins.
pub trait Kv: Send + Sync {
    /// The entry of a key.
    fn get<'a>(&'a self, scope: &'a KvScope, key: &'a str) -> BoxFuture<'a, Result<Option<KvEntry>, KvError>>;
    /// Writes a value and answers its version; it goes away after `ttl_ms`.
    fn put<'a>(
        &'a self,
        scope: &'a KvScope,
        key: &'a str,
        value: Vec<u8>,
        only_if: KvCondition,
        ttl_ms: Option<u32>,
    ) -> BoxFuture<'a, Result<u64, KvError>>;
    /// Removes a key.
    fn remove<'a>(
        &'a self,
        scope: &'a KvScope,
        key: &'a str,
        only_if: KvCondition,
    ) -> BoxFuture<'a, Result<(), KvError>>;
    /// Keys that begin with `prefix`, in order, after `after`, at most `limit`.
    fn list<'a>(
        &'a self,
        scope: &'a KvScope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>>;
}
