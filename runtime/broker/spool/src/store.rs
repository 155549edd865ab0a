//! The log that a spool is kept in, and how full it is.

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
    status::{Board, SpoolStatus},
    usage::{Room, Usage},
};

/// The subscription and the consumer of every topic in the log.
const SPOOL: &str = "spool";

/// See the module.
pub(crate) struct Store {
    pub(crate) log: Arc<EmbeddedBroker>,
    pub(crate) board: Board,
    usage: Arc<Usage>,
    directory: String,
}

impl Store {
    /// Opens the log. After a crash it is read whole, on a thread that may wait.
    pub(crate) async fn open(options: &SpoolOptions) -> Result<Arc<Self>> {
        let directory = options.directory.clone();
        let log = EmbeddedOptions {
            // Nothing here may go before it was passed on, nor stay after.
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
            board: Board::default(),
            usage: Usage::new(options.bytes_max),
            directory: options.directory.display().to_string(),
        };
        store.status().await?;
        Ok(Arc::new(store))
    }

    /// Room for so many bytes.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<Room> {
        self.usage.reserve(bytes).ok_or_else(|| {
            self.board.changed.notify_one();
            self.full()
        })
    }

    /// Bytes that there is room for.
    pub(crate) fn room(&self) -> usize {
        usize::try_from(self.usage.room()).unwrap_or(usize::MAX)
    }

    /// Whether there is room for something.
    pub(crate) fn ready(&self) -> Result<()> {
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
        // Not in the place of a consumer that is at work.
        if self.log.lag().await?.iter().all(|lag| lag.topic != *topic) {
            self.read(topic, SubscriptionType::Exclusive, 1).await?;
        }
        Ok(())
    }

    /// The consumer of a topic of the log, in the place of the one before. What that one left unacknowledged comes again.
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

    /// A look at what waits in a topic of the log.
    pub(crate) fn browse(&self, topic: &TopicName) -> Result<Browse> {
        self.log.browse(topic, SPOOL)
    }

    /// Acknowledges what waits in a topic of the log, whoever has it.
    pub(crate) fn acker(&self, topic: &TopicName) -> Result<Arc<dyn Acker>> {
        self.log.acker(topic, SPOOL)
    }

    /// Reads all that was ever written to a topic in which nothing is acknowledged, oldest first. Makes it if need be.
    pub(crate) async fn read_all(&self, topic: &TopicName, mut each: impl FnMut(Message) -> Result<()>) -> Result<()> {
        self.create(topic, 0).await?;
        let mut consumer = self.read(topic, SubscriptionType::Exclusive, usize::MAX).await?;
        let mut left = self.waiting(topic).await?;
        while left > 0 {
            for message in consumer.receive(READ_ONCE_MAX).await? {
                each(message)?;
                left = left.saturating_sub(1);
            }
        }
        Ok(())
    }

    /// Writes records as one transaction, whether there is room or not; returns when they are durable.
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
    pub(crate) async fn waiting(&self, topic: &TopicName) -> Result<u64> {
        let lags = self.log.lag().await?;
        Ok(lags
            .iter()
            .filter(|lag| lag.topic == *topic)
            .map(|lag| lag.messages)
            .sum())
    }

    /// Measures the log.
    pub(crate) async fn status(&self) -> Result<SpoolStatus> {
        let before = self.usage.measuring();
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
        self.board.fill(&mut status);
        Ok(status)
    }

    /// Draws up the status when something changed, and from time to time.
    pub(crate) async fn watch(&self, pause_max: Duration, pause_min: Duration, mut tell: impl FnMut(SpoolStatus)) {
        loop {
            match self.status().await {
                Ok(status) => tell(status),
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

/// Where the spool remembers what topics and subscriptions it serves.
pub(crate) fn catalog() -> Result<TopicName> {
    own(CATALOG)
}

/// Where the spool remembers what the broker's registry said.
pub(crate) fn schemas() -> Result<TopicName> {
    own(SCHEMAS)
}

/// Where records are that the broker will never accept.
pub(crate) fn refused() -> Result<TopicName> {
    own(REFUSED)
}

/// Where the messages of subscription number `n` are held.
pub(crate) fn held(n: usize) -> Result<TopicName> {
    own(&format!("held-{n}"))
}

fn own(name: &str) -> Result<TopicName> {
    let topic = format!("/{OWN_NAMESPACE}/{name}").parse();
    // All names above are valid.
    topic.map_err(|e| BrokerError::new(ErrorKind::Incompatible, format!("{e}")))
}

/// About the bytes that a record takes in the log.
pub(crate) fn size(record: &Outgoing) -> usize {
    let attributes: usize = record.attributes.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
    let key = record.key.as_ref().map_or(0, Bytes::len);
    record.payload.len() + attributes + key + record.id.as_str().len() + 64
}
