//! Opens a log and uses it in every way.

use std::{sync::Arc, sync::OnceLock, time::Duration};

use danube_wasm_broker::{
    Admin, Broker, BrokerError, Consumer, ConsumerOptions, Message, Outgoing, Result, SeekTo, StartAt, TopicInfo,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{RecordId, SubscriptionType};
use tokio::runtime::{Builder, Runtime};

use super::disk::MemoryDisk;

/// Name of the threads that read.
pub(super) const THREAD: &str = "fuzz-log";
/// The time in every log, so that retention drops nothing.
pub(super) const NOW_MS: u64 = 1_700_000_000_000;
/// Longer than anything takes on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(30);
/// Most messages read from one topic: a damaged log may report more.
const MESSAGES_MAX: u64 = 1000;

/// Returns every message of the log, or its error. Then the log is used: acknowledged, published to, moved.
pub(super) fn examine(image: Vec<u8>) -> Result<Vec<Message>> {
    let directory = tempfile::tempdir().expect("a directory");
    let options = EmbeddedOptions {
        disk: Arc::new(MemoryDisk::holding(image)),
        clock: Arc::new(|| NOW_MS),
        cache_bytes: 1 << 20,
        ..EmbeddedOptions::default()
    };
    let broker = EmbeddedBroker::open(directory.path(), options).inspect_err(check_message)?;
    block_on(async {
        let messages = read_all(&broker).await.inspect_err(check_message);
        let _ = exercise(&broker).await.inspect_err(check_message);
        let _ = with_deadline("closing", broker.close())
            .await
            .inspect_err(check_message);
        messages
    })
}

/// The error has a message, and is not that the writer thread has ended, which only a panic causes.
fn check_message(error: &BrokerError) {
    assert!(!error.message.is_empty(), "{error:?}");
    assert!(!error.message.contains("writer has ended"), "{error}");
}

/// Runs on this target's own runtime.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(1).thread_name(THREAD).enable_all();
        builder.build().expect("a runtime")
    });
    runtime.block_on(future)
}

async fn with_deadline<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(DEADLINE, future).await;
    waited.unwrap_or_else(|_| panic!("{what} takes for ever"))
}

fn admin(broker: &EmbeddedBroker) -> Arc<dyn Admin> {
    broker.admin().expect("a log has one")
}

async fn read_all(broker: &EmbeddedBroker) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    for topic in with_deadline("listing", admin(broker).topics()).await? {
        let mut consumer = subscribe(broker, &topic, "examiner", SubscriptionType::Exclusive).await?;
        let lag = lag(broker, &topic, "examiner").await?;
        messages.extend(receive(&mut *consumer, lag).await?);
    }
    Ok(messages)
}

async fn lag(broker: &EmbeddedBroker, topic: &TopicInfo, subscription: &str) -> Result<u64> {
    let lags = with_deadline("counting", broker.lag()).await?.into_iter();
    let mut of_it = lags.filter(|lag| lag.topic == topic.topic && lag.subscription == subscription);
    Ok(of_it.next().map_or(0, |lag| lag.messages).min(MESSAGES_MAX))
}

async fn subscribe(
    broker: &EmbeddedBroker,
    topic: &TopicInfo,
    subscription: &str,
    kind: SubscriptionType,
) -> Result<Box<dyn Consumer>> {
    let options = ConsumerOptions {
        topic: topic.topic.clone(),
        subscription: subscription.to_owned(),
        subscription_type: kind,
        consumer: "examiner".to_owned(),
        start: StartAt::Earliest,
        unacknowledged_max: usize::MAX,
    };
    with_deadline("subscribing", broker.subscribe(options)).await
}

/// Receives as many messages as the log reports.
async fn receive(consumer: &mut dyn Consumer, lag: u64) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    while (messages.len() as u64) < lag {
        messages.extend(with_deadline("receiving what is there", consumer.receive(100)).await?);
    }
    Ok(messages)
}

async fn exercise(broker: &EmbeddedBroker) -> Result<()> {
    let admin = admin(broker);
    for subscription in with_deadline("listing", admin.subscriptions()).await? {
        let (topic, name) = (&subscription.topic, subscription.subscription.as_str());
        for to in [SeekTo::PublishTimeMs(NOW_MS), SeekTo::Latest] {
            // One that cannot be moved says why.
            let _ = with_deadline("moving", admin.seek(topic, name, to)).await;
        }
    }
    let registry = broker.registry();
    let _ = with_deadline("a schema", registry.latest("subject")).await;
    let _ = with_deadline("versions", registry.versions("subject")).await;
    let _ = with_deadline("registering", registry.register("subject", "bytes", "")).await;
    for topic in with_deadline("listing", admin.topics()).await? {
        work(broker, &topic).await?;
        with_deadline("deleting", admin.delete_topic(&topic.topic)).await?;
    }
    with_deadline("a look", broker.ready()).await
}

/// Consumes the rest of the generator's subscription, and one more message.
async fn work(broker: &EmbeddedBroker, topic: &TopicInfo) -> Result<()> {
    let publisher = with_deadline("a publisher", broker.publisher("examiner")).await?;
    let more = Outgoing {
        topic: topic.topic.clone(),
        key: None,
        payload: "more".into(),
        attributes: Vec::new(),
        id: RecordId::from_broker("p/c/in:more.0".to_owned()),
        schema: None,
    };
    for published in with_deadline("publishing", publisher.publish(vec![vec![more]])).await {
        published?;
    }
    let mut consumer = subscribe(broker, topic, "worker", SubscriptionType::KeyShared).await?;
    let lag = lag(broker, topic, "worker").await?;
    let messages = receive(&mut *consumer, lag).await?;
    let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
    with_deadline("acknowledging", consumer.acker().ack(&ids)).await
}
