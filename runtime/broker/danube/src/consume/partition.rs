//! One partition of a consumer: what was read of it, and the way to its session.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use danube_wasm_broker::{ConsumerOptions, Message, MessageId, Result};
use danube_wasm_model::{SubscriptionType, TopicName, clock::now_ms, identity::ID_ATTRIBUTE};
use danube_wasm_proto::api::{MsgId, StreamMessage};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::sleep,
};

use super::{
    acks::Work,
    gaps::Gaps,
    incoming,
    tracker::{Arrival, Tracker, Turn},
};
use crate::{
    danube::Shared,
    flow::{Reader, record_hash},
    wire::Route,
};

/// Where a partition is served, as long as its session lives.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) route: Route,
    /// Counts sessions: a failure in an old one says nothing of a new one.
    pub(super) session: u64,
    /// Whether the broker is danube-wasm's own.
    pub(super) own: bool,
}

/// See the module.
pub(super) struct Partition {
    pub(super) name: TopicName,
    kind: SubscriptionType,
    tracker: Mutex<Tracker>,
    gaps: Mutex<Gaps>,
    /// What this process has published there.
    pub(super) reader: Arc<Reader>,
    /// There is room for what is read.
    pub(super) room: Notify,
    /// Where acknowledgements go now; `None` while the session is lost.
    pub(super) place: watch::Sender<Option<Place>>,
    /// The session that an acknowledgement found to be lost.
    pub(super) suspected: watch::Sender<u64>,
    /// Something came or was confirmed.
    moved: Notify,
    work: mpsc::UnboundedSender<Work>,
}

impl Partition {
    /// With the queue of its acknowledgements.
    pub(super) fn new(
        shared: &Shared,
        options: &ConsumerOptions,
        name: TopicName,
    ) -> (Self, mpsc::UnboundedReceiver<Work>) {
        let (work, queue) = mpsc::unbounded_channel();
        let kind = options.subscription_type;
        let partition = Self {
            kind,
            tracker: Mutex::new(Tracker::new(shared.number(&name))),
            gaps: Mutex::new(Gaps::new(kind, &shared.options)),
            reader: shared.flow(&name).reader(&options.subscription),
            name,
            room: Notify::new(),
            place: watch::Sender::new(None),
            suspected: watch::Sender::new(0),
            moved: Notify::new(),
            work,
        };
        (partition, queue)
    }

    /// A session begins here.
    pub(super) fn session_begins(&self, place: &Place) {
        self.gaps.lock().begin(now_ms());
        self.reader.session_begins();
        self.place.send_replace(Some(place.clone()));
    }

    /// A message was read.
    pub(super) fn arrive(&self, message: StreamMessage) -> Arrival {
        if self.is_at_danube() {
            let offset = message.msg_id.as_ref().map_or(0, |id| id.topic_offset);
            self.gaps.lock().arrived(offset, message.publish_time);
            let record = message.attributes.get(ID_ATTRIBUTE).map(|id| record_hash(id));
            self.reader.arrived(record);
        }
        let mut tracker = self.tracker.lock();
        let arrival = tracker.arrive(message);
        self.reader.fills(tracker.is_half_full());
        drop(tracker);
        self.moved.notify_waiters();
        arrival
    }

    /// Whether it is served by a broker of Danube, as far as is known.
    pub(super) fn is_at_danube(&self) -> bool {
        self.place.borrow().as_ref().is_some_and(|place| !place.own)
    }

    /// Ranges of offsets that did not come, each once.
    pub(super) fn skipped(&self) -> Vec<RangeInclusive<u64>> {
        self.gaps.lock().settle()
    }

    /// Whether this consumer is the only one of the subscription, as far as can be seen.
    pub(super) fn is_alone(&self) -> bool {
        self.gaps.lock().is_alone()
    }

    /// How many messages the broker has given and not been told to be done with.
    pub(super) fn unacknowledged(&self) -> usize {
        self.tracker.lock().unacknowledged()
    }

    pub(super) fn has_room(&self) -> bool {
        self.tracker.lock().has_room()
    }

    /// Up to `max` messages to give out.
    pub(super) fn give(&self, max: usize, topic: &TopicName) -> Vec<Message> {
        if max == 0 {
            return Vec::new();
        }
        let mut tracker = self.tracker.lock();
        let given = tracker.give(max);
        let is_full = tracker.is_half_full();
        drop(tracker);
        if !given.is_empty() {
            self.reader.fills(is_full);
            self.room.notify_one();
        }
        given
            .into_iter()
            .map(|given| incoming::decode(given, topic, &self.name))
            .collect()
    }

    pub(super) fn done(&self, id: MessageId) -> Option<(bool, Option<MsgId>)> {
        self.tracker.lock().done(id)
    }

    pub(super) fn given_back(&self, id: MessageId) -> Option<(bool, Option<MsgId>)> {
        self.tracker.lock().given_back(id)
    }

    pub(super) fn confirmed(&self, id: MessageId) {
        self.tracker.lock().confirmed(id);
        self.moved.notify_waiters();
    }

    /// Waits until a message may be acknowledged at this place, not longer than `patience`: [`Turn::Later`] if it may not
    /// be then. `None` if the session ends before.
    pub(super) async fn turn(&self, place: &Place, id: MessageId, patience: Duration) -> Option<Turn> {
        // 0.15's dispatcher for KeyShared looks in another way, which no order of acknowledgements helps.
        let ordered = !place.own && self.kind != SubscriptionType::KeyShared;
        let (ended, over) = (self.ended(place.session), sleep(patience));
        tokio::pin!(ended, over);
        loop {
            // Before looking, so that nothing that happens after the look is missed.
            let moved = self.moved.notified();
            let turn = self.tracker.lock().turn(id, ordered);
            if turn != Turn::Later {
                return Some(turn);
            }
            tokio::select! {
                biased;
                () = &mut ended => return None,
                () = moved => {}
                () = &mut over => {
                    let alone = matches!(self.kind, SubscriptionType::Exclusive | SubscriptionType::Failover);
                    let turn = self.tracker.lock().turn_at_last(id, alone);
                    self.moved.notify_waiters();
                    return Some(turn);
                }
            }
        }
    }

    async fn ended(&self, session: u64) {
        let mut place = self.place.subscribe();
        // It is there as long as this partition is.
        let _ = place
            .wait_for(|now| now.as_ref().is_none_or(|now| now.session != session))
            .await;
    }

    /// The session ended.
    pub(super) fn session_lost(&self) {
        self.place.send_replace(None);
        self.tracker.lock().session_lost();
        self.reader.fills(false);
        self.reader.session_lost();
        self.room.notify_one();
    }

    /// Queues an acknowledgement. Its reply comes when the broker has confirmed it.
    pub(super) fn hand_over(
        &self,
        (work, reply): (Work, oneshot::Receiver<Result<()>>),
    ) -> oneshot::Receiver<Result<()>> {
        // The queue is read as long as this partition is there.
        let _ = self.work.send(work);
        reply
    }

    /// An acknowledgement found this session lost.
    pub(super) fn suspect(self: &Arc<Self>, session: u64) {
        self.suspected.send_if_modified(|suspected| {
            let newer = session > *suspected;
            *suspected = session.max(*suspected);
            newer
        });
    }
}
