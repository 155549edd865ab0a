//! From an address to a socket: TCP, TLS where the URL says so, WebSocket where it says so.

use std::sync::Arc;

use danube_wasm_egress_dial::{DialError, Dialer, config::TlsPaths};
use tokio::time::timeout;

use crate::{config::Mqtt, link::Socket, refusal::ConnectError, websocket};

/// A socket that carries MQTT.
pub(crate) async fn dial(config: &Mqtt, dialer: &Dialer) -> Result<Box<dyn Socket>, ConnectError> {
    let socket = if config.url.tls() {
        secure(config, dialer).await?
    } else {
        plain(config, dialer).await?
    };
    let Some(path) = config.url.websocket_path() else {
        return Ok(socket);
    };
    let upgraded = timeout(config.connect_timeout, websocket::upgrade(&config.url, path, socket));
    let address = config.url.address();
    let ms = config.connect_timeout.as_millis();
    upgraded
        .await
        .unwrap_or_else(|_| {
            Err(format!(
                "has not answered the WebSocket request for `{path}` within {ms} ms: check that this is the broker's WebSocket port"
            ))
        })
        .map_err(|why| ConnectError::transient(format!("{address} {why}")))
}

async fn plain(config: &Mqtt, dialer: &Dialer) -> Result<Box<dyn Socket>, ConnectError> {
    let (host, port) = (config.url.host(), config.url.port());
    let stream = dialer
        .connect(host, port, config.connect_timeout)
        .await
        .map_err(|error| unreachable(config, error))?;
    // Acknowledgements are small, and waited for.
    let _ = stream.set_nodelay(true);
    Ok(Box::new(stream))
}

async fn secure(config: &Mqtt, dialer: &Dialer) -> Result<Box<dyn Socket>, ConnectError> {
    let (host, port) = (config.url.host(), config.url.port());
    let default = TlsPaths::default();
    let settings = config
        .tls
        .as_ref()
        .unwrap_or(&default)
        .settings()
        .await
        .map_err(ConnectError::permanent)?;
    let read = tokio::task::spawn_blocking(move || settings.client_config()).await;
    let tls = match read {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => return Err(ConnectError::permanent(format!("`tls` of {}: {error}", config.url))),
        Err(error) => return Err(ConnectError::transient(format!("reading certificates ended: {error}"))),
    };
    let tls: Arc<_> = tls;
    let stream = dialer
        .connect_tls(host, port, &tls, config.connect_timeout)
        .await
        .map_err(|error| unreachable(config, error))?;
    let _ = stream.get_ref().0.set_nodelay(true);
    Ok(Box::new(stream))
}

fn unreachable(config: &Mqtt, error: DialError) -> ConnectError {
    ConnectError {
        message: format!("the MQTT broker {} cannot be reached: {error}", config.url),
        is_transient: error.is_transient(),
        is_version: false,
    }
}
