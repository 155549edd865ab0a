//! A server on a socket of this machine, and bare clients: what a client that nobody here wrote could send.
#![allow(dead_code, reason = "each test uses some of it")]

use std::{future::Future, sync::Arc, time::Duration};

use danube_wasm_broker::{
    Broker,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_broker_server::{ServeError, ServerOptions, serve};
use danube_wasm_proto::{
    START_METADATA,
    api::{
        AckRequest, ConsumerRequest, HealthCheckRequest, MsgId, NackRequest, ProducerRequest, ReceiveRequest,
        StreamMessage, TopicLookupRequest, consumer_request::SubscriptionType,
        consumer_service_client::ConsumerServiceClient, discovery_client::DiscoveryClient,
        health_check_client::HealthCheckClient, health_check_request::ClientType,
        producer_service_client::ProducerServiceClient,
    },
    registry::schema_registry_client::SchemaRegistryClient,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{Code, Request, Status, Streaming, transport::Channel};

/// Longer than anything takes on a loaded machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
pub(crate) const TOPIC: &str = "/test/topic";

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}

/// A server, stopped when it is dropped.
pub(crate) struct Server {
    pub(crate) broker: Arc<EmbeddedBroker>,
    pub(crate) url: String,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<Result<(), ServeError>>>,
    _directory: Option<tempfile::TempDir>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(ServerOptions::default()).await
    }

    pub(crate) async fn with(options: ServerOptions) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let broker = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default()).expect("opens");
        let mut server = Self::of(broker, options).await;
        server._directory = Some(directory);
        server
    }

    /// Serves this log.
    pub(crate) async fn of(broker: Arc<EmbeddedBroker>, options: ServerOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().expect("bound"));
        let (stop, stopped) = oneshot::channel();
        let log = broker.clone();
        let serving = tokio::spawn(async move {
            serve(log, vec![listener], options, async {
                let _ = stopped.await;
            })
            .await
        });
        Self {
            broker,
            url,
            stop: Some(stop),
            serving: Some(serving),
            _directory: None,
        }
    }

    /// Tells it to stop, and gives what it returns.
    pub(crate) fn stop(&mut self) -> JoinHandle<Result<(), ServeError>> {
        let _ = self.stop.take().expect("not stopped yet").send(());
        self.serving.take().expect("not stopped yet")
    }

    pub(crate) async fn client(&self) -> Client {
        let channel = Channel::from_shared(self.url.clone()).expect("a URL");
        Client::of(channel.connect().await.expect("connects"))
    }
}

/// All services over one connection.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) producers: ProducerServiceClient<Channel>,
    pub(crate) consumers: ConsumerServiceClient<Channel>,
    pub(crate) discovery: DiscoveryClient<Channel>,
    pub(crate) health: HealthCheckClient<Channel>,
    pub(crate) registry: SchemaRegistryClient<Channel>,
}

impl Client {
    pub(crate) fn of(channel: Channel) -> Self {
        Self {
            producers: ProducerServiceClient::new(channel.clone()),
            consumers: ConsumerServiceClient::new(channel.clone()),
            discovery: DiscoveryClient::new(channel.clone()),
            health: HealthCheckClient::new(channel.clone()),
            registry: SchemaRegistryClient::new(channel),
        }
    }

    pub(crate) async fn producer(&self, topic: &str) -> Result<u64, Status> {
        let request = ProducerRequest {
            producer_name: "producer".into(),
            topic_name: topic.into(),
            ..Default::default()
        };
        let answer = within(self.producers.clone().create_producer(request)).await?;
        Ok(answer.into_inner().producer_id)
    }

    pub(crate) async fn send(&self, message: StreamMessage) -> Result<(), Status> {
        within(self.producers.clone().send_message(message)).await.map(drop)
    }

    /// Publishes texts through a producer of their own.
    pub(crate) async fn publish(&self, topic: &str, texts: &[&str]) {
        let id = self.producer(topic).await.expect("a producer");
        for text in texts {
            self.send(message(id, topic, text)).await.expect("published");
        }
    }

    pub(crate) async fn subscribe(&self, kind: SubscriptionType, topic: &str, name: &str) -> Result<u64, Status> {
        let mut request = Request::new(consumer_request(kind, topic, name));
        request
            .metadata_mut()
            .insert(START_METADATA, "earliest".parse().expect("valid"));
        let answer = within(self.consumers.clone().subscribe(request)).await?;
        Ok(answer.into_inner().consumer_id)
    }

    pub(crate) async fn stream(&self, consumer_id: u64) -> Result<Streaming<StreamMessage>, Status> {
        let request = ReceiveRequest {
            request_id: 1,
            consumer_id,
        };
        let answer = within(self.consumers.clone().receive_messages(request)).await?;
        Ok(answer.into_inner())
    }

    /// Subscribes from the oldest message and streams.
    pub(crate) async fn consume(&self, kind: SubscriptionType, topic: &str, name: &str) -> Streaming<StreamMessage> {
        let id = self.subscribe(kind, topic, name).await.expect("subscribes");
        self.stream(id).await.expect("streams")
    }

    pub(crate) async fn ack(&self, message: &StreamMessage) -> Result<(), Status> {
        let request = AckRequest {
            request_id: message.request_id,
            msg_id: message.msg_id.clone(),
            subscription_name: message.subscription_name.clone(),
        };
        within(self.consumers.clone().ack(request)).await.map(drop)
    }

    pub(crate) async fn nack(&self, message: &StreamMessage, delay_ms: Option<u64>) -> Result<(), Status> {
        let request = NackRequest {
            request_id: message.request_id,
            msg_id: message.msg_id.clone(),
            subscription_name: message.subscription_name.clone(),
            delay_ms,
            reason: Some("a test".into()),
        };
        within(self.consumers.clone().nack(request)).await.map(drop)
    }

    /// Whether the server knows it.
    pub(crate) async fn is_alive(&self, client: ClientType, id: u64) -> bool {
        let request = HealthCheckRequest {
            request_id: 1,
            client: client.into(),
            id,
        };
        let answer = within(self.health.clone().health_check(request))
            .await
            .expect("answers");
        answer.into_inner().status == 0
    }

    pub(crate) async fn partitions(&self, topic: &str) -> Vec<String> {
        let request = TopicLookupRequest {
            request_id: 1,
            topic: topic.into(),
        };
        let answer = within(self.discovery.clone().topic_partitions(request))
            .await
            .expect("answers");
        answer.into_inner().partitions
    }
}

pub(crate) fn consumer_request(kind: SubscriptionType, topic: &str, name: &str) -> ConsumerRequest {
    ConsumerRequest {
        request_id: 1,
        topic_name: topic.into(),
        consumer_name: name.into(),
        subscription: "subscription".into(),
        subscription_type: kind.into(),
        key_filters: Vec::new(),
    }
}

pub(crate) fn message(producer_id: u64, topic: &str, text: &str) -> StreamMessage {
    StreamMessage {
        request_id: 7,
        msg_id: Some(MsgId {
            producer_id,
            topic_name: topic.into(),
            ..Default::default()
        }),
        payload: text.as_bytes().to_vec().into(),
        publish_time: 1,
        producer_name: "producer".into(),
        ..Default::default()
    }
}

/// The next `n` messages.
pub(crate) async fn receive(stream: &mut Streaming<StreamMessage>, n: usize) -> Vec<StreamMessage> {
    let mut messages = Vec::new();
    while messages.len() < n {
        let next = within(stream.message()).await.expect("no error").expect("goes on");
        messages.push(next);
    }
    messages
}

/// How a stream ends.
pub(crate) async fn ends(stream: &mut Streaming<StreamMessage>) -> Status {
    loop {
        match within(stream.message()).await {
            Ok(Some(_)) => {}
            Ok(None) => return Status::ok(""),
            Err(status) => return status,
        }
    }
}

/// That nothing arrives while everything that could bring it has had its turn.
pub(crate) async fn receives_nothing(stream: &mut Streaming<StreamMessage>) {
    let nothing = tokio::time::timeout(Duration::from_millis(100), stream.message()).await;
    assert!(nothing.is_err(), "received {nothing:?}");
}

pub(crate) fn texts(messages: &[StreamMessage]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| std::str::from_utf8(&message.payload).expect("text"))
        .collect()
}

pub(crate) fn code<T>(result: Result<T, Status>) -> Code {
    result.err().map_or(Code::Ok, |status| status.code())
}

/// Messages of the only subscription that are not acknowledged.
pub(crate) async fn lag(broker: &EmbeddedBroker) -> u64 {
    broker
        .lag()
        .await
        .expect("answers")
        .iter()
        .map(|lag| lag.messages)
        .sum()
}
