//! What staging found out about components.

use pintle_core::ids::Digest;
use pintle_core::plugin::Staged;

use crate::BoxFuture;
use crate::error::Error;

/// Staged rows, by the digest of the component.
pub trait Plugins: Send + Sync {
    /// Keeps a row; one of the same digest is replaced.
    fn put_plugin<'a>(&'a self, staged: &'a Staged) -> BoxFuture<'a, Result<(), Error>>;
    /// The row of a component.
    fn plugin<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Option<Staged>, Error>>;
    /// All rows, by name, version and digest.
    fn plugins(&self) -> BoxFuture<'_, Result<Vec<Staged>, Error>>;
}
