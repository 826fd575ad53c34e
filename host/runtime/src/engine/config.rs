//! How guests are compiled and where their memory comes from. One constructor for all engines and for the compiler's
//! child process: the smallest difference would make every piece of cached code useless.

use std::num::NonZeroUsize;

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::limits::{ASYNC_STACK_BYTES, KIB, MIB, STACK_BYTES, TABLE_ELEMENTS};

/// Calls that run in the pool at once; more come from the on-demand allocator.
pub(crate) const POOL: u32 = 64;
/// Largest memory that the pool serves.
pub(crate) const POOL_MEMORY: usize = 128 * MIB;

/// Core instances, memories and tables of one component in the pool. A component of more parts gets all of its memory
/// on demand: else a few of them would take what the others were promised.
const POOL_INSTANCES: u32 = 5;
/// See [`POOL_INSTANCES`].
const POOL_MEMORIES: u32 = 2;
/// See [`POOL_INSTANCES`].
const POOL_TABLES: u32 = 4;

/// What all engines share. Memory comes from the system, on demand.
pub(crate) fn on_demand() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_component_model(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .native_unwind_info(false)
        .generate_address_map(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(16))
        .max_wasm_stack(STACK_BYTES)
        .async_stack_size(ASYNC_STACK_BYTES);
    config
}

/// As [`on_demand`], with memory, tables and stacks that are kept and used again.
pub(crate) fn pooled() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOL)
        .total_core_instances(POOL * POOL_INSTANCES)
        .total_memories(POOL * POOL_MEMORIES)
        .total_tables(POOL * POOL_TABLES)
        .total_stacks(POOL)
        .max_core_instances_per_component(POOL_INSTANCES)
        .max_memories_per_component(POOL_MEMORIES)
        .max_tables_per_component(POOL_TABLES)
        .max_component_instance_size(MIB)
        .max_core_instance_size(4 * MIB)
        .max_memory_size(POOL_MEMORY)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(2 * MIB)
        .table_keep_resident(64 * KIB)
        .async_stack_keep_resident(64 * KIB)
        .max_unused_warm_slots(16)
        .pagemap_scan(Enabled::Auto);
    let mut config = on_demand();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
