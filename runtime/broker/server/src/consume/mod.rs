//! Consumers: subscribed by name, each on one topic or partition, with a stream of messages.

mod stream;

use std::{pin::Pin, sync::Arc, time::Duration};

use danube_wasm_broker::{Consumer, ConsumerOptions, MessageId, StartAt};
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
    auth,
    limits::{NACK_DELAY_DEFAULT, NACK_DELAY_MAX},
    names::{self, TopicPartition},
    shared::ServerState,
    status,
};

/// See the module.
pub(crate) struct ConsumerApi(pub(crate) Arc<ServerState>);

#[tonic::async_trait]
impl ConsumerService for ConsumerApi {
    type ReceiveMessagesStream = Pin<Box<dyn Stream<Item = Result<StreamMessage, Status>> + Send>>;

    async fn subscribe(&self, request: Request<ConsumerRequest>) -> Result<Response<ConsumerResponse>, Status> {
        let server = &self.0;
        let start = start(request.metadata())?.unwrap_or(server.options.new_subscriptions);
        let request = request.into_inner();
        status::check_name("consumer", &request.consumer_name)?;
        status::check_name("subscription", &request.subscription)?;
        if !request.key_filters.is_empty() {
            return Err(Status::unimplemented(
                "this broker has no key filters: consume all keys, or use a Danube cluster",
            ));
        }
        let target = names::find_existing(&server.broker, &request.topic_name)?;
        let options = ConsumerOptions {
            topic: target.topic.clone(),
            subscription: request.subscription,
            subscription_type: kind(request.subscription_type)?,
            consumer: request.consumer_name.clone(),
            start,
            unacknowledged_max: server.options.unacknowledged_max,
        };
        let attach_lock = server.consumers.attach_lock.lock().await;
        let consumer = attach(server, &target, options.clone()).await?;
        let consumer_id = server.consumers.add(&server.stopping, target, options, consumer)?;
        drop(attach_lock);
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
        let address = auth::address(&request);
        let server = &self.0;
        let consumer_id = request.into_inner().consumer_id;
        let attach_lock = server.consumers.attach_lock.lock().await;
        let session = server.consumers.get(consumer_id)?;
        let consumer = match session.take_pending() {
            Some(waiting) => waiting,
            None => attach(server, &session.target, session.options.clone()).await?,
        };
        let deliveries = session.start_stream(consumer.acker());
        drop(attach_lock);
        Ok(Response::new(stream::start(
            server.clone(),
            session,
            deliveries,
            consumer,
            address,
        )))
    }

    async fn ack(&self, request: Request<AckRequest>) -> Result<Response<AckResponse>, Status> {
        let server = &self.0;
        let AckRequest {
            request_id,
            msg_id,
            subscription_name,
        } = request.into_inner();
        let (target, message) = locate(server, msg_id)?;
        let acker = server
            .broker
            .acker(&target.topic, &subscription_name)
            .map_err(status::from_error)?;
        acker.ack(&[message]).await.map_err(status::from_error)?;
        server
            .consumers
            .finish_delivery(&target, &subscription_name, message.offset);
        Ok(Response::new(AckResponse { request_id }))
    }

    async fn nack(&self, request: Request<NackRequest>) -> Result<Response<NackResponse>, Status> {
        let server = &self.0;
        let NackRequest {
            request_id,
            msg_id,
            subscription_name,
            delay_ms,
            reason,
        } = request.into_inner();
        let (target, message) = locate(server, msg_id)?;
        // Fails if the subscription does not exist.
        server
            .broker
            .acker(&target.topic, &subscription_name)
            .map_err(status::from_error)?;
        let delay = delay_ms
            .map_or(NACK_DELAY_DEFAULT, Duration::from_millis)
            .min(NACK_DELAY_MAX);
        let place_name = &target.name;
        tracing::debug!(topic = %place_name, offset = message.offset, ?delay, ?reason, "not acknowledged");
        // If no consumer has it, it was redelivered already, or acknowledged.
        if let Some(acker) = server
            .consumers
            .finish_delivery(&target, &subscription_name, message.offset)
        {
            acker.nack(&[message], delay).await.map_err(status::from_error)?;
        }
        Ok(Response::new(NackResponse { request_id }))
    }
}

async fn attach(
    server: &ServerState,
    target: &TopicPartition,
    options: ConsumerOptions,
) -> Result<Box<dyn Consumer>, Status> {
    use danube_wasm_broker::Broker;
    let consumer = match target.partition {
        Some(partition) => server.broker.subscribe_partition(options, partition).await,
        None => server.broker.subscribe(options).await,
    };
    consumer.map_err(status::from_error)
}

/// The message of an acknowledgement.
fn locate(server: &ServerState, message: Option<MsgId>) -> Result<(TopicPartition, MessageId), Status> {
    let message = message.ok_or_else(|| status::missing("message id"))?;
    let target = names::find_existing(&server.broker, &message.topic_name)?;
    let partition = server
        .broker
        .partition_id(&target.topic, target.partition)
        .map_err(status::from_error)?;
    let offset = message.topic_offset;
    Ok((target, MessageId { partition, offset }))
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
