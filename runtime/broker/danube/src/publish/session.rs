//! A producer of one partition: an id in a broker's memory.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use danube_wasm_broker::TopicSpec;
use danube_wasm_model::TopicName;
use danube_wasm_proto::api::{
    DispatchStrategy, HealthCheckRequest, MsgId, ProducerAccessMode, ProducerRequest, SchemaReference, StreamMessage,
    health_check_client::HealthCheckClient, health_check_request::ClientType, health_check_response::ClientStatus,
    producer_service_client::ProducerServiceClient, schema_reference::VersionRef,
};
use tokio_util::sync::CancellationToken;

use crate::{
    danube::Shared,
    fault::Fault,
    limits::DECODE_BYTES_MAX,
    wire::{Channel, Route},
};

/// A producer that a broker knows, until the broker restarts or the topic moves.
#[derive(Debug)]
pub(crate) struct ProducerSession {
    partition: TopicName,
    route: Route,
    producer_id: u64,
    /// As the broker is told where it is itself; its own clients do.
    broker: String,
    /// What sending is called in errors.
    doing: String,
    /// Counted as lost.
    lost: AtomicBool,
    /// Cancelled when what is under way is to be given up.
    ended: CancellationToken,
}

impl ProducerSession {
    /// Looks the partition up and opens a producer there. The name makes it the same producer at every attempt.
    pub(crate) async fn open(
        shared: &Shared,
        partition: &TopicName,
        name: &str,
        spec: &TopicSpec,
    ) -> Result<Self, Fault> {
        let route = match shared.route(partition).await? {
            Some(route) => route,
            // A topic that is nowhere is made where its first producer asks.
            None => shared.seeds.any()?,
        };
        let strategy = match spec.reliable_dispatch {
            true => DispatchStrategy::Reliable,
            false => DispatchStrategy::NonReliable,
        };
        let schema_ref = spec.schema_subject.as_ref().map(|subject| SchemaReference {
            subject: subject.clone(),
            version_ref: Some(VersionRef::UseLatest(true)),
        });
        let request = ProducerRequest {
            request_id: shared.wire.number(),
            producer_name: name.to_owned(),
            topic_name: partition.to_string(),
            schema_ref,
            producer_access_mode: ProducerAccessMode::Shared.into(),
            dispatch_strategy: strategy.into(),
        };
        let call = |channel, request| async move { client(channel).create_producer(request).await };
        let doing = format!("opening a producer on {partition}");
        let within = shared.options.request_timeout;
        let answer = shared.wire.call(&route, within, &doing, request, call).await?;
        Ok(Self {
            partition: partition.clone(),
            doing: format!("publishing to {partition}"),
            broker: match &route.broker {
                Some(broker) => broker.to_str().unwrap_or_default().to_owned(),
                None => route.address.to_string(),
            },
            route,
            producer_id: answer.producer_id,
            lost: AtomicBool::new(false),
            ended: CancellationToken::new(),
        })
    }

    pub(super) fn partition(&self) -> &TopicName {
        &self.partition
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Notes that it is lost; false if that was known.
    pub(super) fn set_lost(&self) -> bool {
        !self.lost.swap(true, Ordering::AcqRel)
    }

    /// Gives up what is under way, and whatever comes.
    pub(super) fn end(&self) {
        self.ended.cancel();
    }

    /// Whether the broker still knows it. A broker that does not answer is asked for by the topic: another may serve it
    /// by now.
    pub(super) async fn is_known(&self, shared: &Shared) -> Result<bool, Fault> {
        let request = HealthCheckRequest {
            request_id: shared.wire.number(),
            client: ClientType::Producer.into(),
            id: self.producer_id,
        };
        let call = |channel, request| async move { HealthCheckClient::new(channel).health_check(request).await };
        let doing = format!("asking whether a producer on {} is still known", self.partition);
        let within = shared.options.request_timeout;
        match shared.wire.call(&self.route, within, &doing, request, call).await {
            Ok(answer) => Ok(answer.status() == ClientStatus::Ok),
            Err(Fault::Missing(_)) => Ok(false),
            Err(Fault::Lost(error)) => match shared.route(&self.partition).await? {
                Some(now) if now == self.route => Err(Fault::Lost(error)),
                _ => Ok(false),
            },
            Err(refused) => Err(refused),
        }
    }

    /// Publishes one message. Whether it is in the broker is not known after a [`Fault::Lost`].
    pub(crate) async fn send(
        &self,
        shared: &Shared,
        mut message: StreamMessage,
        within: Duration,
    ) -> Result<(), Fault> {
        message.request_id = shared.wire.number();
        message.msg_id = Some(MsgId {
            producer_id: self.producer_id,
            topic_name: self.partition.to_string(),
            broker_addr: self.broker.clone(),
            topic_offset: 0,
        });
        let call = |channel, request| async move { client(channel).send_message(request).await };
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(Fault::lost(format!("{}: the session is lost", self.doing))),
            sent = shared.wire.call(&self.route, within, &self.doing, message, call) => sent.map(drop),
        }
    }
}

fn client(channel: Channel) -> ProducerServiceClient<Channel> {
    // The limit on what is sent is checked before a record gets here, with its name in the refusal.
    ProducerServiceClient::new(channel)
        .max_decoding_message_size(DECODE_BYTES_MAX)
        .max_encoding_message_size(usize::MAX)
}
