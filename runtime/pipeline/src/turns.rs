//! How often others on a thread had their turn.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Turns that somebody else on this runtime's one thread had while this ran.
pub(crate) async fn turns_meanwhile(work: impl Future) -> usize {
    let turns = Arc::<AtomicUsize>::default();
    let others = {
        let turns = Arc::clone(&turns);
        tokio::spawn(async move {
            loop {
                turns.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        })
    };
    work.await;
    others.abort();
    turns.load(Relaxed)
}
