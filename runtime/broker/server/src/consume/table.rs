//! All consumers that subscribed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use danube_wasm_broker::{Consumer, ConsumerOptions};
use danube_wasm_model::TopicName;
use parking_lot::Mutex;
use tonic::Status;

use super::{SharedAcker, session::Session};
use crate::{
    core::Core,
    limits::{CONSUMERS_MAX, IDLE_MAX},
    names::{self, Place},
};

/// See the module.
pub(crate) struct Consumers {
    /// Held while one joins its subscription, so that one that was just replaced cannot join again.
    pub(super) attaching: tokio::sync::Mutex<()>,
    next_id: AtomicU64,
    known: Mutex<Known>,
}

/// A subscription of a place.
type SubscriptionKey = (TopicName, String);

#[derive(Default)]
struct Known {
    by_id: HashMap<u64, Arc<Session>>,
    by_subscription: HashMap<SubscriptionKey, Vec<Arc<Session>>>,
}

impl Consumers {
    pub(crate) fn new(first_id: u64) -> Self {
        Self {
            attaching: tokio::sync::Mutex::new(()),
            next_id: AtomicU64::new(first_id),
            known: Mutex::default(),
        }
    }

    /// Adds one that joined. One of the same name ends.
    pub(super) fn open(
        &self,
        core: &Core,
        place: Place,
        options: ConsumerOptions,
        consumer: Box<dyn Consumer>,
    ) -> Result<u64, Status> {
        let mut known = self.known.lock();
        let key = (place.name.clone(), options.subscription.clone());
        let sessions = known.by_subscription.get(&key).into_iter().flatten();
        let same = sessions.filter(|session| session.options.consumer == options.consumer);
        for id in same.map(|session| session.id).collect::<Vec<_>>() {
            known.remove(id);
        }
        known.make_room()?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let session = Session::new(id, place, options, consumer, core.stopping.child_token());
        known.by_id.insert(id, session.clone());
        known.by_subscription.entry(key).or_default().push(session);
        Ok(id)
    }

    pub(super) fn get(&self, id: u64) -> Result<Arc<Session>, Status> {
        let found = self.known.lock().by_id.get(&id).cloned();
        let session = found.ok_or_else(|| {
            Status::not_found(format!(
                "there is no consumer {id}: the broker was restarted, another consumer took its name, or what it \
                 consumed was deleted; subscribe again"
            ))
        })?;
        session.touch();
        Ok(session)
    }

    /// Whether a consumer is known, and its subscription there.
    pub(crate) fn is_alive(&self, core: &Core, id: u64) -> bool {
        self.get(id).is_ok_and(|session| {
            let subscription = &session.options.subscription;
            let place = names::find(&core.broker, session.place.name.as_str());
            place.is_ok_and(|place| core.broker.acker(&place.topic, subscription).is_ok())
        })
    }

    /// A client is done with a message: whoever had it tells the log.
    pub(super) fn done(&self, place: &Place, subscription: &str, offset: u64) -> Option<SharedAcker> {
        let key = (place.name.clone(), subscription.to_owned());
        let sessions = self.known.lock().by_subscription.get(&key).cloned().unwrap_or_default();
        let mut ackers = sessions.iter().filter_map(|session| session.done(offset));
        let first = ackers.next();
        ackers.for_each(drop);
        first
    }

    /// What it consumes is gone.
    pub(super) fn end(&self, id: u64) {
        self.known.lock().remove(id);
    }
}

impl Known {
    fn make_room(&mut self) -> Result<(), Status> {
        if self.by_id.len() < CONSUMERS_MAX {
            return Ok(());
        }
        let silent = |session: &Session| session.silence().is_some_and(|silence| silence > IDLE_MAX);
        let idle: Vec<u64> = self.by_id.values().filter(|s| silent(s)).map(|s| s.id).collect();
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
        let key = (session.place.name.clone(), session.options.subscription.clone());
        if let Some(sessions) = self.by_subscription.get_mut(&key) {
            sessions.retain(|other| other.id != id);
            if sessions.is_empty() {
                self.by_subscription.remove(&key);
            }
        }
    }
}
