//! From an address to a socket, encrypted where that is asked for.

use std::{io, sync::Arc, time::Duration};

use danube_wasm_egress_dial::{DialError, Dialer, config::TlsPaths, start_tls};
use danube_wasm_settings::{SecretSource, read_text};
use pgwire_replication::protocol::framing::write_ssl_request;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use crate::{
    config::{Postgres, SslMode},
    limits::PASSWORD_BYTES_MAX,
    refusal::PgError,
};

/// What a connection runs over.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Every value is written alike, in the stream and in the snapshot, whatever the server's own settings are; and nothing ends a
/// session that waits for us.
pub(crate) const SESSION_OPTIONS: &str = "-c datestyle=ISO -c intervalstyle=iso_8601 -c timezone=UTC -c extra_float_digits=3 \
    -c bytea_output=hex -c tcp_keepalives_idle=60 -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0";

/// What the session is called in `pg_stat_activity`.
pub(crate) const APPLICATION: &str = "danube-wasm";

/// A connection on which nothing has been said yet.
pub(crate) async fn dial(config: &Postgres, dialer: &Dialer) -> Result<Box<dyn Socket>, PgError> {
    let within = config.connect_timeout;
    let connected = dialer.connect(config.url.host(), config.url.port(), within).await;
    let stream = connected.map_err(|error| unreachable(config, &error))?;
    // Status messages are small, and waited for.
    let _ = stream.set_nodelay(true);
    match config.sslmode {
        SslMode::Disable => Ok(Box::new(stream)),
        SslMode::VerifyFull => in_time(config, within, secure(config, stream)).await,
    }
}

/// Gives up when the time is over.
pub(crate) async fn in_time<T>(
    config: &Postgres,
    within: Duration,
    doing: impl Future<Output = Result<T, PgError>>,
) -> Result<T, PgError> {
    timeout(within, doing).await.unwrap_or_else(|_| {
        Err(PgError::transient(format!(
            "{} has not answered within {} ms: check that this is a PostgreSQL port",
            config.url,
            within.as_millis()
        )))
    })
}

fn unreachable(config: &Postgres, error: &DialError) -> PgError {
    let message = format!("{} cannot be reached: {error}", config.url);
    match error.is_transient() {
        true => PgError::transient(message),
        false => PgError::permanent(message),
    }
}

async fn secure(config: &Postgres, mut stream: TcpStream) -> Result<Box<dyn Socket>, PgError> {
    let broke = |error: io::Error| PgError::transient(format!("{} broke the connection: {error}", config.url));
    write_ssl_request(&mut stream)
        .await
        .map_err(|error| PgError::transient(format!("{} broke the connection: {error}", config.url)))?;
    // One byte and no more: what came with it could not be told from what is encrypted.
    if stream.read_u8().await.map_err(broke)? != b'S' {
        return Err(PgError::permanent(format!(
            "{} takes no encrypted connections: switch `ssl` on at the server, or write `sslmode = \"disable\"`",
            config.url
        )));
    }
    let default = TlsPaths::default();
    let files = config.tls.as_ref().unwrap_or(&default);
    let settings = files.settings().await.map_err(PgError::permanent)?;
    let tls = match tokio::task::spawn_blocking(move || settings.client_config()).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => return Err(PgError::permanent(format!("`tls` of {}: {error}", config.url))),
        Err(error) => return Err(PgError::transient(format!("reading certificates ended: {error}"))),
    };
    let tls: Arc<_> = tls;
    let secured = start_tls(stream, config.url.host(), &tls).await;
    Ok(Box::new(secured.map_err(|error| unreachable(config, &error))?))
}

/// The password as it is now.
pub(crate) async fn password(config: &Postgres) -> Result<Option<Vec<u8>>, PgError> {
    match &config.password {
        None => Ok(None),
        Some(SecretSource::Text(secret)) => Ok(Some(secret.expose().as_bytes().to_vec())),
        Some(SecretSource::File(path)) => {
            let (path, shown) = (path.clone(), path.display().to_string());
            let read = tokio::task::spawn_blocking(move || read_text(&path, PASSWORD_BYTES_MAX)).await;
            let text = read.unwrap_or_else(|error| Err(error.to_string()));
            let text =
                text.map_err(|why| PgError::transient(format!("the password's file {shown} cannot be read: {why}")))?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).as_bytes().to_vec()))
        }
    }
}
