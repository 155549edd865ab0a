//! The wire API over [`State`].

use std::{pin::Pin, sync::Arc};

use danube_wasm_proto::{
    api::{
        AckRequest, AckResponse, ConsumerRequest, ConsumerResponse, HealthCheckRequest, HealthCheckResponse,
        MessageResponse, NackRequest, NackResponse, ProducerRequest, ProducerResponse, ReceiveRequest, StreamMessage,
        TopicLookupRequest, TopicLookupResponse, TopicPartitionsResponse, consumer_request::SubscriptionType,
        consumer_service_server::ConsumerService, discovery_server::Discovery, health_check_request::ClientType,
        health_check_response::ClientStatus, health_check_server::HealthCheck,
        producer_service_server::ProducerService, topic_lookup_response::LookupType,
    },
    registry::*,
};
use tokio_stream::{Stream, wrappers::UnboundedReceiverStream};
use tonic::{Request, Response, Status};

use super::state::{Act, Call, State};

#[derive(Clone)]
pub struct Service(pub Arc<State>);

impl Service {
    async fn arrives<T>(&self, method: &'static str, about: &str, request: &Request<T>) -> Result<(), Status> {
        let call = Call {
            method,
            about: about.to_owned(),
            metadata: request.metadata().clone(),
        };
        match self.0.arrives(call) {
            Act::Pass => Ok(()),
            Act::Fail(status) => Err(status),
            Act::Late(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Act::Hang => std::future::pending().await,
        }
    }
}

#[tonic::async_trait]
impl ProducerService for Service {
    async fn create_producer(&self, request: Request<ProducerRequest>) -> Result<Response<ProducerResponse>, Status> {
        self.arrives("create_producer", &request.get_ref().topic_name, &request)
            .await?;
        let asked = request.into_inner();
        let subject = asked.schema_ref.map(|schema| schema.subject);
        let id = self.0.create_producer(
            &asked.topic_name,
            &asked.producer_name,
            asked.dispatch_strategy == 1,
            subject,
        )?;
        let mut answer = Response::new(ProducerResponse {
            request_id: asked.request_id,
            producer_id: id,
            producer_name: asked.producer_name,
        });
        if self.0.is_own() {
            let own = danube_wasm_proto::OWN_BROKER_METADATA;
            answer.metadata_mut().insert(own, "1".parse().unwrap());
        }
        Ok(answer)
    }

    async fn send_message(&self, request: Request<StreamMessage>) -> Result<Response<MessageResponse>, Status> {
        let message = request.get_ref().clone();
        let topic = message
            .msg_id
            .as_ref()
            .map(|id| id.topic_name.clone())
            .unwrap_or_default();
        self.0.begin(&message);
        let passed = self.arrives("send_message", &topic, &request).await;
        let stored = passed.and_then(|()| self.0.store(message.clone()));
        self.0.end(&message);
        stored?;
        Ok(Response::new(MessageResponse {
            request_id: message.request_id,
        }))
    }
}

#[tonic::async_trait]
impl ConsumerService for Service {
    type ReceiveMessagesStream = Pin<Box<dyn Stream<Item = Result<StreamMessage, Status>> + Send>>;

    async fn subscribe(&self, request: Request<ConsumerRequest>) -> Result<Response<ConsumerResponse>, Status> {
        self.arrives("subscribe", &request.get_ref().topic_name, &request)
            .await?;
        let asked = request.into_inner();
        let exclusive = asked.subscription_type() == SubscriptionType::Exclusive;
        let id = self
            .0
            .subscribe(&asked.topic_name, &asked.subscription, &asked.consumer_name, exclusive)?;
        let mut answer = Response::new(ConsumerResponse {
            request_id: asked.request_id,
            consumer_id: id,
            consumer_name: asked.consumer_name,
        });
        if self.0.is_own() {
            let own = danube_wasm_proto::OWN_BROKER_METADATA;
            answer.metadata_mut().insert(own, "1".parse().unwrap());
        }
        Ok(answer)
    }

    async fn receive_messages(
        &self,
        request: Request<ReceiveRequest>,
    ) -> Result<Response<Self::ReceiveMessagesStream>, Status> {
        self.arrives("receive_messages", "", &request).await?;
        let messages = self.0.attach(request.into_inner().consumer_id)?;
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(messages))))
    }

    async fn ack(&self, request: Request<AckRequest>) -> Result<Response<AckResponse>, Status> {
        self.arrives("ack", "", &request).await?;
        let asked = request.into_inner();
        self.0
            .ack(&asked.msg_id.unwrap_or_default(), &asked.subscription_name, None)?;
        Ok(Response::new(AckResponse {
            request_id: asked.request_id,
        }))
    }

    async fn nack(&self, request: Request<NackRequest>) -> Result<Response<NackResponse>, Status> {
        self.arrives("nack", "", &request).await?;
        let asked = request.into_inner();
        let delay = asked.delay_ms.unwrap_or(0);
        self.0
            .ack(&asked.msg_id.unwrap_or_default(), &asked.subscription_name, Some(delay))?;
        Ok(Response::new(NackResponse {
            request_id: asked.request_id,
        }))
    }
}

#[tonic::async_trait]
impl Discovery for Service {
    async fn topic_lookup(
        &self,
        request: Request<TopicLookupRequest>,
    ) -> Result<Response<TopicLookupResponse>, Status> {
        self.arrives("topic_lookup", &request.get_ref().topic, &request).await?;
        let asked = request.into_inner();
        let (kind, (connect_url, broker_url, proxy)) = match self.0.place(&asked.topic) {
            Some(place) => (LookupType::Redirect, place),
            None if self.0.with(&asked.topic, |_| ()).is_some() => {
                (LookupType::Connect, (self.0.url(), self.0.url(), false))
            }
            None => {
                return Err(Status::not_found(format!(
                    "Unable to find the requested topic: {}",
                    asked.topic
                )));
            }
        };
        Ok(Response::new(TopicLookupResponse {
            request_id: asked.request_id,
            response_type: kind.into(),
            connect_url,
            broker_url,
            proxy,
        }))
    }

    async fn topic_partitions(
        &self,
        request: Request<TopicLookupRequest>,
    ) -> Result<Response<TopicPartitionsResponse>, Status> {
        self.arrives("topic_partitions", &request.get_ref().topic, &request)
            .await?;
        let asked = request.into_inner();
        Ok(Response::new(TopicPartitionsResponse {
            request_id: asked.request_id,
            partitions: self.0.partitions(&asked.topic),
        }))
    }
}

#[tonic::async_trait]
impl HealthCheck for Service {
    async fn health_check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.arrives("health_check", "", &request).await?;
        let asked = request.into_inner();
        let wanted = match asked.client() {
            ClientType::Producer => self.0.knows_producer(asked.id),
            ClientType::Consumer => self.0.is_wanted(asked.id),
        };
        let status = if wanted { ClientStatus::Ok } else { ClientStatus::Close };
        Ok(Response::new(HealthCheckResponse { status: status.into() }))
    }
}

fn wrapped(schema_type: &str, text: &str) -> Vec<u8> {
    match schema_type {
        "string" => b"\"String\"".to_vec(),
        "avro" => serde_json::json!({"Avro": {"raw_schema": text, "fingerprint": "f"}})
            .to_string()
            .into_bytes(),
        _ => serde_json::json!({"JsonSchema": {"raw_schema": text, "fingerprint": "f"}})
            .to_string()
            .into_bytes(),
    }
}

impl Service {
    /// All subjects have the number 7.
    fn schema(&self, subject: Option<&str>, version: Option<u32>) -> Result<Response<GetSchemaResponse>, Status> {
        self.0.schemas(|schemas| {
            let of: Vec<_> = schemas
                .iter()
                .filter(|(s, ..)| subject.is_none_or(|subject| s == subject))
                .collect();
            let version = version.unwrap_or(of.len() as u32);
            let found = of.get((version as usize).wrapping_sub(1));
            let (subject, schema_type, text) = found.ok_or_else(|| Status::not_found("Schema not found"))?;
            Ok(Response::new(GetSchemaResponse {
                schema_id: 7,
                version,
                subject: subject.clone(),
                schema_type: schema_type.clone(),
                schema_definition: wrapped(schema_type, text).into(),
                ..GetSchemaResponse::default()
            }))
        })
    }
}

macro_rules! unused {
    ($($method:ident($ask:ty) -> $answer:ty;)*) => {
        #[tonic::async_trait]
        impl schema_registry_server::SchemaRegistry for Service {
            async fn register_schema(
                &self,
                request: Request<RegisterSchemaRequest>,
            ) -> Result<Response<RegisterSchemaResponse>, Status> {
                self.arrives("register_schema", &request.get_ref().subject, &request).await?;
                let asked = request.into_inner();
                let text = String::from_utf8_lossy(&asked.schema_definition).into_owned();
                let version = self.0.schemas(|schemas| {
                    schemas.push((asked.subject.clone(), asked.schema_type.clone(), text));
                    schemas.iter().filter(|(subject, ..)| *subject == asked.subject).count()
                });
                Ok(Response::new(RegisterSchemaResponse {
                    schema_id: 7,
                    version: version as u32,
                    is_new_version: true,
                    fingerprint: String::new(),
                }))
            }

            async fn get_schema(&self, request: Request<GetSchemaRequest>) -> Result<Response<GetSchemaResponse>, Status> {
                self.arrives("get_schema", "", &request).await?;
                let asked = request.into_inner();
                match asked.schema_id {
                    7 => self.schema(None, asked.version),
                    _ => Err(Status::not_found("Schema not found")),
                }
            }

            async fn get_latest_schema(
                &self,
                request: Request<GetLatestSchemaRequest>,
            ) -> Result<Response<GetSchemaResponse>, Status> {
                self.arrives("get_latest_schema", &request.get_ref().subject, &request).await?;
                self.schema(Some(&request.into_inner().subject), None)
            }

            async fn list_versions(
                &self,
                request: Request<ListVersionsRequest>,
            ) -> Result<Response<ListVersionsResponse>, Status> {
                self.arrives("list_versions", &request.get_ref().subject, &request).await?;
                let subject = request.into_inner().subject;
                let n = self.0.schemas(|schemas| schemas.iter().filter(|(s, ..)| *s == subject).count());
                if n == 0 {
                    return Err(Status::not_found("Subject not found"));
                }
                let versions = (1..=n as u32).map(|version| SchemaVersionInfo {
                    version,
                    schema_id: 7,
                    ..SchemaVersionInfo::default()
                });
                Ok(Response::new(ListVersionsResponse {
                    versions: versions.collect(),
                }))
            }

            $(async fn $method(&self, _: Request<$ask>) -> Result<Response<$answer>, Status> {
                Err(Status::unimplemented("not in this test"))
            })*
        }
    };
}

unused! {
    check_compatibility(CheckCompatibilityRequest) -> CheckCompatibilityResponse;
    delete_schema_version(DeleteSchemaVersionRequest) -> DeleteSchemaVersionResponse;
    set_compatibility_mode(SetCompatibilityModeRequest) -> SetCompatibilityModeResponse;
    configure_topic_schema(ConfigureTopicSchemaRequest) -> ConfigureTopicSchemaResponse;
    update_topic_validation_policy(UpdateTopicValidationPolicyRequest) -> UpdateTopicValidationPolicyResponse;
    get_topic_schema_config(GetTopicSchemaConfigRequest) -> GetTopicSchemaConfigResponse;
    list_subjects(ListSubjectsRequest) -> ListSubjectsResponse;
}
