//! Payloads too large for a row, by their SHA-256.

use pintle_core::ids::Digest;

use crate::BoxFuture;
use crate::error::Error;

/// Immutable bytes by digest. Once `put_blob` answered they are as durable as a commit of the store.
pub trait Blobs: Send + Sync {
    /// Keeps bytes; the same bytes are kept once.
    fn put_blob(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, Error>>;
    /// At most `limit` bytes (and 1 MiB) from `offset`; none: there is no such blob.
    fn read_blob<'a>(
        &'a self,
        digest: &'a Digest,
        offset: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, Error>>;
    /// How long a blob is; none: there is no such blob.
    fn blob_size<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Option<u64>, Error>>;
}
