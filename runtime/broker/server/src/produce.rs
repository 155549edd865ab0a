//! Producers: opened by name, each on one topic or partition.

use std::sync::Arc;

use danube_wasm_broker::{BrokerError, ErrorKind, Published};
use danube_wasm_proto::{
    OWN_BROKER_METADATA,
    api::{
        MessageResponse, ProducerAccessMode, ProducerRequest, ProducerResponse, StreamMessage,
        producer_service_server::ProducerService,
    },
};
use prost::Message as _;
use tonic::{Request, Response, Status, metadata::MetadataValue};

use crate::{limits::ENVELOPE_BYTES, names, registry::bind_topic, shared::ServerState, status, wire};

/// See the module.
pub(crate) struct ProducerApi(pub(crate) Arc<ServerState>);

#[tonic::async_trait]
impl ProducerService for ProducerApi {
    async fn create_producer(&self, request: Request<ProducerRequest>) -> Result<Response<ProducerResponse>, Status> {
        let request = request.into_inner();
        let server = &self.0;
        status::check_name("producer", &request.producer_name)?;
        if request.producer_access_mode != ProducerAccessMode::Shared as i32 {
            return Err(Status::unimplemented(
                "this broker has no exclusive producers: use the access mode Shared, or a Danube cluster",
            ));
        }
        let target = names::find_or_create(&server.broker, &request.topic_name).await?;
        if let Some(schema) = &request.schema_ref {
            bind_topic(server, &target.topic, schema).await?;
        }
        let producer_id = server
            .producers
            .get_or_open(&server.broker, target, &request.producer_name)?;
        let mut answer = Response::new(ProducerResponse {
            request_id: request.request_id,
            producer_id,
            producer_name: request.producer_name,
        });
        answer
            .metadata_mut()
            .insert(OWN_BROKER_METADATA, MetadataValue::from_static("1"));
        Ok(answer)
    }

    async fn send_message(&self, request: Request<StreamMessage>) -> Result<Response<MessageResponse>, Status> {
        let server = &self.0;
        let message = request.into_inner();
        let request_id = message.request_id;
        let target = message.msg_id.as_ref().ok_or_else(|| status::missing("message id"))?;
        let producer = server.producers.get(target.producer_id)?;
        if target.topic_name != producer.target.name.as_str() {
            return Err(Status::invalid_argument(format!(
                "producer {} publishes to {} and the message is for {}: open a producer on each topic or partition",
                target.producer_id, producer.target.name, target.topic_name
            )));
        }
        let bytes = message.encoded_len() + ENVELOPE_BYTES;
        let bytes_max = server.options.message_bytes_max;
        if bytes > bytes_max {
            return Err(Status::invalid_argument(format!(
                "the message has {bytes} bytes with its key, attributes and names, which exceeds maximum allowed \
                 {bytes_max}: make it smaller, or put what is large elsewhere and publish where it is"
            )));
        }
        let group = vec![wire::record(&producer.target, message)];
        let result = producer.publisher.publish(vec![group]).await.pop();
        match result.unwrap_or_else(missing_result) {
            Ok(_) => Ok(Response::new(MessageResponse { request_id })),
            Err(error) => {
                if error.kind == ErrorKind::NotFound {
                    server.producers.remove(producer.id);
                }
                Err(status::from_error(error))
            }
        }
    }
}

/// One group has one result; anything else is a bug of the log.
fn missing_result() -> Result<Published, BrokerError> {
    let message = "the log did not say what became of the message";
    Err(BrokerError::new(ErrorKind::Unavailable, message))
}
