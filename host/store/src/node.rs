//! Which processes live.

use pintle_core::ids::NodeId;

use crate::BoxFuture;
use crate::error::Error;

/// Processes on this store. A node's life is proved by a lock that it holds, so its death is known at once.
pub trait Nodes: Send + Sync {
    /// Declares this process alive under an id, until the store is dropped or the process ends in whatever way.
    /// `false`: another process lives under that id.
    fn register<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<bool, Error>>;
    /// Whether the process of that id lives.
    fn is_alive<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<bool, Error>>;
    /// Dead nodes that still own runs which are not over.
    fn dead_with_open_runs(&self) -> BoxFuture<'_, Result<Vec<NodeId>, Error>>;
}
