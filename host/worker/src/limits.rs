//! Every bound of this crate, and how the bounds relate (I-10).

use std::time::Duration;

/// How much of the end of standard error comes back with an exit.
pub(crate) const STDERR_TAIL: usize = 4 * 1024;

/// Read from a pipe at a time.
pub(crate) const READ_CHUNK: usize = 32 * 1024;

/// How long output may still come after the program has ended, before it is asked who holds the pipe.
pub(crate) const LINGER: Duration = Duration::from_millis(250);
/// Who held a step's output to its end has this long to be gone before it is taken for a leftover.
pub(crate) const LEAVING: Duration = Duration::from_millis(200);

/// A program that lives longer than this is worth a reaper. Most do not: they are never worth its start.
pub(crate) const REAPER_AFTER: Duration = Duration::from_millis(25);

/// How long the reaper, or a recovery, goes on killing before it says that something cannot be killed.
pub(crate) const EXTERMINATE_WITHIN: Duration = Duration::from_secs(5);

/// The environment of a process is searched for its claim this far; the kernel refuses larger single strings anyway.
pub(crate) const ENVIRONMENT: u64 = 4 * 1024 * 1024;

/// A claim file is short: one line per program of one claim.
pub(crate) const CLAIM_FILE: u64 = 1024 * 1024;

/// Files of claims that are kept for the next ones: as many as programs begin and end at the same time, as a rule.
pub(crate) const SPARE_CLAIM_FILES: usize = 64;

/// A program file that was just written may be "busy" for as long as another thread's child takes to exec.
pub(crate) const BUSY_RETRIES: u32 = 6;

/// Log bytes go to the coordinator when there are this many, ...
pub(crate) const LOG_CHUNK: usize = 32 * 1024;

/// ... or when the first of them is this old.
pub(crate) const LOG_DELAY: Duration = Duration::from_millis(100);

/// A step that prints faster than its log can be stored is held up when this much waits, ...
pub(crate) const LOG_BUFFER: usize = 1024 * 1024;

/// ... and loses bytes, which is said in the log, when nothing could be stored for this long.
pub(crate) const LOG_PATIENCE: Duration = Duration::from_secs(5);

/// First wait after the coordinator did not answer; doubles up to [`BACKOFF_MAX`].
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(20);

/// Longest wait between two tries to reach the coordinator.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// What is usual for [`Options::patience`](crate::Options::patience).
pub const DRAIN_PATIENCE: Duration = Duration::from_secs(30);

/// What a probe may print before it is cut.
pub(crate) const PROBE_OUTPUT: usize = 64 * 1024;

const _: () = {
    assert!(READ_CHUNK <= LOG_BUFFER, "one read must fit into an empty log buffer");
    assert!(LOG_CHUNK <= LOG_BUFFER);
    assert!(LOG_DELAY.as_millis() < LOG_PATIENCE.as_millis());
    assert!(REAPER_AFTER.as_millis() < LINGER.as_millis());
    assert!(BACKOFF_MIN.as_millis() < BACKOFF_MAX.as_millis());
};
