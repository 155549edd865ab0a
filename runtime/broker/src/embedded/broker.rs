//! [`Broker`] on the log.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use danube_wasm_model::TopicName;
use parking_lot::RwLock;
use tokio::sync::oneshot;

use super::{
    admin::EmbeddedAdmin,
    catalog::{self, Topics},
    consumer::EmbeddedConsumer,
    copying,
    limits::NAME_BYTES_MAX,
    options::EmbeddedOptions,
    publisher::EmbeddedPublisher,
    queue::{Command, Queue},
    registry::EmbeddedRegistry,
    shared::{Shared, writer_ended},
    store::Store,
    window::Window,
    writer::Writer,
};
use crate::{
    Admin, Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Lag, Publisher, Registry, Result, TopicSpec,
};

/// A durable log in a directory of this machine, used by one process at a time. The [module](super) has the design.
///
/// Dropping it closes it too, without waiting: what was handed over is still written.
pub struct EmbeddedBroker(Arc<Shared>);

impl EmbeddedBroker {
    /// Opens the log in `directory`, creating both if need be. This reads the whole log to check it, so it takes time in
    /// proportion to what is stored; it blocks its thread.
    ///
    /// Errors: [`ErrorKind::Conflict`] when another process uses the directory, [`ErrorKind::Incompatible`] when what is
    /// there is newer, damaged or not a log, [`ErrorKind::Denied`] or [`ErrorKind::Storage`] when it cannot be used.
    pub fn open(directory: &Path, options: EmbeddedOptions) -> Result<Arc<Self>> {
        let store = Store::open(directory, options.disk.clone(), options.cache_bytes)?;
        let queue = Queue::new(options.queue_bytes_max);
        let shared = Shared {
            options,
            store,
            queue,
            topics: RwLock::default(),
        };
        let known = shared
            .store
            .read(|transaction| catalog::load(transaction, &Topics::new()))
            .map_err(|fault| fault.into_broker_error(directory))?;
        if !shared.options.unfinished_copies {
            copying::refuse_unfinished(&shared)?;
        }
        *shared.topics.write() = known.topics;
        if let Some(orders) = &shared.options.orders {
            orders.observe_ms(known.newest_ms);
        }
        let shared = Arc::new(shared);
        let writer = Writer::new(shared.clone(), known.partitions, known.pending_deletes);
        std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer.run())
            .map_err(|e| BrokerError::new(ErrorKind::Unavailable, format!("no thread for the log's writer: {e}")))?;
        Ok(Arc::new(Self(shared)))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// Subscribes to all partitions, or to one.
    pub(super) async fn attach(&self, options: ConsumerOptions, only: Option<usize>) -> Result<EmbeddedConsumer> {
        check_name("subscription", &options.subscription)?;
        check_name("consumer", &options.consumer)?;
        self.0.queue.close_reason().map_or(Ok(()), Err)?;
        let topic = self.0.topic(&options.topic)?;
        let kind = options.subscription_type;
        let known = topic
            .subscription(&options.subscription)
            .filter(|s| s.dispatcher.lock().kind() == kind);
        let subscription = match known {
            Some(known) => known,
            None => {
                let (topic, name, start) = (topic.clone(), options.subscription.clone(), options.start);
                self.0
                    .send(|reply| Command::Subscribe {
                        topic,
                        name,
                        kind,
                        start,
                        reply,
                    })
                    .await?
            }
        };
        let attached = {
            let mut dispatcher = subscription.dispatcher.lock();
            let attached = dispatcher.attach(&options.consumer, kind, only, options.unacknowledged_max);
            attached.map(|consumer| (consumer, dispatcher.windows().iter().map(Window::position).collect()))
        };
        let (consumer, began) = attached.map_err(|e| {
            let place = format!("subscription `{}` of {}", options.subscription, options.topic);
            BrokerError::new(e.kind, format!("{place}: {}", e.message))
        })?;
        subscription.changed.notify_waiters();
        Ok(EmbeddedConsumer {
            shared: self.0.clone(),
            topic,
            subscription,
            consumer,
            began,
        })
    }
}

#[async_trait]
impl Broker for EmbeddedBroker {
    async fn create_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<()> {
        if self
            .0
            .topics
            .read()
            .get(topic)
            .is_some_and(|known| known.partitions() == spec.partitions)
        {
            return self.0.queue.close_reason().map_or(Ok(()), Err);
        }
        let topic = topic.clone();
        self.0.send(|reply| Command::CreateTopic { topic, spec, reply }).await
    }

    async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>> {
        check_name("producer", producer)?;
        self.0.queue.close_reason().map_or(Ok(()), Err)?;
        Ok(Arc::new(EmbeddedPublisher {
            shared: self.0.clone(),
            producer: producer.to_owned(),
            partition: None,
        }))
    }

    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
        Ok(Box::new(self.attach(options, None).await?))
    }

    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(EmbeddedRegistry(self.0.clone()))
    }

    async fn lag(&self) -> Result<Vec<Lag>> {
        self.0.queue.close_reason().map_or(Ok(()), Err)?;
        let topics = self.0.topics.read();
        let lags = topics.values().flat_map(|topic| {
            topic.subscriptions().into_iter().map(|subscription| Lag {
                topic: topic.name.clone(),
                subscription: subscription.name.clone(),
                messages: subscription.dispatcher.lock().lag(),
            })
        });
        let mut lags: Vec<Lag> = lags.collect();
        lags.sort_by(|a, b| (&a.topic, &a.subscription).cmp(&(&b.topic, &b.subscription)));
        Ok(lags)
    }

    async fn ready(&self) -> Result<()> {
        self.0.ready()
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(EmbeddedAdmin(self.0.clone())))
    }

    async fn close(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        if self
            .0
            .queue
            .close(closed(), Some(Command::Close { reply: Some(reply) }))
        {
            answer.await.unwrap_or_else(|_| Err(writer_ended()))
        } else {
            Ok(())
        }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.0.queue.close(closed(), Some(Command::Close { reply: None }));
    }
}

fn closed() -> BrokerError {
    BrokerError::new(ErrorKind::Closed, "the log is closed: this process is stopping")
}

pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    if !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!(
        "a {what} name has 1 to {NAME_BYTES_MAX} bytes and no control characters: `{}`",
        name.escape_debug()
    );
    Err(BrokerError::new(ErrorKind::Denied, message))
}
