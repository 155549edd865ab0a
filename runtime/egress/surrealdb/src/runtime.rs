//! Threads that run SurrealDB's futures.
//!
//! SurrealDB walks values recursively. Built without optimisation, as in development and tests, a document nested 60
//! deep overflows a stack of 2 MiB, tokio's default, and aborts the process; one as deep as our JSON reader accepts,
//! 127, fits in 4 MiB (measured with 3.3.5, embedded). SurrealDB's own manual asks for 10. Its futures therefore run on
//! threads of their own, which also keeps an embedded database's work off the threads that serve sockets. One shared
//! runtime is created at the first connection and lives as long as the process; a store on disk has a runtime of its
//! own, which lives as long as the store is open (`embedded.rs`).

use std::{future::Future, io, sync::LazyLock, time::Duration};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::classify::Fault;

/// Stack of each thread, in bytes. Address space only: pages that are not touched cost nothing.
const STACK_BYTES: usize = 16 << 20;

/// Most threads that run statements. An embedded database commits one batch at a time; more threads than this only
/// take turns.
const THREADS_MAX: usize = 4;

static RUNTIME: LazyLock<Result<Runtime, String>> = LazyLock::new(build);

/// Creates a runtime. A store on disk has its own, so that closing the store also ends its threads.
pub(crate) fn build() -> Result<Runtime, String> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let built: io::Result<Runtime> = Builder::new_multi_thread()
        .thread_name("surrealdb")
        .thread_stack_size(STACK_BYTES)
        .worker_threads(threads.clamp(1, THREADS_MAX))
        .enable_all()
        .build();
    built.map_err(|error| format!("no threads can be started for SurrealDB: {error}"))
}

/// Returns the shared runtime.
pub(crate) fn shared() -> Result<Handle, Fault> {
    let runtime = RUNTIME.as_ref().map_err(|error| Fault::Busy(error.clone()))?;
    Ok(runtime.handle().clone())
}

/// Runs `work` on SurrealDB's threads, for at most `limit`.
///
/// After the limit the work continues in the background: aborting an embedded transaction half-way is safe for the
/// data, but nothing would clean up after it. Letting it finish is harmless, because every write may be repeated.
pub(crate) async fn run<T, F>(limit: Duration, what: &'static str, work: F) -> Result<T, Fault>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    run_on(&shared()?, limit, what, work).await
}

/// Runs `work` on the given threads, for at most `limit`.
pub(crate) async fn run_on<T, F>(threads: &Handle, limit: Duration, what: &'static str, work: F) -> Result<T, Fault>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    match tokio::time::timeout(limit, threads.spawn(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(panic)) => Err(Fault::Storage(format!("SurrealDB's client failed in {what}: {panic}"))),
        Err(_) => Err(Fault::Lost(format!(
            "SurrealDB did not answer within {} ms ({what})",
            limit.as_millis()
        ))),
    }
}
