//! One record on its way to a partition.

use bytes::Bytes;
use danube_wasm_broker::Result;
use tokio::{sync::oneshot, time::Instant};

use super::order::Chain;

/// A record that was handed over.
pub(super) struct Job {
    /// Names it: see [`record_hash`](crate::flow::record_hash).
    pub(super) hash: u64,
    /// Encoded, without what each sending adds.
    pub(super) record: Bytes,
    pub(super) key: Option<Bytes>,
    /// When it fails if it is not confirmed.
    pub(super) deadline: Instant,
    /// Whether it is durable, once it is confirmed.
    pub(super) reply: oneshot::Sender<Result<bool>>,
}

impl Job {
    /// Says what became of it. A publisher that is gone does not want to know.
    pub(super) fn answer(self, fate: Result<bool>) {
        let _ = self.reply.send(fate);
    }
}

/// A record in its lane.
pub(super) struct Sending {
    pub(super) job: Job,
    /// What it has to keep its order among.
    pub(super) chain: Option<Chain>,
}

impl Sending {
    pub(super) fn new(job: Job, ordered: bool) -> Self {
        let chain = match (&job.key, ordered) {
            (_, true) => Some(Chain::Partition),
            (Some(key), false) => Some(Chain::Key(key.clone())),
            (None, false) => None,
        };
        Self { job, chain }
    }

    pub(super) fn answer(self, fate: Result<bool>) {
        self.job.answer(fate);
    }
}
