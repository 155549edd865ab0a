//! How often others on a thread had their turn.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Turns that somebody else on this runtime's one thread had while this ran.
pub(crate) async fn yields_during(work: impl Future) -> usize {
    let yields = Arc::<AtomicUsize>::default();
    let others = {
        let yields = Arc::clone(&yields);
        tokio::spawn(async move {
            loop {
                yields.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        })
    };
    work.await;
    others.abort();
    yields.load(Relaxed)
}
