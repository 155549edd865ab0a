//! Consumers: joined by name, each on one place, with a stream of messages.

mod flight;
mod session;
mod stream;
mod table;

use std::{pin::Pin, sync::Arc, time::Duration};

use danube_wasm_broker::{Acker, Consumer, ConsumerOptions, MessageId, StartAt};
use danube_wasm_model::SubscriptionType;
use danube_wasm_proto::{
    OWN_BROKER_METADATA, START_METADATA,
    api::{
        AckRequest, AckResponse, ConsumerRequest, ConsumerResponse, MsgId, NackRequest, NackResponse, ReceiveRequest,
        StreamMessage, consumer_request, consumer_service_server::ConsumerService,
    },
};
use futures_util::Stream;
use tonic::{
    Request, Response, Status,
    metadata::{MetadataMap, MetadataValue},
};

use crate::{
    core::Core,
    gate,
    limits::{NACK_DELAY_DEFAULT, NACK_DELAY_MAX},
    names::{self, Place},
    status,
};

pub(crate) use table::Consumers;

/// See the module.
pub(crate) struct ConsumerRoom(pub(crate) Arc<Core>);

#[tonic::async_trait]
impl ConsumerService for ConsumerRoom {
    type ReceiveMessagesStream = Pin<Box<dyn Stream<Item = Result<StreamMessage, Status>> + Send>>;

    async fn subscribe(&self, request: Request<ConsumerRequest>) -> Result<Response<ConsumerResponse>, Status> {
        let core = &self.0;
        let start = start(request.metadata())?.unwrap_or(core.options.new_subscriptions);
        let request = request.into_inner();
        status::check_name("consumer", &request.consumer_name)?;
        status::check_name("subscription", &request.subscription)?;
        if !request.key_filters.is_empty() {
            return Err(Status::unimplemented(
                "this broker has no key filters: consume all keys, or use a Danube cluster",
            ));
        }
        let place = names::find(&core.broker, &request.topic_name)?;
        let options = ConsumerOptions {
            topic: place.topic.clone(),
            subscription: request.subscription,
            subscription_type: kind(request.subscription_type)?,
            consumer: request.consumer_name.clone(),
            start,
            unacknowledged_max: core.options.unacknowledged_max,
        };
        let attaching = core.consumers.attaching.lock().await;
        let consumer = attach(core, &place, options.clone()).await?;
        let consumer_id = core.consumers.open(core, place, options, consumer)?;
        drop(attaching);
        let mut answer = Response::new(ConsumerResponse {
            request_id: request.request_id,
            consumer_id,
            consumer_name: request.consumer_name,
        });
        answer
            .metadata_mut()
            .insert(OWN_BROKER_METADATA, MetadataValue::from_static("1"));
        Ok(answer)
    }

    async fn receive_messages(
        &self,
        request: Request<ReceiveRequest>,
    ) -> Result<Response<Self::ReceiveMessagesStream>, Status> {
        let address = gate::address(&request);
        let core = &self.0;
        let consumer_id = request.into_inner().consumer_id;
        let attaching = core.consumers.attaching.lock().await;
        let session = core.consumers.get(consumer_id)?;
        let consumer = match session.take_waiting() {
            Some(waiting) => waiting,
            None => attach(core, &session.place, session.options.clone()).await?,
        };
        let flight = session.begin(consumer.acker());
        drop(attaching);
        Ok(Response::new(stream::start(
            core.clone(),
            session,
            flight,
            consumer,
            address,
        )))
    }

    async fn ack(&self, request: Request<AckRequest>) -> Result<Response<AckResponse>, Status> {
        let core = &self.0;
        let AckRequest {
            request_id,
            msg_id,
            subscription_name,
        } = request.into_inner();
        let (place, message) = locate(core, msg_id)?;
        let acker = core
            .broker
            .acker(&place.topic, &subscription_name)
            .map_err(status::of)?;
        acker.ack(&[message]).await.map_err(status::of)?;
        core.consumers.done(&place, &subscription_name, message.offset);
        Ok(Response::new(AckResponse { request_id }))
    }

    async fn nack(&self, request: Request<NackRequest>) -> Result<Response<NackResponse>, Status> {
        let core = &self.0;
        let NackRequest {
            request_id,
            msg_id,
            subscription_name,
            delay_ms,
            reason,
        } = request.into_inner();
        let (place, message) = locate(core, msg_id)?;
        // That the subscription is there.
        core.broker
            .acker(&place.topic, &subscription_name)
            .map_err(status::of)?;
        let delay = delay_ms
            .map_or(NACK_DELAY_DEFAULT, Duration::from_millis)
            .min(NACK_DELAY_MAX);
        let place_name = &place.name;
        tracing::debug!(topic = %place_name, offset = message.offset, ?delay, ?reason, "not acknowledged");
        // Without one that has it, it was given back already, or acknowledged.
        if let Some(acker) = core.consumers.done(&place, &subscription_name, message.offset) {
            acker.nack(&[message], delay).await.map_err(status::of)?;
        }
        Ok(Response::new(NackResponse { request_id }))
    }
}

async fn attach(core: &Core, place: &Place, options: ConsumerOptions) -> Result<Box<dyn Consumer>, Status> {
    use danube_wasm_broker::Broker;
    let consumer = match place.partition {
        Some(partition) => core.broker.subscribe_partition(options, partition).await,
        None => core.broker.subscribe(options).await,
    };
    consumer.map_err(status::of)
}

/// The message that an acknowledgement names.
fn locate(core: &Core, message: Option<MsgId>) -> Result<(Place, MessageId), Status> {
    let message = message.ok_or_else(|| status::missing("message id"))?;
    let place = names::find(&core.broker, &message.topic_name)?;
    let partition = core.broker.place(&place.topic, place.partition).map_err(status::of)?;
    let offset = message.topic_offset;
    Ok((place, MessageId { partition, offset }))
}

fn kind(code: i32) -> Result<SubscriptionType, Status> {
    use consumer_request::SubscriptionType as Wire;
    Ok(match Wire::try_from(code) {
        Ok(Wire::Exclusive) => SubscriptionType::Exclusive,
        Ok(Wire::Shared) => SubscriptionType::Shared,
        Ok(Wire::Failover) => SubscriptionType::Failover,
        Ok(Wire::KeyShared) => SubscriptionType::KeyShared,
        Err(_) => {
            return Err(Status::invalid_argument(format!(
                "there is no subscription type {code}: 0 is Exclusive, 1 Shared, 2 Failover, 3 KeyShared"
            )));
        }
    })
}

fn start(metadata: &MetadataMap) -> Result<Option<StartAt>, Status> {
    match metadata.get(START_METADATA).map(|value| value.as_bytes()) {
        None => Ok(None),
        Some(b"earliest") => Ok(Some(StartAt::Earliest)),
        Some(b"latest") => Ok(Some(StartAt::Latest)),
        Some(_) => Err(Status::invalid_argument(format!(
            "metadata `{START_METADATA}` is `earliest` or `latest`"
        ))),
    }
}

/// Acknowledges for a consumer.
type SharedAcker = Arc<dyn Acker>;
