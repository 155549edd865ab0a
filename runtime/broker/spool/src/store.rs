//! The embedded log of a spool, and how full it is.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_broker::{
    Acker, Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Message, Outgoing, Publisher, Result, StartAt,
    TopicSpec,
    embedded::{Browse, EmbeddedBroker, EmbeddedOptions, RetentionOptions},
};
use danube_wasm_model::{SubscriptionType, TopicName};

use crate::{
    limits::{HELD_BYTES_MAX, OWN_NAMESPACE, READ_ONCE_MAX},
    options::SpoolOptions,
    status::{SpoolStatus, StatusBoard},
    usage::{Reservation, Usage},
};

/// The subscription and the consumer of every topic in the log.
const SPOOL: &str = "spool";

/// See the module.
pub(crate) struct Store {
    pub(crate) log: Arc<EmbeddedBroker>,
    pub(crate) board: StatusBoard,
    usage: Arc<Usage>,
    directory: String,
}

impl Store {
    /// Opens the log. After a crash it is read completely, on a blocking thread.
    pub(crate) async fn open(options: &SpoolOptions) -> Result<Arc<Self>> {
        let directory = options.directory.clone();
        let log = EmbeddedOptions {
            // Records must stay until they were passed on, and not longer.
            retention: RetentionOptions {
                keep: Duration::ZERO,
                unsubscribed_age: None,
                ..RetentionOptions::default()
            },
            record_bytes_max: HELD_BYTES_MAX,
            cache_bytes: 16 << 20,
            disk: options.disk.clone(),
            orders: options.orders.clone(),
            ..EmbeddedOptions::default()
        };
        let opened = tokio::task::spawn_blocking(move || EmbeddedBroker::open(&directory, log)).await;
        let store = Self {
            log: opened.unwrap_or_else(|e| Err(BrokerError::new(ErrorKind::Closed, e.to_string())))?,
            board: StatusBoard::default(),
            usage: Usage::new(options.bytes_max),
            directory: options.directory.display().to_string(),
        };
        store.status().await?;
        Ok(Arc::new(store))
    }

    /// Reserves room for `bytes`; [`ErrorKind::Storage`] if there is not enough.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<Reservation> {
        self.usage.reserve(bytes).ok_or_else(|| {
            self.board.changed.notify_one();
            self.full()
        })
    }

    /// Free bytes.
    pub(crate) fn free_bytes(&self) -> usize {
        usize::try_from(self.usage.free_bytes()).unwrap_or(usize::MAX)
    }

    /// Fails if the spool is full.
    pub(crate) fn check_room(&self) -> Result<()> {
        if self.usage.is_full() { Err(self.full()) } else { Ok(()) }
    }

    fn full(&self) -> BrokerError {
        let (used, max) = (self.usage.used(), self.usage.bytes_max());
        let message = format!(
            "the spool in {} is full: it holds {used} of at most {max} bytes. It empties when what is behind it answers \
             again; `max_bytes` of the buffer sets its size",
            self.directory
        );
        BrokerError::new(ErrorKind::Storage, message)
    }

    /// Creates a topic of the log, with its one subscription.
    pub(crate) async fn create(&self, topic: &TopicName, partitions: u32) -> Result<()> {
        let spec = TopicSpec {
            partitions,
            reliable_dispatch: true,
            ..TopicSpec::default()
        };
        self.log.create_topic(topic, spec).await?;
        // Not while a consumer exists, which this would replace.
        if self.log.lag().await?.iter().all(|lag| lag.topic != *topic) {
            self.read(topic, SubscriptionType::Exclusive, 1).await?;
        }
        Ok(())
    }

    /// Opens the consumer of a topic of the log, replacing the one before. Messages that it left unacknowledged are
    /// delivered again.
    pub(crate) async fn read(
        &self,
        topic: &TopicName,
        subscription_type: SubscriptionType,
        unacknowledged_max: usize,
    ) -> Result<Box<dyn Consumer>> {
        let options = ConsumerOptions {
            topic: topic.clone(),
            subscription: SPOOL.into(),
            subscription_type,
            consumer: SPOOL.into(),
            start: StartAt::Earliest,
            unacknowledged_max,
        };
        self.log.subscribe(options).await
    }

    /// Reads the unacknowledged messages of a topic of the log without consuming them.
    pub(crate) fn browse(&self, topic: &TopicName) -> Result<Browse> {
        self.log.browse(topic, SPOOL)
    }

    /// An acker for a topic of the log, for messages of any consumer.
    pub(crate) fn acker(&self, topic: &TopicName) -> Result<Arc<dyn Acker>> {
        self.log.acker(topic, SPOOL)
    }

    /// Reads every message of a topic in which nothing is acknowledged, oldest first. Creates it if necessary.
    pub(crate) async fn read_all(&self, topic: &TopicName, mut each: impl FnMut(Message) -> Result<()>) -> Result<()> {
        self.create(topic, 0).await?;
        let mut consumer = self.read(topic, SubscriptionType::Exclusive, usize::MAX).await?;
        let mut left = self.unacknowledged(topic).await?;
        while left > 0 {
            for message in consumer.receive(READ_ONCE_MAX).await? {
                each(message)?;
                left = left.saturating_sub(1);
            }
        }
        Ok(())
    }

    /// Writes records as one transaction, even if the spool is full; returns when they are durable.
    pub(crate) async fn write(&self, records: Vec<Outgoing>) -> Result<()> {
        let publisher = self.log.publisher(SPOOL).await?;
        let published = publisher.publish(vec![records]).await;
        published.into_iter().try_for_each(|result| result.map(drop))
    }

    /// A publisher of the log.
    pub(crate) async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>> {
        self.log.publisher(producer).await
    }

    /// Messages of a topic of the log that are not acknowledged.
    pub(crate) async fn unacknowledged(&self, topic: &TopicName) -> Result<u64> {
        let lags = self.log.lag().await?;
        Ok(lags
            .iter()
            .filter(|lag| lag.topic == *topic)
            .map(|lag| lag.messages)
            .sum())
    }

    /// Measures the log.
    pub(crate) async fn status(&self) -> Result<SpoolStatus> {
        let before = self.usage.begin_measuring();
        if let Some(admin) = self.log.admin() {
            let topics = admin.topics().await?;
            self.usage
                .measured(topics.iter().filter_map(|topic| topic.bytes).sum(), before);
        }
        let mut status = SpoolStatus {
            bytes: self.usage.used(),
            bytes_max: self.usage.bytes_max(),
            full: self.usage.is_full(),
            ..SpoolStatus::default()
        };
        for lag in self.log.lag().await? {
            match (lag.topic.namespace(), lag.topic.name()) {
                (OWN_NAMESPACE, CATALOG | SCHEMAS) => {}
                (OWN_NAMESPACE, REFUSED) => status.refused += lag.messages,
                _ => status.records += lag.messages,
            }
        }
        self.board.add_to(&mut status);
        Ok(status)
    }

    /// Publishes the status when something changed, and every `pause_max` at least.
    pub(crate) async fn watch(&self, pause_max: Duration, pause_min: Duration, mut publish: impl FnMut(SpoolStatus)) {
        loop {
            match self.status().await {
                Ok(status) => publish(status),
                Err(error) => tracing::debug!(%error, "the spool cannot be measured now"),
            }
            tokio::time::sleep(pause_min).await;
            let _ = tokio::time::timeout(pause_max, self.board.changed.notified()).await;
        }
    }
}

const CATALOG: &str = "catalog";
const REFUSED: &str = "refused";
const SCHEMAS: &str = "schemas";

/// The topic of the catalog.
pub(crate) fn catalog() -> Result<TopicName> {
    own_topic(CATALOG)
}

/// The topic of the remembered schemas.
pub(crate) fn schemas() -> Result<TopicName> {
    own_topic(SCHEMAS)
}

/// The topic of the refused records.
pub(crate) fn refused() -> Result<TopicName> {
    own_topic(REFUSED)
}

/// The topic for spilled messages of subscription number `n`.
pub(crate) fn spill_topic(n: usize) -> Result<TopicName> {
    own_topic(&format!("held-{n}"))
}

fn own_topic(name: &str) -> Result<TopicName> {
    let topic = format!("/{OWN_NAMESPACE}/{name}").parse();
    // All names above are valid.
    topic.map_err(|e| BrokerError::new(ErrorKind::Incompatible, format!("{e}")))
}

/// Approximate bytes of a record in the log.
pub(crate) fn record_size(record: &Outgoing) -> usize {
    let attributes: usize = record.attributes.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
    let key = record.key.as_ref().map_or(0, Bytes::len);
    record.payload.len() + attributes + key + record.id.as_str().len() + 64
}
