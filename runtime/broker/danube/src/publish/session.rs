//! A producer session on one partition: an id in a broker's memory.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_broker::TopicSpec;
use danube_wasm_model::TopicName;
use danube_wasm_proto::{
    OWN_BROKER_METADATA,
    api::{
        DispatchStrategy, HealthCheckRequest, MsgId, ProducerAccessMode, ProducerRequest, SchemaReference,
        health_check_client::HealthCheckClient, health_check_request::ClientType, health_check_response::ClientStatus,
        producer_service_client::ProducerServiceClient, schema_reference::VersionRef,
    },
};
use tokio_util::sync::CancellationToken;

use super::call::{self, Publish};
use crate::{fault::Fault, shared::Shared, wire::BrokerEndpoint};

/// A producer that a broker knows, until the broker restarts or the topic moves.
#[derive(Debug)]
pub(crate) struct ProducerSession {
    partition: TopicName,
    endpoint: BrokerEndpoint,
    producer_id: u64,
    /// Whether the broker is danube-wasm's own.
    own: bool,
    /// The fields that it adds to each message.
    adds: Bytes,
    /// The action, for errors.
    action: String,
    /// Counted as lost.
    lost: AtomicBool,
    /// Cancelled when calls in flight are to be given up.
    cancelled: CancellationToken,
}

impl ProducerSession {
    /// Looks the partition up and opens a producer there. With the same name it is the same producer at every attempt.
    pub(crate) async fn open(
        shared: &Shared,
        partition: &TopicName,
        name: &str,
        spec: &TopicSpec,
    ) -> Result<Self, Fault> {
        let endpoint = match shared.locate(partition).await? {
            Some(endpoint) => endpoint,
            // A topic that does not exist is created by the broker that its first producer asks.
            None => shared.seeds.preferred_seed()?,
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
        let call = |channel, request| async move {
            let answer = ProducerServiceClient::new(channel).create_producer(request).await?;
            let own = answer.metadata().contains_key(OWN_BROKER_METADATA);
            Ok(answer.map(|opened| (opened, own)))
        };
        let action = format!("opening a producer on {partition}");
        let within = shared.options.request_timeout;
        let (answer, own) = shared.wire.call(&endpoint, within, &action, request, call).await?;
        shared.sessions.record_broker(own);
        let adds = call::in_session(MsgId {
            producer_id: answer.producer_id,
            topic_name: partition.to_string(),
            // The broker's own address, as Danube's clients send it.
            broker_addr: match &endpoint.broker {
                Some(broker) => broker.to_str().unwrap_or_default().to_owned(),
                None => endpoint.address.to_string(),
            },
            topic_offset: 0,
        });
        Ok(Self {
            partition: partition.clone(),
            action: format!("publishing to {partition}"),
            adds,
            endpoint,
            producer_id: answer.producer_id,
            own,
            lost: AtomicBool::new(false),
            cancelled: CancellationToken::new(),
        })
    }

    pub(super) fn partition(&self) -> &TopicName {
        &self.partition
    }

    pub(super) fn is_at_own_broker(&self) -> bool {
        self.own
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Marks it as lost; false if it was marked already.
    pub(super) fn mark_lost(&self) -> bool {
        !self.lost.swap(true, Ordering::AcqRel)
    }

    /// Gives up calls in flight, and later ones.
    pub(super) fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// Whether the broker still knows it. If the broker does not answer, the topic is looked up: another broker may
    /// serve it now.
    pub(super) async fn is_known(&self, shared: &Shared) -> Result<bool, Fault> {
        let request = HealthCheckRequest {
            request_id: shared.wire.number(),
            client: ClientType::Producer.into(),
            id: self.producer_id,
        };
        let call = |channel, request| async move { HealthCheckClient::new(channel).health_check(request).await };
        let action = format!("asking whether a producer on {} is still known", self.partition);
        let within = shared.options.request_timeout;
        match shared.wire.call(&self.endpoint, within, &action, request, call).await {
            Ok(answer) => Ok(answer.status() == ClientStatus::Ok),
            Err(Fault::Missing(_)) => Ok(false),
            Err(Fault::Lost(error)) => match shared.locate(&self.partition).await? {
                Some(now) if now == self.endpoint => Err(Fault::Lost(error)),
                _ => Ok(false),
            },
            Err(refused) => Err(refused),
        }
    }

    /// Publishes one message. After a [`Fault::Lost`] it is unknown whether the broker has it.
    pub(crate) async fn send(&self, shared: &Shared, record: Bytes, within: Duration) -> Result<(), Fault> {
        let publish = Publish {
            request_id: shared.wire.number(),
            session: self.adds.clone(),
            record,
        };
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(Fault::lost(format!("{}: the session is lost", self.action))),
            sent = shared.wire.call(&self.endpoint, within, &self.action, publish, call::publish) => sent.map(drop),
        }
    }
}
