//! Waiting for the end of a process that is pinned by a pidfd.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A pidfd in the runtime's poll set: readable when its process has ended.
#[derive(Debug)]
pub(super) struct PidFd(AsyncFd<OwnedFd>);

impl PidFd {
    /// Needs a runtime with I/O.
    pub(super) fn new(pidfd: OwnedFd) -> io::Result<Self> {
        #[expect(
            deprecated,
            reason = "unsound only for types whose descriptor may change or close; an OwnedFd's cannot, and the replacement is unsafe for all types alike"
        )]
        AsyncFd::with_interest(pidfd, Interest::READABLE).map(Self)
    }

    /// Resolves when the process has ended. An error of the poll set counts as the end: whoever waits looks again.
    pub(super) async fn ended(&self) {
        drop(self.0.readable().await);
    }
}
