//! The caller's side of a subscription.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::{Acker, Broker, BrokerError, Consumer, ConsumerOptions, Delivery, ErrorKind, Message, Result};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::timeout,
};

use super::{
    acker::{SpoolAcker, out_of_reach},
    hand::Hand,
    known::Known,
    pump::Pump,
};
use crate::{catalog::Catalog, epochs::Epochs, limits::START_TIME_MAX, store::Store};

/// What is consumed, and with what.
pub(crate) struct Subscription {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) store: Arc<Store>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) hold_max: Duration,
    pub(crate) options: ConsumerOptions,
}

/// What the caller and the pump share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) hand: Mutex<Hand>,
    pub(super) known: Mutex<Known>,
    /// What the caller is told when it has nothing in hand.
    error: Mutex<Option<BrokerError>>,
    /// What the broker owes.
    delivery: watch::Sender<Delivery>,
    at_broker: Mutex<Option<Arc<dyn Acker>>>,
    on_disk: Mutex<Option<Arc<dyn Acker>>>,
    /// There is something for the caller.
    filled: Notify,
    /// Copies were read back.
    pub(super) moved: Notify,
    /// The caller did something that the pump waits for.
    pub(super) woken: Notify,
}

/// Subscribes. Without the broker only if the spool made the subscription before: then nothing that comes meanwhile is
/// missed, because the subscription is there.
pub(crate) async fn consume(subscription: Subscription) -> Result<Box<dyn Consumer>> {
    let (options, catalog) = (&subscription.options, &subscription.catalog);
    let place = catalog.place(&options.topic, &options.subscription);
    let subscribing = subscription.broker.subscribe(options.clone());
    let consumer = match &place {
        None => {
            let consumer = subscribing.await?;
            remember(catalog, options).await;
            Some(consumer)
        }
        Some(_) => match timeout(START_TIME_MAX, subscribing).await {
            Ok(Ok(consumer)) => Some(consumer),
            Ok(Err(error)) if !error.is_transient() => return Err(error),
            Ok(Err(error)) => out_of_reach_now(options, &error.message),
            Err(_) => out_of_reach_now(options, "no answer"),
        },
    };
    let held = match place {
        Some(place) if subscription.store.waiting(&place).await? > 0 => Some(place),
        _ => None,
    };
    let shared = Arc::new(Shared::default());
    let pump = Pump::start(Arc::new(subscription), shared.clone(), consumer, held).await?;
    Ok(Box::new(SpoolConsumer {
        shared,
        pump: tokio::spawn(pump.run()),
    }))
}

/// A disk that is full now is no reason not to consume.
async fn remember(catalog: &Catalog, options: &ConsumerOptions) {
    if let Err(error) = catalog.make_place(&options.topic, &options.subscription).await {
        tracing::warn!(topic = %options.topic, subscription = options.subscription, %error, "the spool cannot remember a subscription now: the next start needs the broker");
    }
}

fn out_of_reach_now(options: &ConsumerOptions, why: &str) -> Option<Box<dyn Consumer>> {
    tracing::warn!(topic = %options.topic, subscription = options.subscription, why, "the broker is out of reach: this subscription is taken up again when it is back");
    None
}

struct SpoolConsumer {
    shared: Arc<Shared>,
    pump: JoinHandle<()>,
}

#[async_trait]
impl Consumer for SpoolConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        loop {
            // Before looking, so that nothing that comes after the look is missed.
            let filled = self.shared.filled.notified();
            let messages = self.shared.hand.lock().take(max.max(1));
            if !messages.is_empty() {
                return Ok(messages);
            }
            if let Some(error) = self.shared.error.lock().take() {
                return Err(error);
            }
            filled.await;
        }
    }

    fn acker(&self) -> Arc<dyn Acker> {
        Arc::new(SpoolAcker(self.shared.clone()))
    }

    fn delivery(&self) -> watch::Receiver<Delivery> {
        self.shared.delivery.subscribe()
    }
}

impl Drop for SpoolConsumer {
    fn drop(&mut self) {
        // With it go the consumers of the broker and of the log, which gives back what is not acknowledged.
        self.pump.abort();
    }
}

impl Shared {
    /// There is something in hand for the caller.
    pub(super) fn filled(&self) {
        self.filled.notify_waiters();
    }

    /// The caller is told, unless there is something in hand.
    pub(super) fn fail(&self, error: BrokerError) {
        *self.error.lock() = Some(error);
        self.filled.notify_waiters();
    }

    /// The caller need not be told any more.
    pub(super) fn recovered(&self) {
        *self.error.lock() = None;
    }

    /// What the broker owes now.
    pub(super) fn owes(&self, delivery: Delivery) {
        self.delivery.send_if_modified(|shown| {
            let is_news = *shown != delivery;
            *shown = delivery;
            is_news
        });
    }

    /// The broker is in reach.
    pub(super) fn connected(&self, acker: Arc<dyn Acker>) {
        *self.at_broker.lock() = Some(acker);
    }

    /// The log is read.
    pub(super) fn opened(&self, acker: Arc<dyn Acker>) {
        *self.on_disk.lock() = Some(acker);
    }

    pub(super) fn at_broker(&self) -> Result<Arc<dyn Acker>> {
        self.at_broker.lock().clone().ok_or_else(out_of_reach)
    }

    pub(super) fn on_disk(&self) -> Result<Arc<dyn Acker>> {
        self.on_disk.lock().clone().ok_or_else(out_of_reach)
    }

    /// The pump has ended, which only the end of the process or a defect explains.
    pub(super) fn end(&self) {
        let message = "the consumer has ended: see the log above";
        self.fail(BrokerError::new(ErrorKind::Closed, message));
    }
}
