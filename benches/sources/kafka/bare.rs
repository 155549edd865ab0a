//! The bare side: `rdkafka`'s consumer, and the log that danube-wasm embeds.

use std::{
    collections::VecDeque,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use danube_wasm_benches::Clock;
use danube_wasm_broker::{
    Broker, Outgoing, Published, Publisher, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{RecordId, TopicName};
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    message::BorrowedMessage,
};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::{ORDERS, PARTITIONS, TOPIC};

/// First argument of this process.
pub(crate) const ROLE: &str = "bare";

/// As danube-wasm's: events of a call.
const BATCH: usize = 512;
/// Batches that are appended and not yet durable.
const UNDER_WAY: usize = 16;
const POLL_WAIT: Duration = Duration::from_millis(20);
/// Longest wait for the next record.
const STANDSTILL_MAX: Duration = Duration::from_secs(60);

/// Reads as many records as the arguments say: of the brokers, the group, the log's directory.
pub(crate) fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(2).collect();
    let [brokers, group, directory, records] = &arguments[..] else {
        bail!("these are not the arguments: {arguments:?}")
    };
    let records: u64 = records.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let log = EmbeddedBroker::open(Path::new(directory), EmbeddedOptions::default())?;
    let consumer = consumer(brokers, group)?;
    let mut appender = runtime.block_on(Appender::new(&runtime, &*log))?;
    let mut clock = Clock::default();
    let mut read = 0;
    let mut moved = Instant::now();
    while read < records {
        let batch = poll(&consumer, &mut clock)?;
        read += batch.len() as u64;
        match batch.is_empty() {
            true => ensure!(
                moved.elapsed() < STANDSTILL_MAX,
                "{read} of {records} records, and no more"
            ),
            false => moved = Instant::now(),
        }
        appender.append(batch);
        appender.finish(&consumer, UNDER_WAY)?;
    }
    appender.finish(&consumer, 0)?;
    let account = clock.account(read)?;
    consumer.commit_consumer_state(CommitMode::Sync)?;
    let kept = runtime.block_on(kept(&*log))?;
    ensure!(kept == records, "the log has {kept} records of {records}");
    println!("{account}");
    Ok(runtime.block_on(log.close())?)
}

/// With the settings that danube-wasm gives librdkafka, but for how soon it fetches again.
fn consumer(brokers: &str, group: &str) -> Result<BaseConsumer> {
    let settings = [
        ("bootstrap.servers", brokers),
        ("group.id", group),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("auto.offset.reset", "earliest"),
        ("isolation.level", "read_committed"),
        ("check.crcs", "true"),
        ("queued.max.messages.kbytes", "16384"),
        ("queued.min.messages", "10000"),
        ("fetch.max.bytes", "16777216"),
        ("fetch.message.max.bytes", "1048576"),
        ("fetch.queue.backoff.ms", "10"),
        // What is stored is durable.
        ("enable.auto.offset.store", "false"),
        ("auto.commit.interval.ms", "1000"),
    ];
    let mut config = ClientConfig::new();
    config.extend(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[ORDERS])?;
    Ok(consumer)
}

/// A record on its way, and where it was.
struct Read {
    record: Outgoing,
    partition: i32,
    offset: i64,
}

/// What has come, up to a batch; waits a little for the first.
fn poll(consumer: &BaseConsumer, clock: &mut Clock) -> Result<Vec<Read>> {
    let mut batch = Vec::new();
    let mut wait = POLL_WAIT;
    while batch.len() < BATCH
        && let Some(polled) = consumer.poll(wait)
    {
        clock.record()?;
        batch.push(read(&polled?)?);
        wait = Duration::ZERO;
    }
    Ok(batch)
}

fn read(message: &BorrowedMessage<'_>) -> Result<Read> {
    let (partition, offset) = (message.partition(), message.offset());
    let record = Outgoing {
        topic: topic()?,
        key: message.key().map(Bytes::copy_from_slice),
        payload: Bytes::copy_from_slice(message.payload().context("a record without a value")?),
        attributes: Vec::new(),
        id: RecordId::from_broker(format!("{partition}-{offset}")),
        schema: None,
    };
    Ok(Read {
        record,
        partition,
        offset,
    })
}

fn topic() -> Result<TopicName> {
    Ok(TOPIC.parse()?)
}

/// Offsets up to which a batch is, by partition.
type Offsets = [Option<i64>; PARTITIONS as usize];

/// Results of a batch, one for each record.
type Results = JoinHandle<Vec<danube_wasm_broker::Result<Published>>>;

/// Appends in order, several batches at a time.
struct Appender<'a> {
    runtime: &'a Runtime,
    publisher: Arc<dyn Publisher>,
    under_way: VecDeque<(Results, Offsets)>,
}

impl<'a> Appender<'a> {
    async fn new(runtime: &'a Runtime, log: &dyn Broker) -> Result<Self> {
        let spec = TopicSpec {
            partitions: PARTITIONS,
            reliable_dispatch: true,
            ..TopicSpec::default()
        };
        log.create_topic(&topic()?, spec).await?;
        Ok(Self {
            runtime,
            publisher: log.publisher("bench").await?,
            under_way: VecDeque::new(),
        })
    }

    fn append(&mut self, batch: Vec<Read>) {
        if batch.is_empty() {
            return;
        }
        let mut offsets = Offsets::default();
        for read in &batch {
            offsets[read.partition as usize] = Some(read.offset);
        }
        let groups = batch.into_iter().map(|read| vec![read.record]).collect();
        let results = self.runtime.spawn(self.publisher.publish(groups));
        self.under_way.push_back((results, offsets));
    }

    /// Waits until no more batches than that are under way, and lets what is durable be committed.
    fn finish(&mut self, consumer: &BaseConsumer, left: usize) -> Result<()> {
        while self.under_way.len() > left
            && let Some((results, offsets)) = self.under_way.pop_front()
        {
            for result in self.runtime.block_on(results)? {
                ensure!(result?.durable, "a record is not on a disk");
            }
            for (partition, offset) in (0..).zip(offsets) {
                if let Some(offset) = offset {
                    consumer.store_offset(ORDERS, partition, offset)?;
                }
            }
        }
        Ok(())
    }
}

async fn kept(log: &dyn Broker) -> Result<u64> {
    let topics = log.admin().context("no administration")?.topics().await?;
    let kept = topics.iter().find(|info| info.topic.as_str() == TOPIC);
    kept.and_then(|info| info.messages).context("no topic")
}
