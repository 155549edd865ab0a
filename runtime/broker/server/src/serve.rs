//! Serving, from the first connection to the last.

use std::{future::Future, pin::pin, sync::Arc};

use danube_wasm_broker::embedded::EmbeddedBroker;
use danube_wasm_proto::{
    api::{
        consumer_service_server::ConsumerServiceServer, discovery_server::DiscoveryServer,
        health_check_server::HealthCheckServer, producer_service_server::ProducerServiceServer,
    },
    registry::schema_registry_server::SchemaRegistryServer,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::{
    consume::ConsumerRoom,
    core::Core,
    discovery::DiscoveryRoom,
    gate::Gate,
    health::HealthRoom,
    incoming,
    limits::{
        CALL_BYTES_MAX, CALLS_PER_CONNECTION_MAX, CONNECTION_WINDOW_BYTES, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT,
        METADATA_BYTES_MAX, STREAM_WINDOW_BYTES,
    },
    options::{InvalidOptions, ServerOptions},
    produce::ProducerRoom,
    registry::RegistryRoom,
};

/// Why the server did not start, or ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An option makes no sense.
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    /// The certificate or its key.
    #[error(
        "the server's TLS certificate and key cannot be used ({0}): give both in PEM, the certificate first in its file"
    )]
    Tls(String),
    /// The transport.
    #[error("the server ended: {0}")]
    Transport(String),
}

/// Serves the log on these sockets until `shutdown`. Then streams end with
/// [`Unavailable`](tonic::Code::Unavailable), calls that run finish, for [`ServerOptions::drain_max`] at most, and it
/// returns. The log stays open; closing it is the caller's.
pub async fn serve(
    broker: Arc<EmbeddedBroker>,
    listeners: Vec<TcpListener>,
    options: ServerOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    options.check()?;
    let drain_max = options.drain_max;
    let mut server = transport(&options)?.layer(Gate::new(&options));
    let stopping = CancellationToken::new();
    let core = Arc::new(Core::new(broker, options, stopping.clone()));
    let router = server
        .add_service(ProducerServiceServer::new(ProducerRoom(core.clone())).max_decoding_message_size(CALL_BYTES_MAX))
        .add_service(ConsumerServiceServer::new(ConsumerRoom(core.clone())))
        .add_service(DiscoveryServer::new(DiscoveryRoom(core.clone())))
        .add_service(HealthCheckServer::new(HealthRoom(core.clone())))
        .add_service(SchemaRegistryServer::new(RegistryRoom(core)));
    let stop = stopping.clone();
    let serving = router.serve_with_incoming_shutdown(incoming::accept(listeners), stop.cancelled_owned());
    let mut serving = pin!(serving);
    let ended = |result: Result<(), tonic::transport::Error>| {
        result.map_err(|error| ServeError::Transport(with_sources(&error)))
    };
    tokio::select! {
        result = &mut serving => return ended(result),
        () = shutdown => stopping.cancel(),
    }
    match tokio::time::timeout(drain_max, serving).await {
        Ok(result) => ended(result),
        Err(_) => {
            tracing::warn!(seconds = drain_max.as_secs_f64(), "calls that still run are given up");
            Ok(())
        }
    }
}

fn transport(options: &ServerOptions) -> Result<Server, ServeError> {
    let server = Server::builder()
        .max_concurrent_streams(CALLS_PER_CONNECTION_MAX)
        .http2_max_header_list_size(METADATA_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT));
    let Some(tls) = &options.tls else {
        return Ok(server);
    };
    // In a process where another crate brings a second one along, rustls asks to be told which cryptography is meant. Who
    // was here first has told it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let identity = Identity::from_pem(&tls.certificate_pem, &tls.key_pem);
    server
        .tls_config(ServerTlsConfig::new().identity(identity))
        .map_err(|error| ServeError::Tls(with_sources(&error)))
}

/// The transport's own errors say little above their causes.
fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |e| e.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
