use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use danube_wasm_broker::{
    Broker as _, ConsumerOptions, StartAt,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{
    SubscriptionType, TopicName,
    clock::{OrderClock, RECORD_ORDER_MIN},
};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::TestedSource;

/// How long a test waits for records. Far above what it takes, so that only what never happens fails.
const WAITS_FOR: Duration = Duration::from_secs(120);
/// Of the records that are there when a wait was in vain, so many are shown.
const SHOWN: usize = 10;

/// What outlives the source's process: the log and what is noted in it.
pub struct Log {
    pub(crate) source: TestedSource,
    pub(crate) broker: Arc<EmbeddedBroker>,
    pub(crate) clock: Arc<OrderClock>,
    _dir: Option<TempDir>,
}

/// A record as it is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// The key as text.
    pub key: String,
    /// The key as it is; empty if there is none.
    pub key_bytes: Vec<u8>,
    /// The payload as text.
    pub text: String,
    /// Its place in the order of everything that this log took.
    pub order: u64,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

impl Record {
    /// An attribute; empty if it is not there.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Log {
    /// A new one, for the processes of this source.
    pub fn new(source: TestedSource) -> Self {
        Self::with(source, EmbeddedOptions::default())
    }

    /// One that takes records of at most so many bytes.
    pub fn narrow(source: TestedSource, record_bytes_max: usize) -> Self {
        Self::with(
            source,
            EmbeddedOptions {
                record_bytes_max,
                ..EmbeddedOptions::default()
            },
        )
    }

    /// The one of this directory, which another process of a test may have had before.
    pub fn at(source: TestedSource, dir: &Path) -> Self {
        Self::open(source, dir, EmbeddedOptions::default())
    }

    fn with(source: TestedSource, options: EmbeddedOptions) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut log = Self::open(source, dir.path(), options);
        log._dir = Some(dir);
        log
    }

    fn open(source: TestedSource, dir: &Path, options: EmbeddedOptions) -> Self {
        let clock = OrderClock::system();
        let options = EmbeddedOptions {
            orders: Some(clock.clone()),
            ..options
        };
        Self {
            source,
            broker: EmbeddedBroker::open(dir, options).expect("a log"),
            clock,
            _dir: None,
        }
    }

    /// Waits until there are so many different records, and gives all in their order, with those that are there twice.
    ///
    /// # Panics
    ///
    /// If they never are, as do all that follow.
    pub async fn records(&self, count: usize) -> Vec<Record> {
        self.records_in(self.source.topic(), count).await
    }

    /// As [`Self::records`], of another topic.
    pub async fn records_of(&self, topic: &str, count: usize) -> Vec<Record> {
        self.records_in(topic.parse().expect("a topic"), count).await
    }

    async fn records_in(&self, topic: TopicName, count: usize) -> Vec<Record> {
        let what = format!("{count} records are in {topic}");
        self.until_in(topic, &what, |records| {
            records.iter().map(|record| &record.id).collect::<HashSet<_>>().len() >= count
        })
        .await
    }

    /// Waits until the records are as they should be.
    pub async fn until(&self, what: &str, holds: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        self.until_in(self.source.topic(), what, holds).await
    }

    /// Waits for so many dead letters.
    pub async fn dead_letters(&self, count: usize) -> Vec<Record> {
        let topic = self.source.topic().dead_letters_of(&self.source.id());
        let what = format!("{count} dead letters are kept");
        self.until_in(topic, &what, |letters| letters.len() >= count).await
    }

    async fn until_in(&self, topic: TopicName, what: &str, holds: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        let options = ConsumerOptions {
            topic,
            subscription: format!("test-{:?}", Instant::now()),
            subscription_type: SubscriptionType::Exclusive,
            consumer: "test".to_owned(),
            start: StartAt::Earliest,
            unacknowledged_max: 1 << 20,
        };
        let mut consumer = self.broker.subscribe(options).await.expect("a consumer");
        let mut records = Vec::new();
        let reading = async {
            while !holds(&records) {
                let messages = consumer.receive(1000).await.expect("messages");
                records.extend(messages.into_iter().map(|message| {
                    // Below this are the orders of components, to which sinks compare by another rule.
                    assert!(
                        message.order() >= RECORD_ORDER_MIN,
                        "{}: {}",
                        message.id,
                        message.order()
                    );
                    let key = message.key.as_deref().unwrap_or_default();
                    Record {
                        id: message.id.as_str().to_owned(),
                        key: String::from_utf8_lossy(key).into_owned(),
                        key_bytes: key.to_vec(),
                        text: String::from_utf8_lossy(&message.payload).into_owned(),
                        order: message.order(),
                        attributes: message.attributes.into_iter().collect(),
                    }
                }));
            }
        };
        if tokio::time::timeout(WAITS_FOR, reading).await.is_err() {
            let (count, last) = (records.len(), &records[records.len().saturating_sub(SHOWN)..]);
            panic!("waited in vain until {what}; there are {count}, the last of them: {last:#?}");
        }
        records
    }
}

/// Texts of the records.
pub fn texts_of(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.text.as_str()).collect()
}

/// Texts of the records, of each id once: what a sink makes of them.
pub fn texts_once(records: &[Record]) -> Vec<String> {
    let mut seen = HashSet::new();
    let first = records.iter().filter(|record| seen.insert(record.id.clone()));
    first.map(|record| record.text.clone()).collect()
}
