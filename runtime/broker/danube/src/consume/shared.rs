//! State shared by the tasks of one consumer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use danube_wasm_broker::{BrokerError, ConsumerOptions, Delivery, ErrorKind, Message, MessageId, Result};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{acks::AckTask, partition::Partition, quirks::BrokerQuirks, tracker};
use crate::shared::{Shared, closed};

/// See the module.
pub(super) struct Core {
    pub(super) shared: Arc<Shared>,
    pub(super) options: ConsumerOptions,
    /// Partitions by number. Grows when partitions are added to the topic.
    pub(super) partitions: RwLock<BTreeMap<u32, Arc<Partition>>>,
    /// Messages delivered and not acknowledged.
    pub(super) unacknowledged: AtomicUsize,
    /// Messages or room for them may be available.
    pub(super) changed: Notify,
    /// Why a session cannot be rebuilt, until a caller got the error.
    pub(super) refusal: Mutex<Option<BrokerError>>,
    /// Warns about limits of Danube's brokers for this subscription.
    pub(super) quirks: BrokerQuirks,
    /// The broker's delivery state.
    pub(super) delivery: watch::Sender<Delivery>,
    /// Set once the warning about the broker's small window was logged.
    pub(super) small_window: OnceLock<()>,
    /// Cancelled when the consumer is dropped or the client closed.
    pub(super) stopped: CancellationToken,
}

impl Core {
    pub(super) fn new(shared: Arc<Shared>, options: ConsumerOptions) -> Self {
        Self {
            stopped: shared.closed.child_token(),
            shared,
            options,
            partitions: RwLock::default(),
            unacknowledged: AtomicUsize::new(0),
            changed: Notify::new(),
            refusal: Mutex::default(),
            quirks: BrokerQuirks::default(),
            delivery: watch::Sender::default(),
            small_window: OnceLock::new(),
        }
    }

    /// Messages that can be delivered now, from all partitions.
    pub(super) fn take(&self, max: usize) -> Vec<Message> {
        let room = self
            .options
            .unacknowledged_max
            .saturating_sub(self.unacknowledged.load(Ordering::Acquire));
        let mut left = max.min(room);
        let mut taken = Vec::new();
        let partitions = self.partitions.read();
        // An equal share of what there is room for, so that a busy partition does not starve the others; then the rest.
        let share = left.div_ceil(partitions.len().max(1));
        for share in [share, left] {
            for partition in partitions.values() {
                let delivered = partition.deliver(share.min(left), &self.options.topic);
                left -= delivered.len();
                taken.extend(delivered);
            }
        }
        drop(partitions);
        self.unacknowledged.fetch_add(taken.len(), Ordering::AcqRel);
        taken
    }

    /// Counts `n` messages as finished.
    pub(super) fn release(&self, n: usize) {
        if n > 0 {
            self.unacknowledged.fetch_sub(n, Ordering::AcqRel);
            self.changed.notify_one();
        }
    }

    fn partition_of(&self, id: MessageId) -> Result<Arc<Partition>> {
        let known = self.partitions.read().get(&tracker::number_of(id)).cloned();
        known.ok_or_else(|| self.unknown(id))
    }

    fn unknown(&self, id: MessageId) -> BrokerError {
        BrokerError::new(
            ErrorKind::NotFound,
            format!(
                "message {} of partition {} is not one that this consumer of {} was given",
                id.offset, id.partition, self.options.topic
            ),
        )
    }

    pub(super) async fn finish(&self, ids: &[MessageId], nack: Option<Duration>) -> Result<()> {
        let mut pending = Vec::with_capacity(ids.len());
        for id in ids {
            let partition = self.partition_of(*id)?;
            let (released, task) = match nack {
                None => partition.ack(*id),
                Some(_) => partition.nack(*id),
            }
            .ok_or_else(|| self.unknown(*id))?;
            self.release(usize::from(released));
            if let Some(message) = task {
                pending.push(partition.queue_ack(AckTask::new(&self.shared, *id, message, nack)));
            }
        }
        for reply in pending {
            reply.await.unwrap_or_else(|_| Err(closed()))?;
        }
        Ok(())
    }
}
