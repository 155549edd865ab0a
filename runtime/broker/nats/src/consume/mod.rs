//! Consuming. A consumer of ours has a share of its subscription for each durable consumer in the server: KeyShared has one
//! for each bucket of keys, any other type has one. What all its shares pull meets in one in_flight, under one window.

mod acker;
mod durable;
mod in_flight;
mod position;
mod pull;
mod share;
mod standstill;

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{Acker, BrokerError, Consumer, ConsumerOptions, Delivery, ErrorKind, Message, Result};
use danube_wasm_model::SubscriptionType;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::Instant,
};

use crate::{
    error::conflict,
    kv::Bucket,
    lease::{Contender, Lease},
    limits::{LEASE_TIME, RETRY_FLOOR},
    members::{Alive, Members},
    session::{Session, raised},
    topic::{Damage, Topic, Topics},
};

use acker::NatsAcker;
pub(crate) use durable::{ConsumerInfo, Durables};
use in_flight::InFlight;
use share::Share;

/// What the tasks of a consumer have in common.
struct Subscription {
    session: Arc<Session>,
    topic: Arc<Topic>,
    options: ConsumerOptions,
    in_flight: Mutex<InFlight>,
    /// There may be messages to give, or an error.
    changed: Notify,
    /// Messages that are here have come again, to be acknowledged at their new place.
    come_again: Notify,
    /// Its window: a permit for each message that is or may be here.
    window: Arc<Semaphore>,
    failure: Mutex<Option<BrokerError>>,
    delivery: watch::Sender<Delivery>,
    closed: watch::Sender<bool>,
    /// An acknowledgement resolves that much later: until then the server may lose it when it is killed.
    settles_after: std::time::Duration,
}

impl Subscription {
    fn fail(&self, error: BrokerError) {
        self.failure.lock().get_or_insert(error);
        self.changed.notify_waiters();
    }

    fn durables(&self) -> Durables<'_> {
        Durables {
            session: &self.session,
            topic: &self.topic,
        }
    }
}

/// See [`Consumer`].
pub(crate) struct NatsConsumer {
    subscription: Arc<Subscription>,
}

impl Drop for NatsConsumer {
    fn drop(&mut self) {
        self.subscription.closed.send_replace(true);
    }
}

/// What subscribing needs.
pub(crate) struct Subscriber {
    pub(crate) session: Arc<Session>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) leases: Arc<Bucket>,
}

impl Subscriber {
    pub(crate) async fn subscribe(&self, options: ConsumerOptions) -> Result<NatsConsumer> {
        let topic = self.topics.get(&options.topic).await?;
        let info = self.topics.info(&options.topic).await?;
        let durables = Durables {
            session: &self.session,
            topic: &topic,
        };
        let (kind, start) = (options.subscription_type, options.start);
        let consumers = durables
            .declare(&options.subscription, kind, start, info.state.last_seq)
            .await?;
        let settles_after = match info.config.num_replicas {
            1 => crate::limits::ACK_SETTLES_AFTER,
            _ => std::time::Duration::ZERO,
        };
        let subscription = Arc::new(Subscription {
            session: self.session.clone(),
            topic,
            in_flight: Mutex::new(InFlight::new(kind, options.unacknowledged_max.max(1))),
            changed: Notify::new(),
            come_again: Notify::new(),
            window: Arc::new(Semaphore::new(options.unacknowledged_max.max(1))),
            failure: Mutex::default(),
            delivery: watch::channel(Delivery::default()).0,
            closed: watch::channel(false).0,
            options,
            settles_after,
        });
        // From here on its tasks end when it is dropped, also when this is cancelled.
        let consumer = NatsConsumer { subscription };
        self.start(&consumer.subscription, &consumers).await?;
        tokio::spawn(watch_damage(consumer.subscription.clone()));
        Ok(consumer)
    }

    async fn start(&self, subscription: &Arc<Subscription>, consumers: &[ConsumerInfo]) -> Result<()> {
        let share =
            |index: usize, name: &str| Share::new(subscription.clone(), index, name.to_owned(), consumers.len());
        match subscription.options.subscription_type {
            SubscriptionType::Shared => {
                for (index, info) in consumers.iter().enumerate() {
                    tokio::spawn(share(index, &info.name).run());
                }
            }
            SubscriptionType::Failover | SubscriptionType::Exclusive => {
                for (index, info) in consumers.iter().enumerate() {
                    let mut contender = self.contender(subscription, &info.name);
                    let lease = match subscription.options.subscription_type {
                        SubscriptionType::Exclusive => Some(acquire(&mut contender, subscription).await?),
                        _ => poll(&mut contender, subscription).await?,
                    };
                    tokio::spawn(share(index, &info.name).run_owned(contender, lease, None));
                }
            }
            SubscriptionType::KeyShared => self.start_key_shared(subscription, consumers).await?,
        }
        Ok(())
    }

    async fn start_key_shared(&self, subscription: &Arc<Subscription>, consumers: &[ConsumerInfo]) -> Result<()> {
        let options = &subscription.options;
        let (stream, name) = (&subscription.topic.stream, &options.consumer);
        let mut members = Members::new(self.leases.clone(), stream, &options.subscription, name);
        let mut retry = self.session.retry_timer();
        let first = loop {
            match members.round().await {
                Ok(first) => break first,
                Err(error) => retry.wait_after(error).await?,
            }
        };
        let (alive, watched) = watch::channel(first);
        let (owned, mut owners) = watch::channel(0_usize);
        let owned = Arc::new(owned);
        for (index, info) in consumers.iter().enumerate() {
            let balance = Balance {
                alive: watched.clone(),
                name: members.name().to_owned(),
                bucket: u32::try_from(index).unwrap_or(0),
                owned: owned.clone(),
            };
            let share = Share::new(subscription.clone(), index, info.name.clone(), consumers.len());
            tokio::spawn(share.run_owned(self.contender(subscription, &info.name), None, Some(balance)));
        }
        tokio::spawn(members.run(alive, subscription.closed.subscribe()));
        // Others give buckets up soon. With many members there may be none for this one.
        let first = owners.wait_for(|owned| *owned > 0);
        let _ = tokio::time::timeout(LEASE_TIME, first).await;
        Ok(())
    }

    fn contender(&self, subscription: &Subscription, consumer: &str) -> Contender {
        let key = format!("lease.{}.{consumer}", subscription.topic.stream);
        Contender::new(self.leases.clone(), key, &subscription.options.consumer)
    }
}

/// Whose a bucket of keys is to be.
struct Balance {
    alive: Alive,
    name: String,
    bucket: u32,
    /// How many buckets this consumer has.
    owned: Arc<watch::Sender<usize>>,
}

/// Takes the lease if it is free.
async fn poll(contender: &mut Contender, subscription: &Subscription) -> Result<Option<Lease>> {
    let mut retry = subscription.session.retry_timer();
    loop {
        match contender.poll().await {
            Ok(lease) => return Ok(lease),
            Err(error) => retry.wait_after(error).await?,
        }
    }
}

/// Waits until it is known whether the lease is free or another's.
async fn acquire(contender: &mut Contender, subscription: &Subscription) -> Result<Lease> {
    loop {
        if let Some(lease) = poll(contender, subscription).await? {
            return Ok(lease);
        }
        if contender.is_taken() {
            let ConsumerOptions {
                subscription, topic, ..
            } = &subscription.options;
            return Err(conflict(format!(
                "the Exclusive subscription {subscription} of {topic} has a consumer already: stop that one, or use a \
                 subscription of another name or type"
            )));
        }
        tokio::time::sleep(RETRY_FLOOR * 4).await;
    }
}

/// Tells the consumer's delivery state what the checks find.
async fn watch_damage(subscription: Arc<Subscription>) {
    let mut damage = subscription.topic.health.damage.subscribe();
    let mut closed = subscription.closed.subscribe();
    loop {
        let standstill = damage
            .borrow_and_update()
            .as_ref()
            .map(|damage| damage.message.to_string());
        subscription.delivery.send_if_modified(|delivery| {
            let differs = delivery.standstill != standstill;
            delivery.standstill = standstill;
            differs
        });
        subscription.changed.notify_waiters();
        tokio::select! {
            changed = damage.changed() => if changed.is_err() { return },
            () = raised(&mut closed) => return,
        }
    }
}

#[async_trait]
impl Consumer for NatsConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        let subscription = &self.subscription;
        let mut closing = subscription.session.closing();
        loop {
            let changed = subscription.changed.notified();
            tokio::pin!(changed);
            // From now on nothing is missed.
            changed.as_mut().enable();
            if *closing.borrow() {
                return Err(BrokerError::new(ErrorKind::Closed, "this client of NATS is closed"));
            }
            if let Some(error) = subscription.failure.lock().clone() {
                return Err(error);
            }
            let damage = subscription.topic.health.damage.borrow().clone();
            if let Some(Damage { message, .. }) = damage.as_ref().filter(|damage| damage.is_final) {
                return Err(BrokerError::new(ErrorKind::Incompatible, message.to_string()));
            }
            let due = {
                let mut in_flight = subscription.in_flight.lock();
                let given = if damage.is_some() {
                    Vec::new()
                } else {
                    in_flight.take(max, Instant::now())
                };
                if !given.is_empty() {
                    return Ok(given);
                }
                in_flight.next_due()
            };
            tokio::select! {
                () = changed => {}
                () = sleep_until(due) => {}
                () = raised(&mut closing) => {}
            }
        }
    }

    fn acker(&self) -> Arc<dyn Acker> {
        Arc::new(NatsAcker(self.subscription.clone()))
    }

    fn delivery(&self) -> watch::Receiver<Delivery> {
        self.subscription.delivery.subscribe()
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
