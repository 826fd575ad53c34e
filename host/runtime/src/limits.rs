//! Bounds that no manifest can move, and the bounds of one call.

use std::time::Duration;

use pintle_core::plugin::PluginLimits;

/// Bytes in a KiB and a MiB.
pub(crate) const KIB: usize = 1024;
/// See [`KIB`].
pub(crate) const MIB: usize = 1024 * KIB;

/// Largest component or module that is read at all.
pub const COMPONENT_BYTES: usize = 64 * MIB;
/// Bytes that one host call may copy out of a guest, and that a guest may return.
pub(crate) const HOSTCALL_BYTES: usize = 4 * MIB;
/// Largest list of bytes that the host hands into a guest.
pub(crate) const CHUNK_BYTES: usize = MIB;
/// Elements of one table.
pub(crate) const TABLE_ELEMENTS: usize = 20_000;
/// Core instances, memories and tables of one Store.
pub(crate) const INSTANCES: usize = 32;
/// See [`INSTANCES`].
pub(crate) const MEMORIES: usize = 4;
/// See [`INSTANCES`].
pub(crate) const TABLES: usize = 32;
/// Open handles of one Store.
pub(crate) const HANDLES: usize = 4096;
/// Depth of a guest's stack, in bytes.
pub(crate) const STACK_BYTES: usize = 512 * KIB;
/// The whole stack of a call: the guest's part and the host functions above it.
pub(crate) const ASYNC_STACK_BYTES: usize = 1280 * KIB;
/// Random bytes in one call.
pub(crate) const RANDOM_BYTES: u64 = MIB as u64;
/// Requests in one call, redirects included.
pub(crate) const REQUESTS: u64 = 1000;
/// Programs started in one call.
pub(crate) const PROGRAMS: u64 = 10_000;
/// Points that one call may add to metrics.
pub(crate) const METRIC_POINTS: u64 = 1000;
/// Blobs that one call may create.
pub(crate) const BLOBS: u64 = 64;
/// Bytes that one call may write to blobs.
pub(crate) const BLOB_BYTES: u64 = 4096 * MIB as u64;
/// Longest message that a guest's error may carry on.
pub(crate) const MESSAGE_BYTES: usize = 4 * KIB;
/// How often a pending action is asked again, at most.
pub(crate) const PENDING_FLOOR: Duration = Duration::from_millis(10);

const _: () = assert!(STACK_BYTES * 2 <= ASYNC_STACK_BYTES, "host functions need a stack of their own");
const _: () = assert!(CHUNK_BYTES < HOSTCALL_BYTES);

/// The bounds of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallLimits {
    /// Linear memory, bytes.
    pub(crate) memory: usize,
    /// CPU time of the guest.
    pub(crate) cpu: Duration,
    /// Wall time; none: only the step's deadline.
    pub(crate) wall: Option<Duration>,
    /// Bytes logged.
    pub(crate) log: u64,
    /// Bytes printed; none: no bound.
    pub(crate) output: Option<u64>,
}

impl From<PluginLimits> for CallLimits {
    fn from(limits: PluginLimits) -> Self {
        let some = |n: u32| (n > 0).then_some(n);
        Self {
            memory: limits.memory_mib as usize * MIB,
            cpu: Duration::from_millis(u64::from(limits.cpu_ms)),
            wall: some(limits.wall_ms).map(|ms| Duration::from_millis(u64::from(ms))),
            log: u64::from(limits.log_kib) * KIB as u64,
            output: some(limits.output_kib).map(|kib| u64::from(kib) * KIB as u64),
        }
    }
}
