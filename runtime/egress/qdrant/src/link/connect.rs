//! Dials the server: a connection that only the guarded dialer opens, and that tonic does not open again by itself.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use danube_wasm_egress_dial::{DialError, Dialer};
use http::Uri;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::{config::Qdrant, fault::Fault, limits::KEEPALIVE};

trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A channel over one connection, and whether that has ended.
pub(crate) struct OneConnection {
    pub(crate) channel: Channel,
    pub(crate) is_over: Arc<AtomicBool>,
}

/// Opens a connection.
pub(crate) async fn connect(config: &Qdrant, dialer: &Dialer, who: &str) -> Result<OneConnection, Fault> {
    let stream = dial(config, dialer).await.map_err(|error| match error {
        Unconnected::Dial(error) => Fault::of_dial(who, &error),
        Unconnected::Tls(why) => Fault::Configuration(format!("{who}: {why}")),
    })?;
    let is_over = Arc::<AtomicBool>::default();
    let kept = Arc::new(Mutex::new(Some(stream)));
    let connector = {
        let is_over = is_over.clone();
        service_fn(move |_: Uri| {
            let stream = kept.lock().take();
            // Whoever comes a second time has seen the end of the connection.
            is_over.store(stream.is_none(), Ordering::Release);
            async move { stream.map(TokioIo::new).ok_or(Ended) }
        })
    };
    let connected = endpoint(config)?.connect_with_connector(connector).await;
    let channel = connected.map_err(|error| {
        let hint = match config.url.is_rest_port() {
            true => ": 6333 is the port of REST, write that of gRPC, 6334",
            false => ": check that `url` is its gRPC port",
        };
        Fault::transient(format!("{who} does not speak HTTP/2 ({}){hint}", innermost(&error)))
    })?;
    Ok(OneConnection { channel, is_over })
}

fn endpoint(config: &Qdrant) -> Result<Endpoint, Fault> {
    let unusable = |error: &dyn fmt::Display| Fault::Configuration(format!("`url` cannot be used: {error}"));
    // TLS is under the connection already; tonic must not add its own.
    let plain = config.url.to_string().replacen("https://", "http://", 1);
    let origin: Uri = config
        .url
        .to_string()
        .parse()
        .map_err(|error: http::uri::InvalidUri| unusable(&error))?;
    let endpoint = Endpoint::from_shared(plain).map_err(|error| unusable(&error))?;
    let (interval, timeout) = KEEPALIVE;
    Ok(endpoint
        .origin(origin)
        .http2_keep_alive_interval(interval)
        .keep_alive_timeout(timeout)
        .keep_alive_while_idle(true))
}

enum Unconnected {
    Dial(DialError),
    Tls(String),
}

async fn dial(config: &Qdrant, dialer: &Dialer) -> Result<Box<dyn Io>, Unconnected> {
    let (url, timeout) = (&config.url, config.connect_timeout);
    if !url.tls() {
        let stream = dialer
            .connect(url.host(), url.port(), timeout)
            .await
            .map_err(Unconnected::Dial)?;
        return Ok(Box::new(stream));
    }
    let settings = config.tls.settings();
    // Reads the system's authorities from disk.
    let tls = tokio::task::spawn_blocking(move || settings.client_config()).await;
    let tls = tls.map_err(|error| Unconnected::Tls(error.to_string()))?;
    let mut tls = Arc::unwrap_or_clone(tls.map_err(|error| Unconnected::Tls(error.to_string()))?);
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let stream = dialer
        .connect_tls(url.host(), url.port(), &Arc::new(tls), timeout)
        .await;
    Ok(Box::new(stream.map_err(Unconnected::Dial)?))
}

/// The connection has ended; another is made elsewhere.
#[derive(Debug, thiserror::Error)]
#[error("the connection has ended")]
pub(crate) struct Ended;

/// The error at the root of another.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}
