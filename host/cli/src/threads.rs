//! The threads that a command runs on.

use anyhow::Context as _;

/// For what decides: the coordinator and the worker's desk have a thread of their own, so that a terminal which does not
/// read holds up what is shown and not what is done. Steps run on the guests' threads.
pub(crate) fn threads() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("pintle")
        .enable_all()
        .build()
        .context("no threads can be started: see `ulimit -u` and the machine's memory")
}

/// For what only reads and writes the store.
pub(crate) fn one_thread() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started: see `ulimit -n` and the machine's memory")
}
