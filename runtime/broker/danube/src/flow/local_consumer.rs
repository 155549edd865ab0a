//! Tracks the messages of this process that a consumer of this process has not received yet.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use danube_wasm_model::SubscriptionType;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{PartitionFlow, keyed_records::KeyedRecords};
use crate::limits::{REMEMBERED_MAX, STANDSTILL_AFTER, UNREAD_MAX};

/// One consumer of a partition.
#[derive(Debug)]
pub(crate) struct LocalConsumer {
    flow: Arc<PartitionFlow>,
    subscription: String,
    kind: SubscriptionType,
    unread: Mutex<UnreadRecords>,
}

/// Records in the order in which they were sent, which is the order of the log if one is in flight at a time.
#[derive(Debug, Default)]
struct UnreadRecords {
    /// Sent in the consumer's session.
    session: BTreeMap<u64, Sent>,
    /// Sent before it. Publishers do not wait for these: the broker may have lost them with the session.
    before: BTreeMap<u64, Sent>,
    numbers: HashMap<u64, u64>,
    /// The same by key, for `KeyShared`.
    keyed: KeyedRecords,
    /// When the last message arrived.
    last_arrival: Option<Instant>,
    next: u64,
    /// A message has arrived: this consumer gets messages.
    active: bool,
    /// Undelivered messages fill half of the memory for them: a stream that is not read stops its dispatcher, and with
    /// it the acknowledgements.
    full: bool,
    /// No message arrives any more: see [`LocalConsumer::mark_stalled`].
    stalled: bool,
    /// There was a session.
    begun: bool,
    /// Since when there is no session.
    down: Option<Instant>,
}

#[derive(Debug)]
struct Sent {
    record: u64,
    /// When the broker confirmed it.
    accepted: Option<Instant>,
}

impl LocalConsumer {
    pub(super) fn new(flow: Arc<PartitionFlow>, subscription: &str, kind: SubscriptionType) -> Self {
        Self {
            flow,
            subscription: subscription.to_owned(),
            kind,
            unread: Mutex::default(),
        }
    }

    pub(super) fn subscription(&self) -> &str {
        &self.subscription
    }

    pub(super) fn is_behind(&self) -> bool {
        let unread = self.unread.lock();
        // A consumer that has lost its session comes back soon, or is not counted any more.
        let counts = unread.down.is_none_or(|since| since.elapsed() < STANDSTILL_AFTER);
        let waits = unread.active && !unread.stalled && unread.session.len() >= UNREAD_MAX;
        counts && (waits || unread.full)
    }

    pub(super) fn sent(&self, record: u64, key: u64) {
        let mut unread = self.unread.lock();
        unread.sent(record);
        if self.kind == SubscriptionType::KeyShared {
            unread.keyed.sent(record, key);
        }
    }

    pub(super) fn answered(&self, record: u64, accepted: bool) {
        let mut unread = self.unread.lock();
        unread.answered(record, accepted);
        unread.keyed.answered(record, accepted);
        drop(unread);
        if !accepted {
            self.flow.capacity_freed.notify_waiters();
        }
    }

    /// Records a message of a key: it and all that were sent before it are received, or will not come any more.
    pub(crate) fn arrived(&self, record: Option<u64>, key: u64) {
        let mut unread = self.unread.lock();
        (unread.active, unread.stalled) = (true, false);
        unread.last_arrival = Some(Instant::now());
        if self.kind == SubscriptionType::KeyShared {
            unread.keyed.arrived(record, key);
        }
        if let Some(number) = record.and_then(|record| unread.numbers.get(&record).copied()) {
            unread.forget_up_to(number);
        }
        drop(unread);
        self.flow.capacity_freed.notify_waiters();
    }

    /// Sets whether undelivered messages fill half of their memory.
    pub(crate) fn set_buffer_full(&self, full: bool) {
        let was = std::mem::replace(&mut self.unread.lock().full, full);
        if was && !full {
            self.flow.capacity_freed.notify_waiters();
        }
    }

    /// Starts a session with the broker. Messages sent before the first one are not for this consumer: a new
    /// subscription starts at the end.
    pub(crate) fn start_session(&self) {
        let mut unread = self.unread.lock();
        unread.down = None;
        if !std::mem::replace(&mut unread.begun, true) {
            unread.clear();
        }
    }

    /// The consumer stops.
    pub(crate) fn stop(&self) {
        let mut unread = self.unread.lock();
        (unread.active, unread.full) = (false, false);
        drop(unread);
        self.flow.capacity_freed.notify_waiters();
    }

    /// The session with the broker has ended.
    pub(crate) fn session_lost(&self) {
        self.unread.lock().session_lost();
        self.flow.capacity_freed.notify_waiters();
    }

    /// Number of messages that the broker confirmed `after` ago or earlier and has not delivered.
    pub(crate) fn overdue(&self, after: Duration) -> usize {
        let unread = self.unread.lock();
        if self.kind == SubscriptionType::KeyShared {
            return unread.keyed.overdue(after);
        }
        let is_overdue = |sent: &&Sent| sent.accepted.is_some_and(|at| at.elapsed() >= after);
        unread.all().filter(is_overdue).count()
    }

    /// Whether no message has arrived for so long.
    pub(crate) fn is_idle_for(&self, duration: Duration) -> bool {
        let last = self.unread.lock().last_arrival;
        last.is_none_or(|at| at.elapsed() >= duration)
    }

    /// Number of messages of this session that the broker has confirmed and not delivered.
    pub(crate) fn unread(&self) -> usize {
        let unread = self.unread.lock();
        unread.session.values().filter(|sent| sent.accepted.is_some()).count()
    }

    /// Whether any message has arrived.
    pub(crate) fn is_active(&self) -> bool {
        self.unread.lock().active
    }

    /// Publishers do not wait for this consumer until a message arrives.
    pub(crate) fn mark_stalled(&self) {
        self.unread.lock().stalled = true;
        self.flow.capacity_freed.notify_waiters();
    }

    /// Messages that have not arrived are not expected any more.
    pub(crate) fn forget_unread(&self) {
        self.unread.lock().clear();
        self.flow.capacity_freed.notify_waiters();
    }
}

impl Drop for LocalConsumer {
    fn drop(&mut self) {
        self.flow.capacity_freed.notify_waiters();
    }
}

impl UnreadRecords {
    fn all(&self) -> impl Iterator<Item = &Sent> {
        self.before.values().chain(self.session.values())
    }

    fn sent(&mut self, record: u64) {
        self.remove(record);
        let number = self.next;
        self.next += 1;
        self.numbers.insert(record, number);
        let accepted = None;
        self.session.insert(number, Sent { record, accepted });
        while self.before.len() + self.session.len() > REMEMBERED_MAX {
            let oldest = self.before.pop_first().or_else(|| self.session.pop_first());
            if let Some((_, sent)) = oldest {
                self.numbers.remove(&sent.record);
            }
        }
    }

    fn answered(&mut self, record: u64, accepted: bool) {
        if !accepted {
            return self.remove(record);
        }
        let Some(number) = self.numbers.get(&record) else {
            return;
        };
        let sent = self.session.get_mut(number).or_else(|| self.before.get_mut(number));
        if let Some(sent) = sent {
            sent.accepted = Some(Instant::now());
        }
    }

    fn remove(&mut self, record: u64) {
        if let Some(number) = self.numbers.remove(&record) {
            self.session.remove(&number);
            self.before.remove(&number);
        }
    }

    fn forget_up_to(&mut self, number: u64) {
        for part in [&mut self.before, &mut self.session] {
            let later = part.split_off(&(number + 1));
            for sent in std::mem::replace(part, later).values() {
                self.numbers.remove(&sent.record);
            }
        }
    }

    fn clear(&mut self) {
        self.session.clear();
        self.before.clear();
        self.numbers.clear();
        self.keyed.clear();
    }

    fn session_lost(&mut self) {
        self.before.append(&mut self.session);
        self.stalled = false;
        self.down.get_or_insert_with(Instant::now);
    }
}

#[cfg(test)]
mod tests {
    use danube_wasm_model::TopicName;

    use super::*;
    use crate::flow::FlowControl;

    const KEY: u64 = 0;

    fn consumer() -> (Arc<PartitionFlow>, Arc<LocalConsumer>) {
        let topic: TopicName = "/default/t".parse().expect("valid");
        let flow = FlowControl::default().partition(&topic, 1);
        let consumer = flow.consumer("sub", SubscriptionType::Exclusive);
        (flow, consumer)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    async fn publish(flow: &PartitionFlow, record: u64) -> bool {
        match flow.admit(record, KEY, soon()).await {
            Ok(admission) => {
                admission.answered(true);
                true
            }
            Err(_) => false,
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_while_too_much_waits_for_a_consumer_that_gets_messages() {
        let (flow, consumer) = consumer();
        for record in 0..1_000 {
            assert!(publish(&flow, record).await, "one that never got any is not waited for");
        }
        consumer.arrived(Some(799), KEY);
        assert!(!publish(&flow, 1_000).await);
        consumer.arrived(Some(800), KEY);
        assert!(publish(&flow, 1_000).await);
        assert!(!publish(&flow, 1_001).await);
        let error = flow.admit(1_001, KEY, soon()).await.err().map(|error| error.message);
        assert!(error.is_some_and(|message| message.contains("subscription `sub`")));
        drop(consumer);
        assert!(publish(&flow, 1_001).await, "a consumer that is gone is not waited for");
    }

    #[tokio::test]
    async fn what_a_session_took_along_holds_nobody_up_and_is_still_missed() {
        let (flow, consumer) = consumer();
        consumer.arrived(None, KEY);
        for record in 0..UNREAD_MAX as u64 {
            assert!(publish(&flow, record).await);
        }
        assert!(!publish(&flow, 1_000).await);
        consumer.session_lost();
        assert!(publish(&flow, 1_000).await);
        assert_eq!(
            (consumer.overdue(Duration::ZERO), consumer.unread()),
            (UNREAD_MAX + 1, 1)
        );
        consumer.arrived(Some(1_000), KEY);
        assert_eq!(consumer.overdue(Duration::ZERO), 0);
    }

    #[tokio::test]
    async fn what_was_sent_before_the_subscription_was_there_is_not_expected() {
        let (flow, consumer) = consumer();
        publish(&flow, 1).await;
        consumer.start_session();
        assert_eq!(consumer.overdue(Duration::ZERO), 0);
        publish(&flow, 2).await;
        consumer.start_session();
        assert_eq!(consumer.overdue(Duration::ZERO), 1);
    }

    #[tokio::test]
    async fn nothing_is_sent_while_what_has_come_fills_its_memory() {
        let (flow, consumer) = consumer();
        consumer.set_buffer_full(true);
        assert!(!publish(&flow, 1).await);
        consumer.set_buffer_full(false);
        assert!(publish(&flow, 1).await);
    }

    #[tokio::test]
    async fn one_call_at_a_time_whoever_makes_it_and_what_fails_is_not_expected() {
        let (flow, consumer) = consumer();
        let first = flow.admit(1, KEY, soon()).await.ok();
        assert!(flow.admit(2, KEY, soon()).await.is_err(), "the first is under way");
        first.expect("admitted").answered(false);
        assert!(publish(&flow, 2).await);
        assert_eq!(consumer.overdue(Duration::ZERO), 1);
    }

    #[tokio::test]
    async fn a_consumer_that_stands_still_is_waited_for_again_when_something_comes() {
        let (flow, consumer) = consumer();
        consumer.arrived(None, KEY);
        for record in 0..UNREAD_MAX as u64 {
            publish(&flow, record).await;
        }
        consumer.mark_stalled();
        assert!(publish(&flow, 1_000).await);
        consumer.arrived(None, KEY);
        assert!(!publish(&flow, 1_001).await);
    }
}
