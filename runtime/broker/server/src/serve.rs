//! Runs the server.

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
    auth::AuthLayer,
    consume::ConsumerApi,
    discovery::DiscoveryApi,
    health::HealthApi,
    incoming,
    limits::{
        CALL_BYTES_MAX, CALLS_PER_CONNECTION_MAX, CONNECTION_WINDOW_BYTES, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT,
        METADATA_BYTES_MAX, STREAM_WINDOW_BYTES,
    },
    options::{InvalidOptions, ServerOptions},
    produce::ProducerApi,
    registry::RegistryApi,
    shared::ServerState,
};

/// Why the server did not start, or ended before it was stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An option is invalid.
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

/// Serves the log on these sockets until `shutdown`. Then streams end with [`Unavailable`](tonic::Code::Unavailable),
/// running calls finish, within [`ServerOptions::drain_max`], and it returns. The log stays open; the caller closes it.
pub async fn serve(
    broker: Arc<EmbeddedBroker>,
    listeners: Vec<TcpListener>,
    options: ServerOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    options.check()?;
    let drain_max = options.drain_max;
    let mut transport = transport(&options)?.layer(AuthLayer::new(&options));
    let stopping = CancellationToken::new();
    let server = Arc::new(ServerState::new(broker, options, stopping.clone()));
    let router = transport
        .add_service(ProducerServiceServer::new(ProducerApi(server.clone())).max_decoding_message_size(CALL_BYTES_MAX))
        .add_service(ConsumerServiceServer::new(ConsumerApi(server.clone())))
        .add_service(DiscoveryServer::new(DiscoveryApi(server.clone())))
        .add_service(HealthCheckServer::new(HealthApi(server.clone())))
        .add_service(SchemaRegistryServer::new(RegistryApi(server)));
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
    // If another crate of the process brings a second cryptography provider, rustls requires one to be installed. An
    // error means that one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let identity = Identity::from_pem(&tls.certificate_pem, &tls.key_pem);
    server
        .tls_config(ServerTlsConfig::new().identity(identity))
        .map_err(|error| ServeError::Tls(with_sources(&error)))
}

/// The transport's errors say little without their sources.
fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |e| e.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
