//! What a consumer of this process has still to get of what this process published.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::PartitionFlow;
use crate::limits::{REMEMBERED_MAX, STANDSTILL_AFTER, UNREAD_MAX};

/// One consumer of a partition.
#[derive(Debug)]
pub(crate) struct Reader {
    flow: Arc<PartitionFlow>,
    subscription: String,
    unread: Mutex<Unread>,
}

/// Records in the order in which they were sent, which is that of the log where one is under way at a time.
#[derive(Debug, Default)]
struct Unread {
    /// In the consumer's session.
    session: BTreeMap<u64, Sent>,
    /// Before it. Nobody is made to wait for them: the broker may have lost them with the session.
    before: BTreeMap<u64, Sent>,
    numbers: HashMap<u64, u64>,
    next: u64,
    /// Something has come: this one is given messages.
    active: bool,
    /// What has come and was not given out fills half of the memory that there is for it: a stream that is not read stops its
    /// dispatcher, with the acknowledgements.
    full: bool,
    /// Nothing comes any more: see [`Reader::stands_still`].
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

impl Reader {
    pub(super) fn new(flow: Arc<PartitionFlow>, subscription: &str) -> Self {
        Self {
            flow,
            subscription: subscription.to_owned(),
            unread: Mutex::default(),
        }
    }

    pub(super) fn subscription(&self) -> &str {
        &self.subscription
    }

    pub(super) fn is_behind(&self) -> bool {
        let unread = self.unread.lock();
        // A consumer that has lost its session comes back, or is not one any more.
        let counts = unread.down.is_none_or(|since| since.elapsed() < STANDSTILL_AFTER);
        let waits = unread.active && !unread.stalled && unread.session.len() >= UNREAD_MAX;
        counts && (waits || unread.full)
    }

    pub(super) fn sent(&self, record: u64) {
        self.unread.lock().sent(record);
    }

    pub(super) fn answered(&self, record: u64, accepted: bool) {
        self.unread.lock().answered(record, accepted);
        if !accepted {
            self.flow.room.notify_waiters();
        }
    }

    /// A message has come, with all that was sent before it, or without: that will not come any more.
    pub(crate) fn arrived(&self, record: Option<u64>) {
        let mut unread = self.unread.lock();
        (unread.active, unread.stalled) = (true, false);
        if let Some(number) = record.and_then(|record| unread.numbers.get(&record).copied()) {
            unread.forget_up_to(number);
        }
        drop(unread);
        self.flow.room.notify_waiters();
    }

    /// Whether what has come fills half of its memory.
    pub(crate) fn fills(&self, full: bool) {
        let was = std::mem::replace(&mut self.unread.lock().full, full);
        if was && !full {
            self.flow.room.notify_waiters();
        }
    }

    /// There is a session with the broker. What was sent before the first one is not for this consumer: a new subscription
    /// begins at the end.
    pub(crate) fn session_begins(&self) {
        let mut unread = self.unread.lock();
        unread.down = None;
        if !std::mem::replace(&mut unread.begun, true) {
            unread.clear();
        }
    }

    /// It does not consume any more.
    pub(crate) fn ends(&self) {
        let mut unread = self.unread.lock();
        (unread.active, unread.full) = (false, false);
        drop(unread);
        self.flow.room.notify_waiters();
    }

    /// The session with the broker has ended.
    pub(crate) fn session_lost(&self) {
        self.unread.lock().session_lost();
        self.flow.room.notify_waiters();
    }

    /// How many the broker has confirmed so long ago and not given.
    pub(crate) fn overdue(&self, after: Duration) -> usize {
        let unread = self.unread.lock();
        let is_overdue = |sent: &&Sent| sent.accepted.is_some_and(|at| at.elapsed() >= after);
        unread.all().filter(is_overdue).count()
    }

    /// How many the broker has confirmed and not given, in this session.
    pub(crate) fn unread(&self) -> usize {
        let unread = self.unread.lock();
        unread.session.values().filter(|sent| sent.accepted.is_some()).count()
    }

    /// Whether anything has come.
    pub(crate) fn is_active(&self) -> bool {
        self.unread.lock().active
    }

    /// Nobody waits for it until something comes.
    pub(crate) fn stands_still(&self) {
        self.unread.lock().stalled = true;
        self.flow.room.notify_waiters();
    }

    /// What has not come is not expected any more.
    pub(crate) fn forget(&self) {
        self.unread.lock().clear();
        self.flow.room.notify_waiters();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.flow.room.notify_waiters();
    }
}

impl Unread {
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

    fn reader() -> (Arc<PartitionFlow>, Arc<Reader>) {
        let topic: TopicName = "/default/t".parse().expect("valid");
        let flow = FlowControl::default().partition(&topic, 1);
        let reader = flow.reader("sub");
        (flow, reader)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    async fn publish(flow: &PartitionFlow, record: u64) -> bool {
        match flow.admit(record, soon()).await {
            Ok(admission) => {
                admission.answered(true);
                true
            }
            Err(_) => false,
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_while_too_much_waits_for_a_consumer_that_gets_messages() {
        let (flow, reader) = reader();
        for record in 0..1_000 {
            assert!(publish(&flow, record).await, "one that never got any is not waited for");
        }
        reader.arrived(Some(799));
        assert!(!publish(&flow, 1_000).await);
        reader.arrived(Some(800));
        assert!(publish(&flow, 1_000).await);
        assert!(!publish(&flow, 1_001).await);
        let error = flow.admit(1_001, soon()).await.err().map(|error| error.message);
        assert!(error.is_some_and(|message| message.contains("subscription `sub`")));
        drop(reader);
        assert!(publish(&flow, 1_001).await, "a consumer that is gone is not waited for");
    }

    #[tokio::test]
    async fn what_a_session_took_along_holds_nobody_up_and_is_still_missed() {
        let (flow, reader) = reader();
        reader.arrived(None);
        for record in 0..UNREAD_MAX as u64 {
            assert!(publish(&flow, record).await);
        }
        assert!(!publish(&flow, 1_000).await);
        reader.session_lost();
        assert!(publish(&flow, 1_000).await);
        assert_eq!((reader.overdue(Duration::ZERO), reader.unread()), (UNREAD_MAX + 1, 1));
        reader.arrived(Some(1_000));
        assert_eq!(reader.overdue(Duration::ZERO), 0);
    }

    #[tokio::test]
    async fn what_was_sent_before_the_subscription_was_there_is_not_expected() {
        let (flow, reader) = reader();
        publish(&flow, 1).await;
        reader.session_begins();
        assert_eq!(reader.overdue(Duration::ZERO), 0);
        publish(&flow, 2).await;
        reader.session_begins();
        assert_eq!(reader.overdue(Duration::ZERO), 1);
    }

    #[tokio::test]
    async fn nothing_is_sent_while_what_has_come_fills_its_memory() {
        let (flow, reader) = reader();
        reader.fills(true);
        assert!(!publish(&flow, 1).await);
        reader.fills(false);
        assert!(publish(&flow, 1).await);
    }

    #[tokio::test]
    async fn one_call_at_a_time_whoever_makes_it_and_what_fails_is_not_expected() {
        let (flow, reader) = reader();
        let first = flow.admit(1, soon()).await.ok();
        assert!(flow.admit(2, soon()).await.is_err(), "the first is under way");
        first.expect("admitted").answered(false);
        assert!(publish(&flow, 2).await);
        assert_eq!(reader.overdue(Duration::ZERO), 1);
    }

    #[tokio::test]
    async fn a_consumer_that_stands_still_is_waited_for_again_when_something_comes() {
        let (flow, reader) = reader();
        reader.arrived(None);
        for record in 0..UNREAD_MAX as u64 {
            publish(&flow, record).await;
        }
        reader.stands_still();
        assert!(publish(&flow, 1_000).await);
        reader.arrived(None);
        assert!(!publish(&flow, 1_001).await);
    }
}
