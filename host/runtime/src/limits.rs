//! Bounds that no manifest can move, and the bounds of one call. Each has a test in which it bites.
//!
//! | bound | test |
//! |---|---|
//! | [`COMPONENT_BYTES`] | limits: `a_component_that_is_too_large_is_not_even_read` |
//! | [`HOSTCALL_BYTES`] | hostile: `a_huge_print_or_result_does_not_pass` |
//! | [`CHUNK_BYTES`] | own: `no_list_of_bytes_is_longer_than_a_chunk` |
//! | | http: `a_body_ends_at_what_the_host_hands_over_whatever_the_guest_asks_for` |
//! | | limits: `what_a_program_prints_comes_back_cut_at_a_mebibyte` |
//! | [`TABLE_ELEMENTS`] | hostile: `growing_a_table_ends_at_the_limit` |
//! | [`INSTANCES`], [`MEMORIES`], [`TABLES`] | limits: `parts_of_a_component_are_counted_when_it_is_loaded` |
//! | [`HANDLES`] | limits: `handles_of_a_guests_own_are_counted`, `handles_of_wasi_are_counted` |
//! | [`STACK_BYTES`] | hostile: `recursion_ends_at_the_stack_limit` |
//! | [`ASYNC_STACK_BYTES`] | limits: `a_host_call_at_the_bottom_of_the_guests_stack_has_a_stack_of_its_own` |
//! | [`RANDOM_BYTES`], [`METRIC_POINTS`] | hostile: `random_bytes_and_metrics_are_counted` |
//! | [`REQUESTS`] | limits: `requests_are_counted_and_redirects_with_them` |
//! | [`PROGRAMS`] | limits: `programs_are_counted` |
//! | [`BLOBS`], [`BLOB_BYTES`] | own: `blobs_and_their_bytes_are_counted` |
//! | [`MESSAGE_BYTES`] | own: `a_message_is_cut_between_characters` |
//! | | limits: `a_guests_error_is_cut_where_it_is_too_long_to_be_read` |
//! | [`PENDING_FLOOR`] | pending: `pending_work_is_asked_for_at_most_each_10_ms` |
//! | [`CallLimits::memory`] | hostile: `growing_memory_ends_at_the_limit` |
//! | [`CallLimits::cpu`] | hostile: `a_spinning_guest_ends_at_its_cpu_limit` |
//! | [`CallLimits::wall`] | hostile: `a_spinning_guest_ends_at_its_wall_limit_within_100_ms` |
//! | [`CallLimits::log`] | hostile: `a_flood_of_logs_ends_at_the_limit` |
//! | | std_guest: `what_a_plugin_prints_is_charged_to_its_log` |
//! | [`CallLimits::output`] | hostile: `a_flood_of_output_ends_at_the_limit_and_what_fits_is_printed` |
//!
//! `own` is `limits/tests.rs`, where a test holds this table; `http` is `http/tests.rs`; all others stand in
//! `tests/runtime/`.

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

#[cfg(test)]
mod tests;
