//! The engine's settings.
//!
//! One function configures how components are compiled, for the process that runs them and for the child that compiles
//! them: an artifact fits only an engine with the same settings. How instances are allocated is set only in the running
//! process and does not change an artifact.

use std::{hash::Hash, num::NonZeroUsize, sync::Arc};

use sha2::{Digest, Sha256};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::{
    compile::{CompileTier, functions::FunctionStore},
    limits::PoolLimits,
};

/// Everything that changes the compiled code. Deny by default: what no supported toolchain emits is off. Compiling in
/// parallel is not even built in: it would take every core away from the records that are being moved.
fn engine_config(tier: CompileTier) -> Config {
    let mut config = Config::new();
    config
        .strategy(tier.strategy())
        // No async in the contract: calls cost a quarter, and the youngest code of the engine is out of reach.
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        // Only for components with debug information: see `compiling_engine`.
        .generate_address_map(false)
        // Debug information is the component's to write, so only the compiling child reads it (`lines`).
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false);
    config
}

/// The engine that compiles, in the child process: the same code, no pool. It takes functions that were compiled before
/// from `functions`, and adds the others. With `addresses` the artifact knows what its code was compiled from, for
/// backtraces with lines; any engine can load it.
pub(crate) fn compiling_engine(
    tier: CompileTier,
    functions: Option<Arc<FunctionStore>>,
    addresses: bool,
) -> wasmtime::Result<Engine> {
    let mut config = engine_config(tier);
    config.generate_address_map(addresses);
    if let Some(functions) = functions {
        config.enable_incremental_compilation(functions)?;
    }
    Engine::new(&config)
}

/// The engine that runs.
pub(crate) fn running_engine(pool: &PoolLimits, tier: CompileTier, frames_max: usize) -> wasmtime::Result<Engine> {
    let mut config = engine_config(tier);
    config
        .wasm_backtrace_max_frames(NonZeroUsize::new(frames_max))
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
        .total_component_instances(n)
        .total_core_instances(pool.core_instances_max())
        // A component of the Rust toolchain takes 2 tables and 1 memory, an interpreter 3 and 1.
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

/// Changes with what the compiling child makes beside the code, so that older artifacts are made anew.
const FORM: &str = "with lines";

/// What an artifact must have been compiled for to be loaded by this engine: version, settings, processor, tier.
pub(crate) fn compatibility(engine: &Engine, tier: CompileTier) -> String {
    let mut hasher = StableHasher(Sha256::new());
    FORM.hash(&mut hasher);
    tier.as_str().hash(&mut hasher);
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
    use crate::limits::BACKTRACE_FRAMES_MAX;

    #[test]
    fn the_child_compiles_what_the_parent_can_load() {
        let both = [CompileTier::Optimized, CompileTier::Baseline].map(|tier| {
            let running = running_engine(&PoolLimits::default(), tier, BACKTRACE_FRAMES_MAX).unwrap();
            let wanted = compatibility(&running, tier);
            let compiling = compiling_engine(tier, None, false).unwrap();
            assert_eq!(compatibility(&compiling, tier), wanted, "{tier:?}");
            wanted
        });
        assert_ne!(both[0], both[1], "what one tier compiled the other does not load");
        let functions = Arc::new(FunctionStore::new(Vec::new()));
        let with_functions = compiling_engine(CompileTier::Optimized, Some(functions), false).unwrap();
        assert_eq!(compatibility(&with_functions, CompileTier::Optimized), both[0]);
    }
}
