//! Topics and subscriptions in memory, as far as they are on disk.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use danube_wasm_model::{SubscriptionType, TopicName};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use super::{cursor::Cursor, delivery::Delivery, hash::fnv1a, tables::Head, window::Window};

/// A topic that is on disk.
pub(super) struct Topic {
    pub(super) name: TopicName,
    /// As it was asked for: 0 is one partition without a number in its name.
    pub(super) partitions: u32,
    /// Number of its first partition; the others follow.
    pub(super) first_partition: u64,
    /// What is durable of each partition.
    pub(super) extents: Vec<Extent>,
    turn: AtomicU64,
    subscriptions: RwLock<Vec<Arc<Subscription>>>,
}

/// Offsets of a partition that are in the log.
#[derive(Default)]
pub(super) struct Extent {
    next: AtomicU64,
}

impl Extent {
    pub(super) fn next(&self) -> u64 {
        self.next.load(Ordering::Acquire)
    }

    pub(super) fn set(&self, head: Head) {
        self.next.store(head.next, Ordering::Release);
    }
}

impl Topic {
    pub(super) fn new(name: TopicName, partitions: u32, first_partition: u64) -> Self {
        let extents = (0..partitions.max(1)).map(|_| Extent::default()).collect();
        Self {
            name,
            partitions,
            first_partition,
            extents,
            turn: AtomicU64::new(0),
            subscriptions: RwLock::default(),
        }
    }

    /// The partition of a record, as a place in this topic: by its key, or the next in turn.
    pub(super) fn route(&self, key: Option<&[u8]>) -> u64 {
        let number = match key {
            Some(key) => fnv1a(key),
            None => self.turn.fetch_add(1, Ordering::Relaxed),
        };
        number % self.extents.len() as u64
    }

    /// The place of a partition in this topic.
    pub(super) fn place(&self, partition: u64) -> Option<usize> {
        let place = usize::try_from(partition.checked_sub(self.first_partition)?).ok()?;
        (place < self.extents.len()).then_some(place)
    }

    /// The partition as operators know it.
    pub(super) fn partition_name(&self, place: usize) -> TopicName {
        match u32::try_from(place) {
            Ok(place) if self.partitions > 0 => self.name.partition(place),
            _ => self.name.clone(),
        }
    }

    pub(super) fn subscriptions(&self) -> Vec<Arc<Subscription>> {
        self.subscriptions.read().clone()
    }

    pub(super) fn subscription(&self, name: &str) -> Option<Arc<Subscription>> {
        self.subscriptions.read().iter().find(|s| s.name == name).cloned()
    }

    /// Adds a subscription that is on disk, unless it is known.
    pub(super) fn add_subscription(&self, new: Subscription) -> Arc<Subscription> {
        let mut subscriptions = self.subscriptions.write();
        if let Some(known) = subscriptions.iter().find(|s| s.name == new.name) {
            return known.clone();
        }
        let new = Arc::new(new);
        subscriptions.push(new.clone());
        new
    }
}

/// A subscription that is on disk.
pub(super) struct Subscription {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) delivery: Mutex<Delivery>,
    /// Something changed that a waiting consumer wants to know.
    pub(super) changed: Notify,
}

impl Subscription {
    pub(super) fn new(id: u64, name: &str, kind: SubscriptionType, topic: &Topic, cursors: Vec<Cursor>) -> Self {
        let windows = cursors.into_iter().zip(&topic.extents);
        let windows = windows
            .map(|(cursor, extent)| Window::new(kind, cursor, extent.next()))
            .collect();
        Self {
            id,
            name: name.to_owned(),
            delivery: Mutex::new(Delivery::new(kind, windows)),
            changed: Notify::new(),
        }
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
