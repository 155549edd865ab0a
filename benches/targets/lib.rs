//! What the benchmarks of sinks share: the log that is filled before the clock starts, and the real program that empties it
//! into a target.

mod backlog;

use std::{fmt::Display, str::FromStr};

use anyhow::{Context as _, Result};

pub use backlog::Backlog;

/// Threads of tokio on bare sides and in what receives: as many as the program has on two cores.
pub const THREADS: usize = 2;

/// Runs work as a task, so that no side runs on a thread more than another.
pub fn in_runtime<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(async { tokio::spawn(work).await })?
}

/// An argument of this process.
pub fn argument<T>(at: usize) -> Result<T>
where
    T: FromStr<Err: Display>,
{
    let argument = std::env::args().nth(at);
    let argument = argument.with_context(|| format!("argument {at} is missing"))?;
    let parsed = argument.parse();
    parsed.map_err(|error| anyhow::anyhow!("argument {at} is `{argument}`: {error}"))
}

/// The sum of the numbers below `n`: what shows that each of them came, and none twice in place of another.
pub fn sum_below(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}
