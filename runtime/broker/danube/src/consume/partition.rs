//! One partition of a consumer: what was read of it, and the way to its session.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{Message, MessageId, Result};
use danube_wasm_model::{SubscriptionType, TopicName};
use danube_wasm_proto::api::{MsgId, StreamMessage};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::sleep,
};

use super::{
    acks::Work,
    incoming,
    tracker::{Arrival, Tracker, Turn},
};
use crate::wire::Route;

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
    pub(super) fn new(name: TopicName, number: u32, kind: SubscriptionType) -> (Self, mpsc::UnboundedReceiver<Work>) {
        let (work, queue) = mpsc::unbounded_channel();
        let partition = Self {
            name,
            kind,
            tracker: Mutex::new(Tracker::new(number)),
            room: Notify::new(),
            place: watch::Sender::new(None),
            suspected: watch::Sender::new(0),
            moved: Notify::new(),
            work,
        };
        (partition, queue)
    }

    /// A message was read.
    pub(super) fn arrive(&self, message: StreamMessage) -> Arrival {
        let arrival = self.tracker.lock().arrive(message);
        self.moved.notify_waiters();
        arrival
    }

    pub(super) fn has_room(&self) -> bool {
        self.tracker.lock().has_room()
    }

    /// Up to `max` messages to give out.
    pub(super) fn give(&self, max: usize, topic: &TopicName) -> Vec<Message> {
        if max == 0 {
            return Vec::new();
        }
        let given = self.tracker.lock().give(max);
        if !given.is_empty() {
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
