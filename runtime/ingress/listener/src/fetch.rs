//! Asks other servers for keys and certificates, over the guarded dialer: no redirect is followed, no proxy is used, and
//! everything has a limit.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use danube_wasm_egress_dial::{Dialer, TlsSettings};
use http::{
    Request, StatusCode, Uri,
    header::{ACCEPT, HOST, USER_AGENT},
};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use crate::limits::FETCH_MS_MAX;

/// Fetches small documents.
#[derive(Clone)]
pub struct Fetcher {
    dialer: Dialer,
    tls: Arc<ClientConfig>,
}

impl Fetcher {
    /// Connects where the dialer may, and trusts as the settings say. Reads the system's authorities, which blocks.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings.
    pub fn try_new(dialer: Dialer, tls: &TlsSettings) -> Result<Self, String> {
        let tls = tls.client_config().map_err(|error| error.to_string())?;
        Ok(Self { dialer, tls })
    }

    /// Returns what is at a URL, if that is answered 2xx with at most so many bytes. An error says what went wrong, for the
    /// operator.
    pub(crate) async fn get(&self, uri: &Uri, bytes_max: usize) -> Result<Bytes, String> {
        let within = Duration::from_millis(FETCH_MS_MAX);
        let host = uri.host().unwrap_or_default();
        match timeout(within, self.exchange(uri, bytes_max)).await {
            Ok(answered) => answered.map_err(|why| format!("{host}: {why}")),
            Err(_) => Err(format!("{host} has not answered within {FETCH_MS_MAX} ms")),
        }
    }

    async fn exchange(&self, uri: &Uri, bytes_max: usize) -> Result<Bytes, String> {
        let within = Duration::from_millis(FETCH_MS_MAX);
        if uri.scheme_str() == Some("https") {
            let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(443));
            let stream = self.dialer.connect_tls(host, port, &self.tls, within).await;
            return request(stream.map_err(|error| error.to_string())?, uri, bytes_max).await;
        }
        let stream = self.dialer.connect_uri(uri, within).await;
        request(stream.map_err(|error| error.to_string())?, uri, bytes_max).await
    }
}

async fn request<T>(stream: T, uri: &Uri, bytes_max: usize) -> Result<Bytes, String>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let text = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    // Ends when the sender is dropped or the peer closes.
    let connection = tokio::spawn(connection);
    let answered = async {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let request = Request::get(target)
            .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
            .header(ACCEPT, "*/*")
            .header(USER_AGENT, concat!("danube-wasm/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(text)?;
        match answer.status() {
            status if status.is_success() => read(answer.into_body(), bytes_max).await,
            status @ (StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT) => Err(format!(
                "it answers {status}, and redirects are not followed: use the URL that it leads to"
            )),
            status => Err(format!("it answers {status}")),
        }
    };
    let answered = answered.await;
    connection.abort();
    answered
}

async fn read(mut body: Incoming, bytes_max: usize) -> Result<Bytes, String> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|error| error.to_string())?.into_data() else {
            continue;
        };
        if whole.len() + piece.len() > bytes_max {
            return Err(format!("it answers more than {bytes_max} bytes"));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fetcher({:?})", self.dialer)
    }
}
