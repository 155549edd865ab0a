//! A broker that speaks Danube's wire API on a real socket, keeps everything in memory, and misbehaves on command.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "in tests")]

pub mod admin;
pub mod certs;
pub mod proxy;
mod services;
mod state;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use danube_wasm_broker::{
    Broker, Consumer, ConsumerOptions, Message, Outgoing, Published, Publisher, Result, StartAt, TopicSpec,
};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_model::{ConnectorId, RecordId, SubscriptionType, TopicName};
use danube_wasm_proto::{
    api::{
        consumer_service_server::ConsumerServiceServer, discovery_server::DiscoveryServer,
        health_check_server::HealthCheckServer, producer_service_server::ProducerServiceServer,
    },
    registry::schema_registry_server::SchemaRegistryServer,
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    time::timeout,
};
use tonic::transport::{Server, ServerTlsConfig};

#[allow(unused_imports, reason = "each test file uses its part")]
pub use state::{Act, State};

/// How long anything may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A running broker.
pub struct Wire {
    pub state: Arc<State>,
    pub address: SocketAddr,
    /// Its own: when it goes, every connection goes.
    runtime: Option<Runtime>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Wire {
    /// On a free port.
    pub async fn start() -> Self {
        Self::start_as(Server::builder()).await
    }

    pub async fn start_tls(tls: ServerTlsConfig) -> Self {
        Self::start_as(Server::builder().tls_config(tls).unwrap()).await
    }

    /// With a transport of one's own.
    pub async fn start_as(server: Server) -> Self {
        Self::serve(State::new(), server, "127.0.0.1:0").await
    }

    /// Serves a state at an address, as a broker that comes back does.
    pub async fn back(state: Arc<State>, at: &str) -> Self {
        Self::serve(state, Server::builder(), at).await
    }

    async fn serve(state: Arc<State>, mut server: Server, at: &str) -> Self {
        let bind = || std::future::ready(std::net::TcpListener::bind(at));
        let listener = eventually("the port is free", bind).await;
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        state.set_url(&format!("http://{address}"));
        let broker = services::Service(state.clone());
        let router = server
            .add_service(ProducerServiceServer::new(broker.clone()))
            .add_service(ConsumerServiceServer::new(broker.clone()))
            .add_service(DiscoveryServer::new(broker.clone()))
            .add_service(HealthCheckServer::new(broker.clone()))
            .add_service(SchemaRegistryServer::new(broker));
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
            let _ = router.serve_with_incoming(incoming).await;
        });
        Self {
            state,
            address,
            runtime: Some(runtime),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn options(&self) -> DanubeOptions {
        quick(DanubeOptions::new([self.url()]))
    }

    pub fn client(&self) -> Arc<Danube> {
        Danube::open(self.options()).unwrap()
    }

    /// Is gone, with all its connections.
    pub fn stop(self) -> Arc<State> {
        self.state.forget();
        self.state.clone()
    }
}

/// The same behaviour, sooner.
pub fn quick(mut options: DanubeOptions) -> DanubeOptions {
    options.retry_floor = Duration::from_millis(5);
    options.retry_ceiling = Duration::from_millis(50);
    options.discovery_interval = Duration::from_millis(50);
    // However loaded the machine is: no record fails for that.
    options.publish_timeout = Duration::from_secs(30);
    options
}

/// Tries until it succeeds.
pub async fn eventually<T, E: std::fmt::Debug, F: Future<Output = std::result::Result<T, E>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    let trying = async {
        loop {
            match attempt().await {
                Ok(value) => return value,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(DEADLINE, trying)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    eventually(what, || std::future::ready(if holds() { Ok(()) } else { Err(()) })).await;
}

/// Ends a test that hangs.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(DEADLINE, what).await.expect("in time")
}

pub fn topic(name: &str) -> TopicName {
    name.parse().unwrap()
}

pub fn reliable(partitions: u32) -> TopicSpec {
    TopicSpec {
        partitions,
        reliable_dispatch: true,
        ..TopicSpec::default()
    }
}

pub fn record(topic: &TopicName, key: Option<&str>, n: usize) -> Outgoing {
    Outgoing {
        topic: topic.clone(),
        key: key.map(|key| key.to_owned().into()),
        payload: n.to_string().into(),
        attributes: vec![("colour".into(), "blue".into())],
        id: RecordId::derive(&ConnectorId::try_new("p", "c").unwrap(), "", &n.to_string(), 0),
        schema: None,
    }
}

pub fn number(payload: &[u8]) -> usize {
    std::str::from_utf8(payload).unwrap().parse().unwrap()
}

/// Publishes records as groups of one.
pub async fn publish(publisher: &dyn Publisher, records: Vec<Outgoing>) -> Vec<Result<Published>> {
    soon(publisher.publish(records.into_iter().map(|record| vec![record]).collect())).await
}

pub fn consumer_options(topic: &TopicName, kind: SubscriptionType) -> ConsumerOptions {
    ConsumerOptions {
        topic: topic.clone(),
        subscription: "sub".into(),
        subscription_type: kind,
        consumer: "p/sink".into(),
        start: StartAt::Earliest,
        unacknowledged_max: 100,
    }
}

/// Receives until there are `n`.
pub async fn receive(consumer: &mut dyn Consumer, n: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < n {
        messages.extend(soon(consumer.receive(n - messages.len())).await.unwrap());
    }
    messages
}

pub fn numbers(messages: &[Message]) -> Vec<usize> {
    messages.iter().map(|message| number(&message.payload)).collect()
}

/// A topic with `n` published records, and a consumer of it.
pub async fn consuming(wire: &Wire, client: &Arc<Danube>, n: usize) -> (TopicName, Box<dyn Consumer>) {
    consuming_as(SubscriptionType::Exclusive, wire, client, n).await
}

pub async fn consuming_as(
    kind: SubscriptionType,
    wire: &Wire,
    client: &Arc<Danube>,
    n: usize,
) -> (TopicName, Box<dyn Consumer>) {
    let topic = topic("/default/t");
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let options = consumer_options(&topic, kind);
    let consumer = soon(client.subscribe(options)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..n).map(|i| record(&topic, Some("k"), i)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    assert_eq!(wire.state.log("/default/t").len(), n);
    (topic, consumer)
}
