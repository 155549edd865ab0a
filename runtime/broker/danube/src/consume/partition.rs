//! One partition of a consumer: its messages, and the broker that serves it.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use danube_wasm_broker::{ConsumerOptions, Message, MessageId, Result};
use danube_wasm_model::{SubscriptionType, TopicName, identity::ID_ATTRIBUTE};
use danube_wasm_proto::api::{MsgId, StreamMessage};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::sleep,
};

use super::{
    acks::AckTask,
    gaps::GapDetector,
    incoming,
    tracker::{AckTurn, Arrival, Tracker},
};
use crate::{
    flow::{LocalConsumer, key_hash, record_hash},
    shared::Shared,
    wire::BrokerEndpoint,
};

/// The broker that serves a partition in a session.
#[derive(Debug, Clone)]
pub(super) struct ServingBroker {
    pub(super) endpoint: BrokerEndpoint,
    /// Number of the session: a failure in an old one says nothing about a new one.
    pub(super) session: u64,
    /// When the session was opened, in milliseconds since 1970.
    pub(super) since_ms: u64,
    /// Whether the broker is danube-wasm's own.
    pub(super) own: bool,
}

/// See the module.
pub(super) struct Partition {
    pub(super) name: TopicName,
    kind: SubscriptionType,
    tracker: Mutex<Tracker>,
    gaps: Mutex<GapDetector>,
    /// Messages that this process has published there.
    pub(super) local: Arc<LocalConsumer>,
    /// There is room to read more.
    pub(super) capacity_freed: Notify,
    /// The broker that takes acknowledgements now; `None` while the session is lost.
    pub(super) serving: watch::Sender<Option<ServingBroker>>,
    /// The session that an acknowledgement found lost.
    pub(super) suspected: watch::Sender<u64>,
    /// A message arrived or was confirmed.
    progress: Notify,
    task: mpsc::UnboundedSender<AckTask>,
}

impl Partition {
    /// Returns the partition and the queue of its acknowledgements.
    pub(super) fn new(
        shared: &Shared,
        options: &ConsumerOptions,
        name: TopicName,
    ) -> (Self, mpsc::UnboundedReceiver<AckTask>) {
        let (task, queue) = mpsc::unbounded_channel();
        let kind = options.subscription_type;
        let partition = Self {
            kind,
            tracker: Mutex::new(Tracker::new(shared.number(&name))),
            gaps: Mutex::new(GapDetector::new(kind, &shared.options)),
            local: shared
                .flow(&name)
                .consumer(&options.subscription, options.subscription_type),
            name,
            capacity_freed: Notify::new(),
            serving: watch::Sender::new(None),
            suspected: watch::Sender::new(0),
            progress: Notify::new(),
            task,
        };
        (partition, queue)
    }

    /// Starts a session.
    pub(super) fn start_session(&self, serving: &ServingBroker) {
        self.gaps.lock().start_session(serving.since_ms);
        self.local.start_session();
        self.serving.send_replace(Some(serving.clone()));
    }

    /// Records a message that was read.
    pub(super) fn record_arrival(&self, message: StreamMessage) -> Arrival {
        if self.is_at_danube() {
            let offset = message.msg_id.as_ref().map_or(0, |id| id.topic_offset);
            self.gaps.lock().arrived(offset, message.publish_time);
            let record = message.attributes.get(ID_ATTRIBUTE).map(|id| record_hash(id));
            self.local.arrived(record, key_hash(message.routing_key.as_deref()));
        }
        let mut tracker = self.tracker.lock();
        let arrival = tracker.record_arrival(message);
        self.local.set_buffer_full(tracker.is_half_full());
        drop(tracker);
        self.progress.notify_waiters();
        arrival
    }

    /// Whether a broker of Danube serves it, as far as is known.
    pub(super) fn is_at_danube(&self) -> bool {
        self.serving.borrow().as_ref().is_some_and(|serving| !serving.own)
    }

    /// Ranges of skipped offsets, each returned once.
    pub(super) fn take_gaps(&self) -> Vec<RangeInclusive<u64>> {
        self.gaps.lock().take_confirmed()
    }

    /// Whether this consumer is the only one of the subscription, as far as can be seen.
    pub(super) fn is_alone(&self) -> bool {
        self.gaps.lock().is_alone()
    }

    /// Number of messages that the broker has delivered and that are not acknowledged.
    pub(super) fn unacknowledged(&self) -> usize {
        self.tracker.lock().unacknowledged()
    }

    pub(super) fn has_room(&self) -> bool {
        self.tracker.lock().has_room()
    }

    /// Delivers up to `max` messages.
    pub(super) fn deliver(&self, max: usize, topic: &TopicName) -> Vec<Message> {
        if max == 0 {
            return Vec::new();
        }
        let mut tracker = self.tracker.lock();
        let delivered = tracker.deliver(max);
        let is_full = tracker.is_half_full();
        drop(tracker);
        if !delivered.is_empty() {
            self.local.set_buffer_full(is_full);
            self.capacity_freed.notify_one();
        }
        delivered
            .into_iter()
            .map(|delivered| incoming::decode(delivered, topic, &self.name))
            .collect()
    }

    pub(super) fn ack(&self, id: MessageId) -> Option<(bool, Option<MsgId>)> {
        self.tracker.lock().ack(id)
    }

    pub(super) fn nack(&self, id: MessageId) -> Option<(bool, Option<MsgId>)> {
        self.tracker.lock().nack(id)
    }

    pub(super) fn confirm_ack(&self, id: MessageId) {
        self.tracker.lock().confirm_ack(id);
        self.progress.notify_waiters();
    }

    /// Waits until a message may be acknowledged at this broker, `wait_max` at most: [`AckTurn::Later`] if it may not
    /// be by then. `None` if the session ends before.
    pub(super) async fn wait_ack_turn(
        &self,
        serving: &ServingBroker,
        id: MessageId,
        wait_max: Duration,
    ) -> Option<AckTurn> {
        // 0.15's dispatcher for KeyShared reads in another way, which no order of acknowledgements helps.
        let ordered = !serving.own && self.kind != SubscriptionType::KeyShared;
        let (ended, over) = (self.session_ended(serving.session), sleep(wait_max));
        tokio::pin!(ended, over);
        loop {
            // Before looking, so that nothing that happens after the look is missed.
            let progress = self.progress.notified();
            let turn = self.tracker.lock().ack_turn(id, ordered);
            if turn != AckTurn::Later {
                return Some(turn);
            }
            tokio::select! {
                biased;
                () = &mut ended => return None,
                () = progress => {}
                () = &mut over => {
                    let alone = matches!(self.kind, SubscriptionType::Exclusive | SubscriptionType::Failover);
                    let turn = self.tracker.lock().ack_turn_after_wait(id, alone);
                    self.progress.notify_waiters();
                    return Some(turn);
                }
            }
        }
    }

    async fn session_ended(&self, session: u64) {
        let mut serving = self.serving.subscribe();
        // The sender lives as long as this partition.
        let _ = serving
            .wait_for(|now| now.as_ref().is_none_or(|now| now.session != session))
            .await;
    }

    /// Ends the session.
    pub(super) fn session_lost(&self) {
        self.serving.send_replace(None);
        self.tracker.lock().session_lost();
        self.local.set_buffer_full(false);
        self.local.session_lost();
        self.capacity_freed.notify_one();
    }

    /// Queues an acknowledgement. Its reply is sent when the broker has confirmed it.
    pub(super) fn queue_ack(
        &self,
        (task, reply): (AckTask, oneshot::Receiver<Result<()>>),
    ) -> oneshot::Receiver<Result<()>> {
        // The queue is read as long as this partition exists.
        let _ = self.task.send(task);
        reply
    }

    /// Records that an acknowledgement found this session lost.
    pub(super) fn suspect_session(self: &Arc<Self>, session: u64) {
        self.suspected.send_if_modified(|suspected| {
            let newer = session > *suspected;
            *suspected = session.max(*suspected);
            newer
        });
    }
}
