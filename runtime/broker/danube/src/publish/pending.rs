//! A record to be sent to a partition.

use bytes::Bytes;
use danube_wasm_broker::Result;
use tokio::{sync::oneshot, time::Instant};

use super::order::OrderKey;

/// A record that was published and is not confirmed.
pub(super) struct PendingRecord {
    /// Its hash: see [`record_hash`](crate::flow::record_hash).
    pub(super) hash: u64,
    /// Encoded, without the fields that are added at each send.
    pub(super) record: Bytes,
    pub(super) key: Option<Bytes>,
    /// It fails if it is not confirmed by then.
    pub(super) deadline: Instant,
    /// Receives whether it is durable, once it is confirmed.
    pub(super) reply: oneshot::Sender<Result<bool>>,
}

impl PendingRecord {
    /// Sends its result. The publisher may have been dropped.
    pub(super) fn answer(self, result: Result<bool>) {
        let _ = self.reply.send(result);
    }
}

/// A record in its lane.
pub(super) struct LaneRecord {
    pub(super) pending: PendingRecord,
    /// Its order key, if it has one.
    pub(super) order_key: Option<OrderKey>,
}

impl LaneRecord {
    pub(super) fn new(pending: PendingRecord, ordered: bool) -> Self {
        let order_key = match (&pending.key, ordered) {
            (_, true) => Some(OrderKey::Partition),
            (Some(key), false) => Some(OrderKey::Key(key.clone())),
            (None, false) => None,
        };
        Self { pending, order_key }
    }

    pub(super) fn answer(self, result: Result<bool>) {
        self.pending.answer(result);
    }
}
