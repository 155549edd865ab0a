//! Topics and subscriptions in memory; all of them are on disk.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use danube_wasm_model::{SubscriptionType, TopicName, hash::fnv1a};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use super::{cursor::Cursor, dispatcher::Dispatcher, tables::Head, window::Window};

/// A topic that is on disk.
pub(super) struct Topic {
    pub(super) name: TopicName,
    /// Number of its first partition; the others follow.
    pub(super) first_partition: u64,
    /// Whether its partitions have numbers in their names.
    partitioned: bool,
    /// The end of each partition: the first offset that is not in the log yet.
    ends: RwLock<Vec<AtomicU64>>,
    round_robin: AtomicU64,
    subscriptions: RwLock<Vec<Arc<Subscription>>>,
}

impl Topic {
    /// `partitions` is the requested number: 0 is one partition without a number in its name.
    pub(super) fn new(name: TopicName, partitions: u32, first_partition: u64) -> Self {
        Self {
            name,
            first_partition,
            partitioned: partitions > 0,
            ends: RwLock::new((0..partitions.max(1)).map(|_| AtomicU64::new(0)).collect()),
            round_robin: AtomicU64::new(0),
            subscriptions: RwLock::default(),
        }
    }

    /// The requested number of partitions: 0 for a topic without.
    pub(super) fn partitions(&self) -> u32 {
        match self.partitioned {
            true => u32::try_from(self.len()).unwrap_or(u32::MAX),
            false => 0,
        }
    }

    /// Number of partitions as they are stored: at least 1.
    pub(super) fn len(&self) -> usize {
        self.ends.read().len()
    }

    /// The first offset of a partition that is not in the log.
    pub(super) fn end(&self, index: usize) -> Option<u64> {
        self.ends.read().get(index).map(|end| end.load(Ordering::Acquire))
    }

    /// A partition has grown.
    pub(super) fn set_end(&self, index: usize, head: Head) {
        if let Some(end) = self.ends.read().get(index) {
            end.store(head.next, Ordering::Release);
        }
    }

    /// Adds partitions up to `len`. Existing subscriptions start at the beginning of new ones.
    pub(super) fn grow(&self, len: usize) {
        for subscription in self.subscriptions() {
            subscription.dispatcher.lock().grow(len);
        }
        let mut ends = self.ends.write();
        while ends.len() < len {
            ends.push(AtomicU64::new(0));
        }
    }

    /// The index of the partition for a record: by its key, or round-robin.
    pub(super) fn route(&self, key: Option<&[u8]>) -> u64 {
        let number = match key {
            Some(key) => fnv1a(key.iter().copied()),
            None => self.round_robin.fetch_add(1, Ordering::Relaxed),
        };
        number % self.len() as u64
    }

    /// The index of a partition in this topic.
    pub(super) fn index_of(&self, partition: u64) -> Option<usize> {
        let index = usize::try_from(partition.checked_sub(self.first_partition)?).ok()?;
        (index < self.len()).then_some(index)
    }

    /// The name of a partition, as operators see it.
    pub(super) fn partition_name(&self, index: usize) -> TopicName {
        match u32::try_from(index) {
            Ok(index) if self.partitioned => self.name.partition(index),
            _ => self.name.clone(),
        }
    }

    pub(super) fn subscriptions(&self) -> Vec<Arc<Subscription>> {
        self.subscriptions.read().clone()
    }

    pub(super) fn subscription(&self, name: &str) -> Option<Arc<Subscription>> {
        self.subscriptions.read().iter().find(|s| s.name == name).cloned()
    }

    /// Adds a stored subscription, unless it is there already.
    pub(super) fn add_subscription(&self, new: Subscription) -> Arc<Subscription> {
        let mut subscriptions = self.subscriptions.write();
        if let Some(known) = subscriptions.iter().find(|s| s.name == new.name) {
            return known.clone();
        }
        let new = Arc::new(new);
        subscriptions.push(new.clone());
        new
    }

    /// Marks every subscription as deleted for which `on_disk` is false, and removes it.
    pub(super) fn retain_subscriptions(&self, mut on_disk: impl FnMut(&Subscription) -> bool) {
        let mut ended = Vec::new();
        self.subscriptions.write().retain(|subscription| {
            let keep = on_disk(subscription);
            if !keep {
                ended.push(subscription.clone());
            }
            keep
        });
        ended.iter().for_each(|subscription| subscription.delete());
    }
}

/// A subscription that is on disk.
pub(super) struct Subscription {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) dispatcher: Mutex<Dispatcher>,
    /// Wakes waiting consumers.
    pub(super) changed: Notify,
    deleted: AtomicBool,
}

impl Subscription {
    pub(super) fn new(id: u64, name: &str, kind: SubscriptionType, topic: &Topic, cursors: Vec<Cursor>) -> Self {
        let windows = cursors.into_iter().enumerate();
        let windows = windows
            .map(|(index, cursor)| Window::new(kind, cursor, topic.end(index).unwrap_or(0)))
            .collect();
        Self {
            id,
            name: name.to_owned(),
            dispatcher: Mutex::new(Dispatcher::new(kind, windows)),
            changed: Notify::new(),
            deleted: AtomicBool::new(false),
        }
    }

    /// The cursor of a partition.
    pub(super) fn cursor(&self, index: usize) -> Cursor {
        let dispatcher = self.dispatcher.lock();
        let window = dispatcher.windows().get(index);
        window.map(|window| window.cursor().clone()).unwrap_or_default()
    }

    /// Whether it was deleted, alone or with its topic.
    pub(super) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    fn delete(&self) {
        self.deleted.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }
}

/// The stored code of a subscription type.
pub(super) fn kind_code(kind: SubscriptionType) -> u8 {
    match kind {
        SubscriptionType::Exclusive => 0,
        SubscriptionType::Shared => 1,
        SubscriptionType::Failover => 2,
        SubscriptionType::KeyShared => 3,
    }
}

/// The subscription type of a stored code.
pub(super) fn kind_from(code: u8) -> Option<SubscriptionType> {
    [
        SubscriptionType::Exclusive,
        SubscriptionType::Shared,
        SubscriptionType::Failover,
        SubscriptionType::KeyShared,
    ]
    .into_iter()
    .find(|kind| kind_code(*kind) == code)
}
