//! How many small messages a second become durable, by the size of the group that shares a commit.
//!
//! `cargo run --release -p danube-wasm-broker --example publish_rate [DIRECTORY]`

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;
use danube_wasm_broker::{
    Broker, ConsumerOptions, Outgoing, StartAt, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};

const PAYLOAD_BYTES: usize = 300;
const RUN: Duration = Duration::from_secs(3);

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let directory = std::env::args()
        .nth(1)
        .map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    println!("{PAYLOAD_BYTES}-byte messages in {}", directory.display());
    for group in [1, 8, 64, 512] {
        let (alone, _) = rate(&directory, group, 1, false).await?;
        let (pipelined, _) = rate(&directory, group, 2, false).await?;
        let (published, consumed) = rate(&directory, group, 2, true).await?;
        println!(
            "group of {group:>3}: {alone:>7.0}/s one call at a time, {pipelined:>7.0}/s two, {published:>7.0}/s two \
             while a consumer acknowledges {consumed:>7.0}/s"
        );
    }
    Ok(())
}

/// Messages a second, published and consumed.
async fn rate(directory: &std::path::Path, group: usize, calls: usize, consume: bool) -> Result<(f64, f64), Failure> {
    let broker = EmbeddedBroker::open(
        &directory.join(format!("{group}-{calls}-{consume}")),
        EmbeddedOptions::default(),
    )?;
    let topic: TopicName = "/bench/topic".parse()?;
    broker
        .create_topic(
            &topic,
            TopicSpec {
                partitions: 4,
                reliable_dispatch: true,
                ..TopicSpec::default()
            },
        )
        .await?;
    let consumer = match consume {
        true => Some(tokio::spawn(drain(broker.clone(), topic.clone()))),
        false => None,
    };
    let start = Instant::now();
    let mut publishing = Vec::new();
    for call in 0..calls {
        let (publisher, topic) = (broker.publisher(&format!("bench-{call}")).await?, topic.clone());
        publishing.push(tokio::spawn(async move {
            let mut published = 0;
            while start.elapsed() < RUN {
                let groups = (0..group).map(|n| vec![record(&topic, published + n)]).collect();
                published += publisher
                    .publish(groups)
                    .await
                    .iter()
                    .filter(|result| result.is_ok())
                    .count();
            }
            published
        }));
    }
    let mut published = 0;
    for task in publishing {
        published += task.await?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let left: u64 = broker.lag().await?.iter().map(|lag| lag.messages).sum();
    broker.close().await?;
    if let Some(consumer) = consumer {
        consumer.await?;
    }
    Ok((published as f64 / seconds, (published as f64 - left as f64) / seconds))
}

/// Receives and acknowledges until the log is closed.
async fn drain(broker: std::sync::Arc<EmbeddedBroker>, topic: TopicName) {
    let options = ConsumerOptions {
        topic,
        subscription: "bench".into(),
        subscription_type: SubscriptionType::KeyShared,
        consumer: "bench".into(),
        start: StartAt::Earliest,
        unacknowledged_max: 10_000,
    };
    let Ok(mut consumer) = broker.subscribe(options).await else {
        return;
    };
    let acker = consumer.acker();
    while let Ok(messages) = consumer.receive(1000).await {
        let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
        let acker = acker.clone();
        tokio::spawn(async move { acker.ack(&ids).await });
    }
}

fn record(topic: &TopicName, n: usize) -> Outgoing {
    Outgoing {
        topic: topic.clone(),
        key: Some(Bytes::from(format!("key-{}", n % 1000))),
        payload: Bytes::from_static(&[b'x'; PAYLOAD_BYTES]),
        attributes: vec![("webhook.endpoint".into(), "/webhooks/stripe/payments".into())],
        id: RecordId::from_broker(format!("pipeline/source:event-{n}.0")),
        schema: None,
    }
}
