//! All consumers that have subscribed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use danube_wasm_broker::{Consumer, ConsumerOptions, embedded::EmbeddedBroker};
use danube_wasm_model::TopicName;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::consumer::{ConsumerSession, SharedAcker};
use crate::{
    limits::{CONSUMERS_MAX, IDLE_MAX},
    names::{self, TopicPartition},
};

/// See the module.
pub(crate) struct Consumers {
    /// Held while a consumer joins its subscription, so that one that was just replaced cannot join again.
    pub(crate) attach_lock: tokio::sync::Mutex<()>,
    next_id: AtomicU64,
    table: Mutex<ConsumerTable>,
}

/// A subscription of a topic or partition.
type SubscriptionKey = (TopicName, String);

#[derive(Default)]
struct ConsumerTable {
    by_id: HashMap<u64, Arc<ConsumerSession>>,
    by_subscription: HashMap<SubscriptionKey, Vec<Arc<ConsumerSession>>>,
}

impl Consumers {
    pub(crate) fn new(first_id: u64) -> Self {
        Self {
            attach_lock: tokio::sync::Mutex::new(()),
            next_id: AtomicU64::new(first_id),
            table: Mutex::default(),
        }
    }

    /// Adds a consumer; one of the same name ends.
    pub(crate) fn add(
        &self,
        stopping: &CancellationToken,
        target: TopicPartition,
        options: ConsumerOptions,
        consumer: Box<dyn Consumer>,
    ) -> Result<u64, Status> {
        let mut table = self.table.lock();
        let key = (target.name.clone(), options.subscription.clone());
        let sessions = table.by_subscription.get(&key).into_iter().flatten();
        let same = sessions.filter(|session| session.options.consumer == options.consumer);
        for id in same.map(|session| session.id).collect::<Vec<_>>() {
            table.remove(id);
        }
        table.evict_idle()?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let session = ConsumerSession::new(id, target, options, consumer, stopping.child_token());
        table.by_id.insert(id, session.clone());
        table.by_subscription.entry(key).or_default().push(session);
        Ok(id)
    }

    pub(crate) fn get(&self, id: u64) -> Result<Arc<ConsumerSession>, Status> {
        let found = self.table.lock().by_id.get(&id).cloned();
        let session = found.ok_or_else(|| {
            Status::not_found(format!(
                "there is no consumer {id}: the broker was restarted, another consumer took its name, or what it \
                 consumed was deleted; subscribe again"
            ))
        })?;
        session.mark_seen();
        Ok(session)
    }

    /// Whether a consumer is known, and its subscription exists.
    pub(crate) fn is_alive(&self, broker: &EmbeddedBroker, id: u64) -> bool {
        self.get(id).is_ok_and(|session| {
            let subscription = &session.options.subscription;
            let target = names::find_existing(broker, session.target.name.as_str());
            target.is_ok_and(|target| broker.acker(&target.topic, subscription).is_ok())
        })
    }

    /// Ends a delivery that a client acknowledged. Returns the acker of the consumer that had it.
    pub(crate) fn finish_delivery(
        &self,
        target: &TopicPartition,
        subscription: &str,
        offset: u64,
    ) -> Option<SharedAcker> {
        let key = (target.name.clone(), subscription.to_owned());
        let sessions = self.table.lock().by_subscription.get(&key).cloned().unwrap_or_default();
        let mut ackers = sessions.iter().filter_map(|session| session.finish_delivery(offset));
        let first = ackers.next();
        ackers.for_each(drop);
        first
    }

    /// Removes a consumer whose topic or subscription was deleted.
    pub(crate) fn remove(&self, id: u64) {
        self.table.lock().remove(id);
    }
}

impl ConsumerTable {
    fn evict_idle(&mut self) -> Result<(), Status> {
        if self.by_id.len() < CONSUMERS_MAX {
            return Ok(());
        }
        let idle_long = |session: &ConsumerSession| session.idle_time().is_some_and(|idle_time| idle_time > IDLE_MAX);
        let idle: Vec<u64> = self.by_id.values().filter(|s| idle_long(s)).map(|s| s.id).collect();
        if idle.is_empty() {
            return Err(Status::resource_exhausted(format!(
                "{CONSUMERS_MAX} consumers have subscribed, the most this broker keeps: use fewer names"
            )));
        }
        idle.into_iter().for_each(|id| self.remove(id));
        Ok(())
    }

    fn remove(&mut self, id: u64) {
        let Some(session) = self.by_id.remove(&id) else { return };
        session.ended.cancel();
        let key = (session.target.name.clone(), session.options.subscription.clone());
        if let Some(sessions) = self.by_subscription.get_mut(&key) {
            sessions.retain(|other| other.id != id);
            if sessions.is_empty() {
                self.by_subscription.remove(&key);
            }
        }
    }
}
