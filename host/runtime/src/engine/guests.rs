//! The threads on which guests run: a runtime of their own, so that a guest never holds up the caller's reactor.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// Made with the first call.
pub(crate) struct GuestThreads {
    threads: usize,
    runtime: OnceLock<Runtime>,
    starting: Mutex<()>,
}

impl GuestThreads {
    /// `threads` of them, once the first guest runs.
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads: threads.max(1), runtime: OnceLock::new(), starting: Mutex::new(()) }
    }

    /// The runtime's handle; starts its threads if this is the first call.
    pub(crate) fn handle(&self) -> io::Result<&Handle> {
        if self.runtime.get().is_none() {
            let _one = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
            if self.runtime.get().is_none() {
                let runtime = Builder::new_multi_thread()
                    .worker_threads(self.threads)
                    .max_blocking_threads(64)
                    .thread_name("pintle-guest")
                    .enable_all()
                    .build()?;
                return Ok(self.runtime.get_or_init(|| runtime).handle());
            }
        }
        self.runtime.get().map(Runtime::handle).ok_or_else(|| io::Error::other("no guest threads"))
    }
}

impl Drop for GuestThreads {
    fn drop(&mut self) {
        // A runtime must not be dropped, which waits, where the caller is itself inside one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
