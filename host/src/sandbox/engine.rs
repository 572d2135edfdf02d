//! The wasmtime engine: every setting that guests could tell apart is written down here, none is left to a default.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    RegallocAlgorithm, WasmBacktraceDetails,
};

/// Stack of a guest. What does not fit is [`crate::model::FailureKind::StackOverflow`].
const GUEST_STACK: usize = 1 << 20;
/// The guest's stack and that of the host functions which it calls.
const FIBER_STACK: usize = 3 << 20;

/// What one component may consist of. JavaScript and Python guests need up to this much.
pub(super) const MAX_CORE_INSTANCES: u32 = 40;
/// Linear memories of one component.
pub(super) const MAX_MEMORIES: u32 = 4;
/// Tables of one component.
pub(super) const MAX_TABLES: u32 = 20;
/// Elements of one table.
pub(super) const MAX_TABLE_ELEMENTS: u32 = 20_000;
/// Linear memory is reserved in whole, so that the bounds checks need no code.
const MEMORY_RESERVATION: u64 = 4 << 30;

/// How instances get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool of that many places, reserved at the start.
    Pool(u32),
    /// From the operating system, each time: the address space has no room for a pool.
    OnDemand,
}

/// The settings that decide what code a component is compiled to, and what a guest can observe. The compiling process
/// and the host must agree on them.
fn settings() -> Config {
    let mut config = Config::new();
    config
        // Interruption.
        .epoch_interruption(true)
        .consume_fuel(false)
        // Determinism.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true)
        // Threads would not be deterministic either; wasmtime is built without them.
        // Languages that we run.
        .wasm_component_model(true)
        .wasm_simd(true)
        .wasm_bulk_memory(true)
        .wasm_multi_value(true)
        .wasm_tail_call(true)
        .wasm_extended_const(true)
        // Nothing that we run needs these, so that they cannot be used against us.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .concurrency_support(false)
        // Code.
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking)
        .parallel_compilation(true)
        .generate_address_map(true)
        .native_unwind_info(true)
        // Memory.
        .memory_reservation(MEMORY_RESERVATION)
        .memory_guard_size(32 << 20)
        .memory_may_move(false)
        .guard_before_linear_memory(true)
        .memory_init_cow(true)
        .table_lazy_init(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(FIBER_STACK)
        .async_stack_zeroing(false)
        // Backtraces.
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .debug_info(false);
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(64));
    config
}

/// The engine of the compiling process. It runs nothing.
pub(super) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(settings().allocation_strategy(InstanceAllocationStrategy::OnDemand))
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(8))
        // QuickJS guests need two each.
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(4))
        .total_stacks(instances)
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_tables_per_module(MAX_TABLES)
        .max_memories_per_module(1)
        .table_elements(MAX_TABLE_ELEMENTS as usize)
        .max_memory_size(MEMORY_RESERVATION as usize)
        // What a guest has written is found and put back, page by page, where the kernel tells which pages these are: a page
        // that is given back costs a fault, and the other threads' caches of addresses, each time.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(8 << 10)
        .async_stack_keep_resident(16 << 10)
        .max_unused_warm_slots(100);
    pool
}

/// The engine that guests run in: with the largest pool that the address space has room for, up to `instances`.
///
/// # Errors
/// If wasmtime refuses the settings on this machine.
pub(super) fn runner(instances: u32) -> wasmtime::Result<(Engine, Allocation)> {
    let mut places = instances.max(1);
    loop {
        let mut config = settings();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(places)));
        match Engine::new(&config) {
            Ok(engine) => {
                tracing::info!(places, "instances come from a pool");
                return Ok((engine, Allocation::Pool(places)));
            }
            // A pool of a few places is not worth having: instances beyond it would have to wait.
            Err(error) if places <= 16 => {
                tracing::warn!(%error, "no address space for a pool: instances are allocated on demand");
                break;
            }
            Err(error) => {
                tracing::debug!(places, %error, "no address space for a pool of this size");
                places = (places / 4).max(16);
            }
        }
    }
    let mut config = settings();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Ok((Engine::new(&config)?, Allocation::OnDemand))
}
