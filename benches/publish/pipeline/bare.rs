//! The same calls on generated stubs and tonic's channel, with none of our client.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use danube_wasm_benches::child::own_cpu;
use danube_wasm_broker::{Broker as _, TopicSpec};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_model::{
    RecordId, clock,
    identity::{ID_ATTRIBUTE, ORDER_ATTRIBUTE},
};
use danube_wasm_proto::api::{
    AckRequest, ConsumerRequest, DispatchStrategy, MsgId, ProducerRequest, ReceiveRequest, StreamMessage,
    consumer_request::SubscriptionType, consumer_service_client::ConsumerServiceClient,
    producer_service_client::ProducerServiceClient,
};
use futures_util::{StreamExt as _, future::try_join_all, stream::FuturesUnordered};
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};

use crate::{PARTITIONS, SUBSCRIPTION, Work, document, topic};

/// First argument of this process.
pub(crate) const ROLE: &str = "bare";

const NAME: &str = "bench";
/// Acknowledgements of a partition under way, as our client has.
const ACKS_IN_FLIGHT: usize = 64;

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// One partition: a producer, and a stream of its subscription.
struct Partition {
    calls: Channel,
    place: MsgId,
    stream: Streaming<StreamMessage>,
}

/// From messages to acknowledgements.
pub(crate) async fn run(work: Work) -> Result<()> {
    make_topic(&work).await?;
    // Streams have a connection of their own, as with our client.
    let (calls, streams) = (channel(&work).await?, channel(&work).await?);
    let mut partitions = Vec::new();
    for partition in 0..PARTITIONS {
        partitions.push(Partition::open(&work, partition, &calls, &streams).await?);
    }
    let share = work.messages / partitions.len();
    ensure!(
        share * partitions.len() == work.messages,
        "not the same for each partition"
    );

    let (started, cpu) = (Instant::now(), own_cpu()?);
    let passing = partitions.into_iter().map(|partition| {
        let in_flight = work.in_flight;
        tokio::spawn(async move { partition.pass(share, in_flight).await })
    });
    for passed in try_join_all(passing).await? {
        passed?;
    }
    let (elapsed, cpu) = (started.elapsed(), own_cpu()?.saturating_sub(cpu));
    println!(
        "messages={} seconds={} cpu_seconds={}",
        work.messages,
        elapsed.as_secs_f64(),
        cpu.as_secs_f64()
    );
    Ok(())
}

async fn make_topic(work: &Work) -> Result<()> {
    let broker = Danube::open(DanubeOptions::new([work.url()]))?;
    let spec = TopicSpec {
        partitions: PARTITIONS,
        reliable_dispatch: true,
        ..TopicSpec::default()
    };
    broker.create_topic(&topic()?, spec).await?;
    Ok(broker.close().await?)
}

async fn channel(work: &Work) -> Result<Channel> {
    // As our own client has it: whole messages fit.
    let endpoint = Endpoint::from_shared(work.url())?
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20);
    endpoint.connect().await.context("connecting")
}

fn request_id() -> u64 {
    NUMBERS.fetch_add(1, Relaxed)
}

impl Partition {
    async fn open(work: &Work, partition: u32, calls: &Channel, streams: &Channel) -> Result<Self> {
        let topic_name = topic()?.partition(partition).to_string();
        let request = ProducerRequest {
            request_id: request_id(),
            producer_name: format!("{NAME}-{partition}"),
            topic_name: topic_name.clone(),
            dispatch_strategy: DispatchStrategy::Reliable.into(),
            ..ProducerRequest::default()
        };
        let opened = ProducerServiceClient::new(calls.clone())
            .create_producer(request)
            .await?;
        let request = ConsumerRequest {
            request_id: request_id(),
            topic_name: topic_name.clone(),
            consumer_name: NAME.to_owned(),
            subscription: SUBSCRIPTION.to_owned(),
            subscription_type: SubscriptionType::Shared.into(),
            key_filters: Vec::new(),
        };
        let subscribed = ConsumerServiceClient::new(calls.clone()).subscribe(request).await?;
        let request = ReceiveRequest {
            request_id: request_id(),
            consumer_id: subscribed.into_inner().consumer_id,
        };
        let stream = ConsumerServiceClient::new(streams.clone())
            .receive_messages(request)
            .await?;
        let place = MsgId {
            producer_id: opened.into_inner().producer_id,
            topic_name,
            broker_addr: work.url(),
            topic_offset: 0,
        };
        Ok(Self {
            calls: calls.clone(),
            place,
            stream: stream.into_inner(),
        })
    }

    /// Publishes so many, and acknowledges as many.
    async fn pass(self, messages: usize, in_flight: usize) -> Result<()> {
        let Self { calls, place, stream } = self;
        let publishing = tokio::spawn(publish(calls.clone(), place, messages, in_flight));
        let acknowledging = tokio::spawn(acknowledge(calls, stream, messages));
        publishing.await??;
        acknowledging.await?
    }
}

async fn publish(calls: Channel, place: MsgId, messages: usize, in_flight: usize) -> Result<()> {
    let mut under_way = FuturesUnordered::new();
    for number in 0..messages {
        if under_way.len() >= in_flight {
            under_way.next().await.transpose()?;
        }
        let message = message(&place, number);
        let mut client = ProducerServiceClient::new(calls.clone());
        under_way.push(async move { client.send_message(message).await });
    }
    while let Some(answer) = under_way.next().await {
        answer?;
    }
    Ok(())
}

fn message(place: &MsgId, number: usize) -> StreamMessage {
    let id = RecordId::from_broker(format!("{}-{number}", place.topic_name));
    let attributes = [(ID_ATTRIBUTE, id.to_string()), (ORDER_ATTRIBUTE, number.to_string())];
    StreamMessage {
        request_id: request_id(),
        msg_id: Some(place.clone()),
        payload: document(number).into(),
        publish_time: clock::now_ms(),
        producer_name: NAME.to_owned(),
        attributes: attributes.map(|(name, value)| (name.to_owned(), value)).into(),
        ..StreamMessage::default()
    }
}

async fn acknowledge(calls: Channel, mut stream: Streaming<StreamMessage>, messages: usize) -> Result<()> {
    let mut under_way = FuturesUnordered::new();
    for _ in 0..messages {
        if under_way.len() >= ACKS_IN_FLIGHT {
            under_way.next().await.transpose()?;
        }
        let message = stream.message().await?.context("the stream ended early")?;
        let request = AckRequest {
            request_id: request_id(),
            msg_id: message.msg_id,
            subscription_name: SUBSCRIPTION.to_owned(),
        };
        let mut client = ConsumerServiceClient::new(calls.clone());
        under_way.push(async move { client.ack(request).await });
    }
    while let Some(answer) = under_way.next().await {
        answer?;
    }
    Ok(())
}
