//! Serialises batches of this process that name a document in common.
//!
//! Two transactions on one document end with a conflict for one of them, which then starts over; with many writes to
//! few documents, that is most of the work. So a batch claims the documents that it names, and waits until earlier
//! batches that claim one of them are done. A batch makes all its claims in one step, so no two batches can wait for
//! each other; batches without a document in common do not wait at all.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, Hash, RandomState},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// A document, by hash: two documents with equal hashes only wait for each other.
type Document = u64;

/// The claimed documents of one target.
#[derive(Default)]
pub struct Claims {
    hasher: RandomState,
    /// For each claimed document, a token for the end of the last batch that names it.
    last: Mutex<HashMap<Document, Arc<CancellationToken>>>,
}

/// Documents that only this batch may write, until it is dropped.
#[must_use]
pub struct Claim<'c> {
    claims: &'c Claims,
    documents: HashSet<Document>,
    done: Arc<CancellationToken>,
}

impl Claims {
    /// Waits until only this batch claims these documents, each given by what identifies it in the target.
    pub async fn claim<D: Hash>(&self, documents: impl Iterator<Item = D>) -> Claim<'_> {
        let claim = Claim {
            claims: self,
            documents: documents.map(|document| self.hasher.hash_one(document)).collect(),
            done: Arc::default(),
        };
        for earlier in claim.enqueue() {
            earlier.cancelled().await;
        }
        claim
    }
}

impl Claim<'_> {
    /// Queues behind earlier batches, and returns the tokens of those to wait for.
    fn enqueue(&self) -> Vec<Arc<CancellationToken>> {
        let mut last = self.claims.last.lock();
        let mut earlier: Vec<Arc<CancellationToken>> = Vec::new();
        for document in &self.documents {
            let before = last.insert(*document, self.done.clone());
            let is_new = |before: &Arc<CancellationToken>| !earlier.iter().any(|known| Arc::ptr_eq(known, before));
            earlier.extend(before.filter(is_new));
        }
        earlier
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut last = self.claims.last.lock();
        for document in &self.documents {
            if last.get(document).is_some_and(|end| Arc::ptr_eq(end, &self.done)) {
                last.remove(document);
            }
        }
        self.done.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use futures_util::FutureExt as _;

    use super::*;

    async fn claim<'c>(claims: &'c Claims, ids: &[&str]) -> Claim<'c> {
        claims.claim(ids.iter().map(|id| ("t", *id))).await
    }

    #[tokio::test]
    async fn only_batches_with_a_document_in_common_wait() {
        let claims = Claims::default();
        let first = claim(&claims, &["a", "b"]).now_or_never().expect("nobody before");
        let _apart = claim(&claims, &["c"]).now_or_never().expect("apart");
        let mut second = Box::pin(claim(&claims, &["b", "d"]));
        assert!((&mut second).now_or_never().is_none());
        let mut third = Box::pin(claim(&claims, &["d", "e"]));
        assert!((&mut third).now_or_never().is_none(), "the second comes first");
        drop(first);
        let second = second.now_or_never().expect("its turn");
        assert!((&mut third).now_or_never().is_none());
        drop(second);
        drop(third.now_or_never().expect("its turn"));
        assert_eq!(claims.last.lock().len(), 1, "of what is apart");
    }

    #[tokio::test]
    async fn a_batch_that_is_cancelled_delays_no_other() {
        let claims = Claims::default();
        let first = claim(&claims, &["a"]).await;
        let mut second = Box::pin(claim(&claims, &["a", "b"]));
        assert!((&mut second).now_or_never().is_none());
        drop(second);
        assert!(claim(&claims, &["b"]).now_or_never().is_some());
        drop(first);
        assert!(claims.last.lock().is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_overlapping_batches_end_and_never_share_a_document() {
        let claims = Arc::new(Claims::default());
        let users: Arc<Vec<AtomicUsize>> = Arc::new((0..7).map(|_| AtomicUsize::new(0)).collect());
        let tasks: Vec<_> = (0..8_usize)
            .map(|task| {
                let (claims, users) = (claims.clone(), users.clone());
                tokio::spawn(async move {
                    for round in 0..200 {
                        let ids = [(task + round) % 7, (task * 3 + round) % 7, (5 * round) % 7];
                        let ids: HashSet<usize> = ids.into();
                        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
                        let claim = claims.claim(names.iter()).await;
                        ids.iter().for_each(|id| assert_eq!(users[*id].fetch_add(1, SeqCst), 0));
                        tokio::task::yield_now().await;
                        ids.iter().for_each(|id| assert_eq!(users[*id].fetch_sub(1, SeqCst), 1));
                        drop(claim);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("ends");
        }
        assert!(claims.last.lock().is_empty());
    }
}
