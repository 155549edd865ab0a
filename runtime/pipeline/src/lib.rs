//! The acknowledgement logic: the source loop, the sink loop, and who starts and stops them.
//!
//! This room opens no socket and no file, and knows neither a broker's protocol, nor a sandbox, nor a target: it is given
//! the doors of [`danube_wasm_model::door`] and the [`danube_wasm_broker::Broker`] trait, and is_probe what happens between
//! them, above all when something may be acknowledged. It reads the clock only through tokio, so that it can be run in
//! virtual time against fakes.

pub mod backoff;
pub mod bisect;
pub mod breaker;
mod concurrency;
mod connected;
pub mod dead_letter;
pub mod envelope;
pub mod error_budget;
pub mod failpoints;
mod guest_retry_budget;
pub mod instruments;
#[cfg(not(feature = "mutants"))]
mod mutants;
#[cfg(feature = "mutants")]
pub mod mutants;
mod panics;
pub mod pause;
mod recovery;
pub mod retry_policy;
pub mod sink;
pub mod source;
pub mod status;
pub mod supervisor;
#[cfg(test)]
mod yields;

pub use backoff::BackoffPolicy;
pub use breaker::BreakerPolicy;
pub use danube_wasm_model::{BatchPolicy, OnFailure, OnInvalid, OnPoison};
pub use error_budget::ErrorBudget;
pub use instruments::Instruments;
pub use pause::PauseSwitch;
pub use retry_policy::RetryPolicy;
pub use sink::{Sink, SinkParts};
pub use source::pull::{PullParts, PullSource, PullStartError};
pub use source::{Source, SourceLimits, SourceParts};
pub use status::Status;

/// The lane of a key, the same for the life of the process.
fn lane_of_key(key: &[u8], lanes: usize) -> usize {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    usize::try_from(hash % lanes as u64).unwrap_or(0)
}
