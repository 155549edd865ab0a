//! The caller's side of a subscription.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{Acker, Consumer, ConsumerOptions, Delivery, Message, Result};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::{
    acker::SpoolAcker,
    relay::RelayTask,
    shared::{Shared, Subscription},
};
use crate::{catalog::Catalog, limits::START_TIME_MAX};

/// Subscribes. It works without the broker only if the spool made the subscription before: since the subscription
/// exists, no message is missed.
pub(crate) async fn consume(subscription: Subscription) -> Result<Box<dyn Consumer>> {
    let (options, catalog) = (&subscription.options, &subscription.catalog);
    let spill_topic = catalog.spill_topic(&options.topic, &options.subscription);
    let subscribing = subscription.broker.subscribe(options.clone());
    let consumer = match &spill_topic {
        None => {
            let consumer = subscribing.await?;
            remember(catalog, options).await;
            Some(consumer)
        }
        Some(_) => match timeout(START_TIME_MAX, subscribing).await {
            Ok(Ok(consumer)) => Some(consumer),
            Ok(Err(error)) if !error.is_transient() => return Err(error),
            Ok(Err(error)) => warn_unavailable(options, &error.message),
            Err(_) => warn_unavailable(options, "no answer"),
        },
    };
    let spilled = match spill_topic {
        Some(spill_topic) if subscription.store.unacknowledged(&spill_topic).await? > 0 => Some(spill_topic),
        _ => None,
    };
    let shared = Arc::new(Shared::default());
    let relay = RelayTask::start(Arc::new(subscription), shared.clone(), consumer, spilled).await?;
    Ok(Box::new(SpoolConsumer {
        shared,
        relay: tokio::spawn(relay.run()),
    }))
}

/// Consuming starts even if the disk is full.
async fn remember(catalog: &Catalog, options: &ConsumerOptions) {
    if let Err(error) = catalog.ensure_spill_topic(&options.topic, &options.subscription).await {
        tracing::warn!(topic = %options.topic, subscription = options.subscription, %error, "the spool cannot remember a subscription now: the next start needs the broker");
    }
}

fn warn_unavailable(options: &ConsumerOptions, why: &str) -> Option<Box<dyn Consumer>> {
    tracing::warn!(topic = %options.topic, subscription = options.subscription, why, "the broker is out of reach: this subscription is taken up again when it is back");
    None
}

struct SpoolConsumer {
    shared: Arc<Shared>,
    relay: JoinHandle<()>,
}

#[async_trait]
impl Consumer for SpoolConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        loop {
            // Before looking, so that nothing that comes after the look is missed.
            let available = self.shared.available.notified();
            let messages = self.shared.in_flight.lock().deliver(max.max(1));
            if !messages.is_empty() {
                return Ok(messages);
            }
            if let Some(error) = self.shared.error.lock().take() {
                return Err(error);
            }
            available.await;
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
        // This drops the consumers of the broker and of the log, which redelivers what is not acknowledged.
        self.relay.abort();
    }
}
