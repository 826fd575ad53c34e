//! What can go wrong outside of a single step.

use std::io;
use std::path::PathBuf;

use pintle_core::ids::WorkerId;

/// Why a worker, or one of its guards, cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory of claim files cannot be used.
    #[error("the directory `{path}` cannot be used for claim files; make it writable by this user")]
    ClaimsDir {
        /// Which.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// A claim file cannot be read or removed.
    #[error(
        "the claim file `{path}` cannot be read or removed, so what its claim left running is not known; make the file \
         readable and writable by this user, or remove it when nothing of the claim runs any more"
    )]
    ClaimFile {
        /// Which.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// A claim's name would not name a file.
    #[error("`{0}` is not a claim: it must be a file name without slashes and control characters")]
    BadClaim(String),
    /// Something survived SIGKILL: it hangs in the kernel, or belongs to another user.
    #[error(
        "{left} process(es) of claim `{claim}` are still there after SIGKILL; end them (`ps -e`, {pids:?}) and try again"
    )]
    Unkillable {
        /// Whose.
        claim: String,
        /// How many.
        left: usize,
        /// Which.
        pids: Vec<i32>,
    },
    /// The processes of this machine cannot be seen.
    #[error("`/proc` cannot be read, so what an old claim left running cannot be found; mount it")]
    Proc(#[source] io::Error),
    /// Another process took this worker's place.
    #[error("worker {0} was taken over by a newer process of the same id; this one stopped its steps")]
    Replaced(WorkerId),
    /// The coordinator did not come back while this worker was draining.
    #[error(
        "{count} result(s) could not be reported before the worker had to end: {reason}; their steps count as lost, and \
         `pintle retry RUN` runs them again"
    )]
    Unreported {
        /// How many.
        count: usize,
        /// The last answer.
        reason: String,
    },
}
