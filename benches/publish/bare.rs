//! Bare sides: generated stubs and tonic, none of our client.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use danube_wasm_model::TopicName;
use danube_wasm_proto::api::{
    DispatchStrategy, MsgId, ProducerRequest, StreamMessage, TopicLookupRequest, discovery_client::DiscoveryClient,
    producer_service_client::ProducerServiceClient,
};
use futures_util::{StreamExt as _, future::try_join_all, stream::FuturesUnordered};
use tonic::transport::{Channel, Endpoint};

use crate::{IN_FLIGHT, Load, PARTITIONS, PRODUCER, supply::Supply};

/// Producers on all partitions of a topic, over one connection.
pub(crate) struct Producers {
    client: ProducerServiceClient<Channel>,
    places: Vec<MsgId>,
    numbers: AtomicU64,
}

impl Producers {
    /// Looks each partition up and opens a producer there, once.
    pub(crate) async fn open(seed: SocketAddr, topic: &TopicName) -> Result<Self> {
        let mut discovery = DiscoveryClient::new(channel(&format!("http://{seed}")).await?);
        let mut client: Option<ProducerServiceClient<Channel>> = None;
        let mut places = Vec::new();
        for partition in 0..PARTITIONS {
            let topic_name = topic.partition(partition).to_string();
            let request = TopicLookupRequest {
                request_id: 1,
                topic: topic_name.clone(),
            };
            let found = discovery.topic_lookup(request).await?.into_inner();
            let producers = match &mut client {
                Some(client) => client,
                none => none.insert(ProducerServiceClient::new(channel(&found.connect_url).await?)),
            };
            let request = ProducerRequest {
                request_id: 2,
                producer_name: format!("{PRODUCER}-{partition}"),
                topic_name: topic_name.clone(),
                dispatch_strategy: DispatchStrategy::Reliable.into(),
                ..ProducerRequest::default()
            };
            let opened = producers.create_producer(request).await?.into_inner();
            places.push(MsgId {
                producer_id: opened.producer_id,
                topic_name,
                broker_addr: found.connect_url,
                topic_offset: 0,
            });
        }
        Ok(Self {
            client: client.context("no partitions")?,
            places,
            numbers: AtomicU64::new(3),
        })
    }

    /// As the official client's producer sends to a partitioned topic: each message after the answer to the one before
    /// it, whichever partition that went to.
    pub(crate) async fn one_at_a_time(&self, supply: &mut Supply, length: Duration) -> Result<Load> {
        let started = Instant::now();
        let mut load = Load::default();
        while started.elapsed() < length {
            let message = supply.message();
            let partition = match &message.routing_key {
                Some(key) => partition_of(key),
                None => load.messages as usize % self.places.len(),
            };
            self.send(message, partition).await?;
            load.messages += 1;
        }
        load.elapsed = started.elapsed();
        Ok(load)
    }

    /// As fast as tonic does it, with as many under way as our client has.
    pub(crate) async fn many_at_once(&self, supply: &Supply, length: Duration) -> Result<Load> {
        let started = Instant::now();
        let lanes = (0..self.places.len()).map(|partition| {
            let supply = supply.clone();
            async move { self.lane(supply.lane(partition), partition, started + length).await }
        });
        let messages = try_join_all(lanes).await?.iter().sum();
        Ok(Load {
            messages,
            elapsed: started.elapsed(),
        })
    }

    async fn lane(&self, mut supply: Supply, partition: usize, until: Instant) -> Result<u64> {
        let mut under_way = FuturesUnordered::new();
        let mut messages = 0;
        loop {
            while under_way.len() < IN_FLIGHT && Instant::now() < until {
                under_way.push(self.send(supply.message(), partition));
            }
            match under_way.next().await {
                Some(answer) => answer?,
                None => return Ok(messages),
            }
            messages += 1;
        }
    }

    async fn send(&self, mut message: StreamMessage, partition: usize) -> Result<()> {
        message.request_id = self.numbers.fetch_add(1, Relaxed);
        message.msg_id = self.places.get(partition).cloned();
        self.client.clone().send_message(message).await?;
        Ok(())
    }
}

/// A connection of its own.
pub(crate) async fn channel(url: &str) -> Result<Channel> {
    // As our own client has it: whole messages fit.
    let endpoint = Endpoint::from_shared(url.to_owned())?
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20);
    endpoint.connect().await.with_context(|| format!("connecting to {url}"))
}

/// 64-bit FNV-1a, as Danube's clients have it.
fn partition_of(key: &str) -> usize {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash % u64::from(PARTITIONS)) as usize
}
