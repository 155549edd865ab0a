//! A producer of one partition: an id in a broker's memory.

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
use crate::{danube::Shared, fault::Fault, wire::Route};

/// A producer that a broker knows, until the broker restarts or the topic moves.
#[derive(Debug)]
pub(crate) struct ProducerSession {
    partition: TopicName,
    route: Route,
    producer_id: u64,
    /// Whether the broker is danube-wasm's own.
    own: bool,
    /// What it adds to each message.
    adds: Bytes,
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
        let call = |channel, request| async move {
            let answer = ProducerServiceClient::new(channel).create_producer(request).await?;
            let own = answer.metadata().contains_key(OWN_BROKER_METADATA);
            Ok(answer.map(|opened| (opened, own)))
        };
        let doing = format!("opening a producer on {partition}");
        let within = shared.options.request_timeout;
        let (answer, own) = shared.wire.call(&route, within, &doing, request, call).await?;
        shared.sessions.opened_at(own);
        let adds = call::in_session(MsgId {
            producer_id: answer.producer_id,
            topic_name: partition.to_string(),
            // As the broker is told where it is itself; its own clients do.
            broker_addr: match &route.broker {
                Some(broker) => broker.to_str().unwrap_or_default().to_owned(),
                None => route.address.to_string(),
            },
            topic_offset: 0,
        });
        Ok(Self {
            partition: partition.clone(),
            doing: format!("publishing to {partition}"),
            adds,
            route,
            producer_id: answer.producer_id,
            own,
            lost: AtomicBool::new(false),
            ended: CancellationToken::new(),
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
    pub(crate) async fn send(&self, shared: &Shared, record: Bytes, within: Duration) -> Result<(), Fault> {
        let publish = Publish {
            request_id: shared.wire.number(),
            session: self.adds.clone(),
            record,
        };
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(Fault::lost(format!("{}: the session is lost", self.doing))),
            sent = shared.wire.call(&self.route, within, &self.doing, publish, call::publish) => sent.map(drop),
        }
    }
}
