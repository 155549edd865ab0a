//! Our side: whatever is behind the [`Broker`] trait, and the check of what every side did.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use danube_wasm_broker::{
    Broker, Consumer, ConsumerOptions, Message, MessageId, Outgoing, Publisher, StartAt, TopicSpec,
};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};
use futures_util::{StreamExt as _, future::try_join_all, stream::FuturesUnordered};

use crate::{Load, PARTITIONS, PAYLOAD_BYTES, PRODUCER, supply::Supply};

/// Messages handed over in one call, as a source hands over the events of a batch.
const BATCH: usize = 64;
/// Such calls under way: enough that no partition ever waits for the next one.
const CALLS: usize = 16;

/// For one message: far above what any takes, because one that fails ends the run.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker without a message for so long has none.
const SILENCE: Duration = Duration::from_secs(5);
/// So often it is asked again before messages count as lost.
const NUDGES_MAX: u64 = 6;

/// Our client of this broker.
pub(crate) fn client(address: impl std::fmt::Display) -> Result<Arc<dyn Broker>> {
    let mut options = DanubeOptions::new([format!("http://{address}")]);
    options.publish_timeout = PATIENCE;
    Ok(Danube::open(options)?)
}

/// Hands batches over for so long, then waits for the fate of all.
pub(crate) async fn publish(
    publisher: &dyn Publisher,
    topic: &TopicName,
    supply: &mut Supply,
    length: Duration,
) -> Result<Load> {
    let started = Instant::now();
    let mut under_way = FuturesUnordered::new();
    let mut load = Load::default();
    loop {
        while under_way.len() < CALLS && started.elapsed() < length {
            let groups = (0..BATCH).map(|_| vec![supply.outgoing(topic)]).collect();
            under_way.push(publisher.publish(groups));
        }
        let Some(fates) = under_way.next().await else {
            load.elapsed = started.elapsed();
            return Ok(load);
        };
        for fate in fates {
            fate?;
            load.messages += 1;
        }
    }
}

/// Makes a topic, with the subscription that counts its messages and its consumer.
pub(crate) async fn make_topic(broker: &dyn Broker, topic: &TopicName) -> Result<Box<dyn Consumer>> {
    let spec = TopicSpec {
        partitions: PARTITIONS,
        reliable_dispatch: true,
        ..TopicSpec::default()
    };
    broker.create_topic(topic, spec).await?;
    Ok(broker.subscribe(counting(topic)).await?)
}

/// What a topic must have in it by now, and what was seen of it.
#[derive(Default)]
pub(crate) struct Count {
    /// Stays where leaving would stop the broker; it acknowledges nothing while the side publishes.
    consumer: Option<Box<dyn Consumer>>,
    acknowledged: u64,
    seen: HashSet<RecordId>,
    skipped: u64,
    nudges: u64,
    /// The place behind the last message that was seen, of each partition.
    places: HashMap<u64, u64>,
}

impl Count {
    /// With a consumer that stays.
    pub(crate) fn by(consumer: Box<dyn Consumer>) -> Self {
        Self {
            consumer: Some(consumer),
            ..Self::default()
        }
    }

    /// Takes from the topic as many messages as were acknowledged, and fails if they are not there or are not what was
    /// sent.
    ///
    /// Danube (0.15.1) skips messages of a new subscription that is some 256 of a partition behind. Their places are
    /// counted: the broker had them. If the consumer leaves after that, the partition answers no publisher any more.
    pub(crate) async fn check(&mut self, broker: &dyn Broker, topic: &TopicName, messages: u64) -> Result<()> {
        self.acknowledged += messages;
        let stays = self.consumer.is_some();
        let mut consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            None => broker.subscribe(counting(topic)).await?,
        };
        let mut acknowledging = Vec::new();
        let nudges_max = self.nudges + NUDGES_MAX;
        while self.missing() > 0 {
            let Ok(given) = tokio::time::timeout(SILENCE, consumer.receive(1000)).await else {
                if self.all_have_places() {
                    self.skip(topic);
                    break;
                }
                // A Danube broker may stand still until the next message comes.
                self.nudges += 1;
                ensure!(
                    self.nudges <= nudges_max,
                    "{topic}: {} messages were acknowledged and {} are in the broker",
                    self.acknowledged,
                    self.seen.len()
                );
                nudge(broker, topic).await?;
                continue;
            };
            let given = given?;
            let ids: Vec<_> = given.iter().map(|message| message.message_id).collect();
            for message in given {
                self.see(message)?;
            }
            let acker = consumer.acker();
            acknowledging.push(tokio::spawn(async move { acker.ack(&ids).await }));
        }
        for acknowledged in try_join_all(acknowledging).await? {
            acknowledged.context("acknowledging")?;
        }
        self.consumer = stays.then_some(consumer);
        ensure!(
            self.seen.len() as u64 + self.skipped == self.acknowledged,
            "{topic}: {} messages were acknowledged and {} received",
            self.acknowledged,
            self.seen.len()
        );
        Ok(())
    }

    fn see(&mut self, message: Message) -> Result<()> {
        let MessageId { partition, offset } = message.message_id;
        let behind = self.places.entry(partition).or_default();
        *behind = (*behind).max(offset + 1);
        if !is_nudge(&message.id) {
            ensure!(message.payload.len() == PAYLOAD_BYTES, "{} is cut off", message.id);
            self.seen.insert(message.id);
        }
        Ok(())
    }

    fn missing(&self) -> u64 {
        self.acknowledged.saturating_sub(self.seen.len() as u64 + self.skipped)
    }

    /// Known when a nudge has come from each partition.
    fn all_have_places(&self) -> bool {
        self.places.values().sum::<u64>() == self.acknowledged + self.nudges * u64::from(PARTITIONS)
    }

    fn skip(&mut self, topic: &TopicName) {
        let skipped = self.missing();
        println!("  {topic}: the broker has all messages, and skipped {skipped} of them for its new subscription");
        self.skipped += skipped;
    }
}

fn counting(topic: &TopicName) -> ConsumerOptions {
    ConsumerOptions {
        topic: topic.clone(),
        subscription: "count".to_owned(),
        subscription_type: SubscriptionType::Exclusive,
        consumer: "count".to_owned(),
        start: StartAt::Earliest,
        unacknowledged_max: 4000,
    }
}

const NUDGE: &str = "nudge";

fn is_nudge(id: &RecordId) -> bool {
    id.as_str() == NUDGE
}

async fn nudge(broker: &dyn Broker, topic: &TopicName) -> Result<()> {
    let publisher = broker.publisher(PRODUCER).await?;
    let record = || Outgoing {
        topic: topic.clone(),
        key: None,
        payload: NUDGE.into(),
        attributes: Vec::new(),
        id: RecordId::from_broker(NUDGE.to_owned()),
        schema: None,
    };
    let all = (0..PARTITIONS).map(|_| vec![record()]).collect();
    for fate in publisher.publish(all).await {
        fate?;
    }
    Ok(())
}
