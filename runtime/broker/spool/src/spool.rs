//! [`Spool`]: a broker in front of a broker.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_broker::{
    Admin, Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Gap, Lag, MessageId, Publisher, Registry, Result,
    TopicSpec,
};
use danube_wasm_model::TopicName;
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet, time::timeout};

use crate::{
    catalog::Catalog,
    epochs::Epochs,
    limits::{OWN_NAMESPACE, PARTITIONS, START_TIME_MAX, STATUS_PAUSE, STATUS_PAUSE_MIN},
    options::SpoolOptions,
    schemas::{RecordingRegistry, RememberedRegistry},
    sink::{Subscription, consume},
    source::{Forwarder, Refused, SpoolPublisher, list_refused, remove_refused},
    status::SpoolStatus,
    store::{self, Store},
};

/// A broker that stores records and messages on this machine's disk when the broker behind it, or the target, is
/// unavailable. The [crate] describes the design. Dropping it stops it; it continues when it is opened again.
pub struct Spool {
    broker: Arc<dyn Broker>,
    options: SpoolOptions,
    store: Arc<Store>,
    catalog: Arc<Catalog>,
    remembered: Arc<RememberedRegistry>,
    epochs: Arc<Epochs>,
    /// The spec channel of each topic's forwarder.
    forwarders: Mutex<HashMap<TopicName, watch::Sender<TopicSpec>>>,
    tasks: Mutex<JoinSet<()>>,
    status: watch::Sender<SpoolStatus>,
}

impl Spool {
    /// Opens the spool in its directory, creating it if necessary, and starts to publish its records. The broker need
    /// not be reachable.
    ///
    /// Errors are those of [`danube_wasm_broker::embedded::EmbeddedBroker::open`].
    pub async fn open(broker: Arc<dyn Broker>, options: SpoolOptions) -> Result<Arc<Self>> {
        let store = Store::open(&options).await?;
        store.create(&store::refused()?, 0).await?;
        let catalog = Arc::new(Catalog::open(store.clone()).await?);
        let remembered = Arc::new(RememberedRegistry::open(store.clone()).await?);
        let status = watch::channel(store.status().await?).0;
        let spool = Self {
            epochs: Arc::new(Epochs::watch(&*broker)),
            broker,
            options,
            store,
            catalog,
            remembered,
            forwarders: Mutex::default(),
            tasks: Mutex::default(),
            status,
        };
        spool.resume().await?;
        let (store, status) = (spool.store.clone(), spool.status.clone());
        spool.tasks.lock().spawn(async move {
            let publish = |new| {
                status.send_if_modified(|old| std::mem::replace(old, new) != *old);
            };
            store.watch(STATUS_PAUSE, STATUS_PAUSE_MIN, publish).await;
        });
        Ok(Arc::new(spool))
    }

    /// The status, updated as it changes.
    pub fn status(&self) -> watch::Receiver<SpoolStatus> {
        self.status.subscribe()
    }

    /// The status, measured now.
    pub async fn measure(&self) -> Result<SpoolStatus> {
        self.store.status().await
    }

    /// What the broker's registry returned last through this spool, also before this process started: for a start
    /// without the broker. It answers from this disk and registers nothing.
    pub fn last_seen(&self) -> Arc<dyn Registry> {
        self.remembered.clone()
    }

    /// Records that the broker will never accept, oldest first, up to `max`. They stay here, and are counted in the
    /// [status](Spool::status), until they are removed.
    pub async fn refused(&self, max: usize) -> Result<Vec<Refused>> {
        list_refused(&self.store, max).await
    }

    /// Removes refused records; durable when it returns.
    pub async fn remove_refused(&self, places: &[MessageId]) -> Result<()> {
        remove_refused(&self.store, places).await?;
        self.store.board.changed.notify_one();
        Ok(())
    }

    /// Starts the forwarders of all topics, and logs which subscriptions have spilled messages.
    async fn resume(&self) -> Result<()> {
        for (topic, spec) in self.catalog.topics() {
            // No publisher exists yet: these are records of an earlier process.
            let leftover = self.store.unacknowledged(&topic).await?;
            self.forward(&topic, spec, leftover);
        }
        for ((topic, subscription), place) in self.catalog.subscriptions() {
            let messages = self.store.unacknowledged(&place).await?;
            if messages > 0 {
                tracing::info!(%topic, subscription, messages, directory = %self.options.directory.display(), "the spool holds messages, which are delivered when this subscription is consumed");
            }
        }
        Ok(())
    }

    /// Starts the forwarder of a topic with `leftover` records of an earlier process, or passes the new spec to the one
    /// that runs.
    fn forward(&self, topic: &TopicName, spec: TopicSpec, leftover: u64) {
        let mut forwarders = self.forwarders.lock();
        if let Some(forwarder) = forwarders.get(topic) {
            forwarder.send_if_modified(|old| std::mem::replace(old, spec) != *old);
            return;
        }
        let (sender, receiver) = watch::channel(spec);
        let forwarder = Forwarder::new(
            topic.clone(),
            receiver,
            self.broker.clone(),
            self.store.clone(),
            self.epochs.clone(),
            self.options.flush,
            leftover,
        );
        forwarders.insert(topic.clone(), sender);
        self.tasks.lock().spawn(forwarder.run());
    }
}

#[async_trait]
impl Broker for Spool {
    /// Succeeds without the broker, which gets the topic before its first record. It fails only if the broker answers
    /// at once that the topic exists with another spec: nothing could ever be published to it.
    async fn create_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<()> {
        if topic.namespace() == OWN_NAMESPACE {
            let message = format!("{topic} is in the spool's own namespace: use another");
            return Err(BrokerError::new(ErrorKind::Denied, message));
        }
        match timeout(START_TIME_MAX, self.broker.create_topic(topic, spec.clone())).await {
            Ok(Err(error)) if error.kind == ErrorKind::Conflict => return Err(error),
            Ok(Err(error)) => {
                tracing::warn!(%topic, %error, "the topic cannot be created now; the spool takes records for it")
            }
            Ok(Ok(())) | Err(_) => {}
        }
        self.store.create(topic, PARTITIONS).await?;
        self.catalog.remember(topic, &spec).await?;
        self.forward(topic, spec, 0);
        Ok(())
    }

    async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>> {
        Ok(Arc::new(SpoolPublisher {
            store: self.store.clone(),
            catalog: self.catalog.clone(),
            log: self.store.publisher(producer).await?,
            record_bytes_max: self.options.record_bytes_max,
        }))
    }

    /// Needs the broker the first time. After that the subscription exists, and messages published before the broker is
    /// reachable again are not missed. Spilled messages are delivered first.
    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
        let subscription = Subscription {
            broker: self.broker.clone(),
            store: self.store.clone(),
            catalog: self.catalog.clone(),
            epochs: self.epochs.clone(),
            hold_max: self.options.hold_max,
            options,
        };
        consume(subscription).await
    }

    /// The broker's registry, which must be reachable; its answers are stored for [`Spool::last_seen`].
    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(RecordingRegistry {
            registry: self.broker.registry(),
            remembered: self.remembered.clone(),
        })
    }

    /// The broker's lag plus the spilled messages.
    async fn lag(&self) -> Result<Vec<Lag>> {
        let mut lags = self.broker.lag().await?;
        for ((topic, subscription), place) in self.catalog.subscriptions() {
            let messages = self.store.unacknowledged(&place).await?;
            match lags
                .iter_mut()
                .find(|lag| lag.topic == topic && lag.subscription == subscription)
            {
                Some(lag) => lag.messages += messages,
                None => lags.push(Lag {
                    topic,
                    subscription,
                    messages,
                }),
            }
        }
        Ok(lags)
    }

    /// Whether it takes records. Whether the broker is reachable is part of the [status](Spool::status).
    async fn ready(&self) -> Result<()> {
        self.store.log.ready().await?;
        self.store.check_room()
    }

    fn sessions(&self) -> watch::Receiver<u64> {
        // Confirmed records are on this disk.
        watch::channel(0).1
    }

    fn gaps(&self) -> Vec<Gap> {
        self.broker.gaps()
    }

    fn acknowledge_gaps(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        self.broker.acknowledge_gaps(topic, subscription)
    }

    /// Confirmed records are on this disk, and leave it for a broker that may not keep them.
    fn is_durable(&self, topic: &TopicName) -> Option<bool> {
        self.catalog.spec(topic, |spec| spec.reliable_dispatch)
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        self.broker.admin()
    }

    /// Closes the spool, not the broker behind it.
    async fn close(&self) -> Result<()> {
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
        self.store.log.close().await
    }
}
