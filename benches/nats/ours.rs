//! Our side: the client behind the broker's trait.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use danube_wasm_benches::Clock;
use danube_wasm_broker::{Broker as _, ConsumerOptions, Outgoing, StartAt, TopicSpec};
use danube_wasm_broker_nats::{Nats, NatsOptions};
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};

use crate::site::{PAYLOAD_BYTES, Work};

/// First arguments of processes.
pub(crate) const CREATE: &str = "create";
pub(crate) const PUBLISH: &str = "ours-publish";
pub(crate) const CONSUME: &str = "ours-consume";

/// Topics that a disk has room for.
fn open(work: &Work) -> Result<(Arc<Nats>, TopicName)> {
    let mut options = NatsOptions::new([work.url.clone()]);
    options.topic_bytes_max = 1 << 30;
    options.publish_timeout = Duration::from_secs(60);
    Ok((Nats::open(options)?, format!("/default/{}", work.topic).parse()?))
}

/// Makes the topic.
pub(crate) async fn create(work: Work) -> Result<String> {
    let (nats, topic) = open(&work)?;
    // A cluster that has just started has no leader yet.
    while let Err(error) = nats.create_topic(&topic, TopicSpec::default()).await {
        ensure!(error.is_transient(), "{error}");
    }
    Ok(String::new())
}

pub(crate) async fn publish(work: Work) -> Result<String> {
    let (nats, topic) = open(&work)?;
    let publisher = nats.publisher("bench").await?;
    let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
    let record = |n: usize| Outgoing {
        topic: topic.clone(),
        key: None,
        payload: payload.clone(),
        attributes: Vec::new(),
        id: RecordId::from_broker(format!("bench/out:{n}.0")),
        schema: None,
    };
    let clock = Clock::started()?;
    let mut done = 0;
    while done < work.messages {
        let group = (done..done + work.batch).map(record).collect();
        let fates = publisher.publish(vec![group]).await;
        fates.into_iter().next().context("no answer")??;
        done += work.batch;
    }
    clock.account(done as u64)
}

pub(crate) async fn consume(work: Work) -> Result<String> {
    let (nats, topic) = open(&work)?;
    let options = ConsumerOptions {
        topic,
        subscription: format!("ours-{}", std::process::id()),
        subscription_type: SubscriptionType::Shared,
        consumer: "bench".to_owned(),
        start: StartAt::Earliest,
        unacknowledged_max: work.batch,
    };
    let mut consumer = nats.subscribe(options).await?;
    let acker = consumer.acker();
    let mut clock = Clock::default();
    let mut done = 0;
    while done < work.messages {
        let messages = consumer.receive(work.batch).await?;
        clock.record()?;
        let cut_off = messages.iter().find(|message| message.payload.len() != PAYLOAD_BYTES);
        ensure!(cut_off.is_none(), "a message is cut off");
        let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
        acker.ack(&ids).await?;
        done += messages.len();
    }
    clock.account(done as u64)
}
