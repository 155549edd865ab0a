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
    schemas::{Asking, Memory},
    sink::{Subscription, consume},
    source::{Forwarder, Refused, SpoolPublisher, let_refused_go, list_refused},
    status::SpoolStatus,
    store::{self, Store},
};

/// A broker whose publishers and consumers go by way of a disk of this machine when the one behind it, or the target,
/// is away. The [crate] has the design. Dropping it stops it; what it holds is passed on after it is opened again.
pub struct Spool {
    broker: Arc<dyn Broker>,
    options: SpoolOptions,
    store: Arc<Store>,
    catalog: Arc<Catalog>,
    memory: Arc<Memory>,
    epochs: Arc<Epochs>,
    /// The forwarder of each topic, as far as it listens.
    forwarders: Mutex<HashMap<TopicName, watch::Sender<TopicSpec>>>,
    tasks: Mutex<JoinSet<()>>,
    status: watch::Sender<SpoolStatus>,
}

impl Spool {
    /// Opens the spool in its directory, creating it if need be, and begins to publish what it holds. The broker need
    /// not be in reach.
    ///
    /// Errors are those of [`danube_wasm_broker::embedded::EmbeddedBroker::open`], which it is kept by.
    pub async fn open(broker: Arc<dyn Broker>, options: SpoolOptions) -> Result<Arc<Self>> {
        let store = Store::open(&options).await?;
        store.create(&store::refused()?, 0).await?;
        let catalog = Arc::new(Catalog::open(store.clone()).await?);
        let memory = Arc::new(Memory::open(store.clone()).await?);
        let status = watch::channel(store.status().await?).0;
        let spool = Self {
            epochs: Arc::new(Epochs::of(&*broker)),
            broker,
            options,
            store,
            catalog,
            memory,
            forwarders: Mutex::default(),
            tasks: Mutex::default(),
            status,
        };
        spool.resume().await?;
        let (store, status) = (spool.store.clone(), spool.status.clone());
        spool.tasks.lock().spawn(async move {
            let tell = |new| {
                status.send_if_modified(|old| std::mem::replace(old, new) != *old);
            };
            store.watch(STATUS_PAUSE, STATUS_PAUSE_MIN, tell).await;
        });
        Ok(Arc::new(spool))
    }

    /// Follows how full it is and what is in the way.
    pub fn status(&self) -> watch::Receiver<SpoolStatus> {
        self.status.subscribe()
    }

    /// How full it is and what is in the way, measured now.
    pub async fn measure(&self) -> Result<SpoolStatus> {
        self.store.status().await
    }

    /// What the broker's registry said last to those who asked through here, before this process started, too: for a
    /// start while the broker is away. It answers at once and from this disk, and registers nothing.
    pub fn last_seen(&self) -> Arc<dyn Registry> {
        self.memory.clone()
    }

    /// Records that the broker will never accept, oldest first, up to `max`. They stay here, and are counted in the
    /// [status](Spool::status), until somebody has taken them.
    pub async fn refused(&self, max: usize) -> Result<Vec<Refused>> {
        list_refused(&self.store, max).await
    }

    /// Forgets refused records that somebody has taken; durable when it returns.
    pub async fn let_refused_go(&self, places: &[MessageId]) -> Result<()> {
        let_refused_go(&self.store, places).await?;
        self.store.board.changed.notify_one();
        Ok(())
    }

    /// Goes on with what the spool holds, and says what nobody may ask for any more.
    async fn resume(&self) -> Result<()> {
        for (topic, spec) in self.catalog.topics() {
            // Nobody publishes yet: an earlier process has left it.
            let left = self.store.waiting(&topic).await?;
            self.forward(&topic, spec, left);
        }
        for ((topic, subscription), place) in self.catalog.subscriptions() {
            let messages = self.store.waiting(&place).await?;
            if messages > 0 {
                tracing::info!(%topic, subscription, messages, directory = %self.options.directory.display(), "the spool holds messages, which are delivered when this subscription is consumed");
            }
        }
        Ok(())
    }

    /// Starts the forwarder of a topic, of which so many records were left, or tells it how the topic is asked for now.
    fn forward(&self, topic: &TopicName, spec: TopicSpec, left: u64) {
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
            left,
        );
        forwarders.insert(topic.clone(), sender);
        self.tasks.lock().spawn(forwarder.run());
    }
}

#[async_trait]
impl Broker for Spool {
    /// Succeeds without the broker, which gets the topic before its first record. A broker that answers at once that it
    /// has the topic otherwise is believed: nothing could ever be published to it.
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

    /// Needs the broker the first time. Later the subscription is there, and nothing is missed that comes before the
    /// broker is in reach; what the spool holds comes first.
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

    /// The broker's, which is needed to answer; what it says is there for [`Spool::last_seen`].
    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(Asking {
            registry: self.broker.registry(),
            memory: self.memory.clone(),
        })
    }

    /// The broker's, with what is held here.
    async fn lag(&self) -> Result<Vec<Lag>> {
        let mut lags = self.broker.lag().await?;
        for ((topic, subscription), place) in self.catalog.subscriptions() {
            let messages = self.store.waiting(&place).await?;
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

    /// Whether it takes records. That the broker is away is in the [status](Spool::status).
    async fn ready(&self) -> Result<()> {
        self.store.log.ready().await?;
        self.store.ready()
    }

    fn sessions(&self) -> watch::Receiver<u64> {
        // What was confirmed here is on this disk.
        watch::channel(0).1
    }

    fn gaps(&self) -> Vec<Gap> {
        self.broker.gaps()
    }

    fn acknowledge_gaps(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        self.broker.acknowledge_gaps(topic, subscription)
    }

    /// What was confirmed is on this disk, and leaves it for a broker that may not keep it.
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
