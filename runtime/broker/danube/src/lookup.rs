//! Calls that any broker answers: always through the seeds, never through the broker that served a topic last, which
//! may be gone.

use std::sync::atomic::{AtomicUsize, Ordering};

use danube_wasm_model::TopicName;
use danube_wasm_proto::api::{
    TopicLookupRequest, discovery_client::DiscoveryClient, topic_lookup_response::LookupType,
};
use tonic::{Request, Response, Status};

use crate::{
    fault::Fault,
    limits::DECODE_BYTES_MAX,
    options::DanubeOptions,
    partitions::Layout,
    wire::{Address, BrokerEndpoint, Channel, Wire, broker_metadata},
};

/// The configured brokers.
#[derive(Debug)]
pub(crate) struct Seeds {
    pub(crate) addresses: Vec<Address>,
    /// The one that answered last.
    preferred: AtomicUsize,
}

impl Seeds {
    pub(crate) fn new(addresses: Vec<Address>) -> Self {
        Self {
            addresses,
            preferred: AtomicUsize::new(0),
        }
    }

    /// The broker that answered last.
    pub(crate) fn preferred_seed(&self) -> Result<BrokerEndpoint, Fault> {
        let preferred = self.addresses.get(self.preferred.load(Ordering::Relaxed));
        preferred
            .cloned()
            .map(BrokerEndpoint::direct)
            .ok_or_else(|| Fault::lost("no broker is named"))
    }

    /// Calls one seed after the other until one can be reached.
    pub(crate) async fn call_any<Q, A, F>(
        &self,
        wire: &Wire,
        options: &DanubeOptions,
        action: &str,
        message: Q,
        call: impl Fn(Channel, Request<Q>) -> F,
    ) -> Result<(A, BrokerEndpoint), Fault>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let n = self.addresses.len();
        let first = self.preferred.load(Ordering::Relaxed);
        let mut lost = Fault::lost(format!("{action}: no broker is named"));
        for i in (0..n).map(|i| (first + i) % n) {
            let Some(address) = self.addresses.get(i) else {
                continue;
            };
            let endpoint = BrokerEndpoint::direct(address.clone());
            match wire
                .call(&endpoint, options.request_timeout, action, message.clone(), &call)
                .await
            {
                Ok(answer) => {
                    self.preferred.store(i, Ordering::Relaxed);
                    return Ok((answer, endpoint));
                }
                Err(Fault::Lost(error)) => lost = Fault::Lost(error),
                Err(Fault::Missing(error)) => {
                    self.preferred.store(i, Ordering::Relaxed);
                    return Err(Fault::Missing(error));
                }
                Err(refused) => return Err(refused),
            }
        }
        Err(lost)
    }

    /// The broker that serves a topic; `None` if the cluster does not know the topic.
    pub(crate) async fn locate(
        &self,
        wire: &Wire,
        options: &DanubeOptions,
        topic: &TopicName,
    ) -> Result<Option<BrokerEndpoint>, Fault> {
        let request = TopicLookupRequest {
            request_id: wire.number(),
            topic: topic.to_string(),
        };
        let call = |channel, request| async move { discovery(channel).topic_lookup(request).await };
        let (found, asked) = match self
            .call_any(wire, options, &format!("looking up {topic}"), request, call)
            .await
        {
            Ok(found) => found,
            Err(Fault::Missing(_)) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        if found.response_type() == LookupType::Failed {
            return Ok(None);
        }
        let advertised = asked.address.advertised(&found.connect_url).ok_or_else(|| {
            Fault::lost(format!(
                "looking up {topic}: the broker at {} says that `{}` serves it, which is no address: correct its \
                 advertised listeners",
                asked.address, found.connect_url
            ))
        })?;
        let broker = match found.proxy {
            true => Some(broker_metadata(&found.broker_url).map_err(Fault::Refused)?),
            false => None,
        };
        Ok(Some(BrokerEndpoint {
            address: advertised,
            broker,
        }))
    }

    /// Which partitions of a topic exist.
    pub(crate) async fn layout(
        &self,
        wire: &Wire,
        options: &DanubeOptions,
        topic: &TopicName,
    ) -> Result<Layout, Fault> {
        let request = TopicLookupRequest {
            request_id: wire.number(),
            topic: topic.to_string(),
        };
        let call = |channel, request| async move { discovery(channel).topic_partitions(request).await };
        match self
            .call_any(
                wire,
                options,
                &format!("listing the partitions of {topic}"),
                request,
                call,
            )
            .await
        {
            Ok((found, _)) => Ok(Layout::of(topic, &found.partitions)),
            Err(Fault::Missing(_)) => Ok(Layout::Missing),
            Err(fault) => Err(fault),
        }
    }
}

fn discovery(channel: Channel) -> DiscoveryClient<Channel> {
    DiscoveryClient::new(channel).max_decoding_message_size(DECODE_BYTES_MAX)
}
