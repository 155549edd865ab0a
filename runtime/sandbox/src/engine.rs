//! The engine's settings.
//!
//! One function configures how components are compiled, for the process that runs them and for the child that compiles
//! them: an artifact fits only an engine with the same settings. How instances are allocated is set only in the running
//! process and does not change an artifact.

use std::{hash::Hash, num::NonZeroUsize};

use sha2::{Digest, Sha256};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::limits::{BACKTRACE_FRAMES_MAX, PoolLimits};

/// Everything that changes the compiled code. Deny by default: what no supported toolchain emits is off. Compiling in
/// parallel is not even built in: it would take every core away from the records that are being moved.
pub(crate) fn engine_config() -> Config {
    let mut config = Config::new();
    config
        // No async in the contract: calls cost a quarter, and the youngest code of the engine is out of reach.
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        // Backtraces name functions, not code offsets.
        .generate_address_map(false)
        // Debug information is the component's to write, so it is not read.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        .wasm_memory64(false)
        .wasm_relaxed_simd(false);
    config
}

/// The engine that compiles, in the child process: the same code, no pool.
pub(crate) fn compiling_engine() -> wasmtime::Result<Engine> {
    Engine::new(&engine_config())
}

/// The engine that runs.
pub(crate) fn running_engine(pool: &PoolLimits) -> wasmtime::Result<Engine> {
    let mut config = engine_config();
    config
        .max_wasm_stack(pool.wasm_stack_bytes_max)
        .async_stack_size(pool.call_stack_bytes)
        // Stacks go from tenant to tenant.
        .async_stack_zeroing(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(pool)));
    Engine::new(&config)
}

fn pooling(pool: &PoolLimits) -> PoolingAllocationConfig {
    let n = pool.instances_max;
    let mut config = PoolingAllocationConfig::new();
    config
        // A component of the Rust toolchain takes about 4 core instances, 2 tables and 1 memory.
        .total_component_instances(n)
        .total_core_instances(n.saturating_mul(6))
        .total_memories(n.saturating_mul(2))
        .total_tables(n.saturating_mul(3))
        .total_stacks(n)
        .max_memory_size(pool.memory_bytes_max)
        .table_elements(pool.table_elements_max)
        .max_tables_per_module(4)
        .max_memories_per_module(2)
        // Kept for the next instance, so that starting one after a trap does not fault every page in again.
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto);
    config
}

/// What an artifact must have been compiled for to be loaded by this engine: version, settings, processor.
pub(crate) fn compatibility(engine: &Engine) -> String {
    let mut hasher = StableHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hex::encode(&hasher.0.finalize()[..16])
}

/// The standard library's hasher may change between its versions; this one does not.
struct StableHasher(Sha256);

impl std::hash::Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest[..8].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_compiles_what_the_parent_can_load() {
        let compiling = compiling_engine().unwrap();
        let running = running_engine(&PoolLimits::default()).unwrap();
        assert_eq!(compatibility(&compiling), compatibility(&running));
    }
}
