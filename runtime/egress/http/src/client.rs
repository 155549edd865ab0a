//! hyper's client on the guarded dialer.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_egress_dial::{DialError, Dialer, TlsSettings, TlsSettingsError};
use futures_util::future::BoxFuture;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    rt::{Read, ReadBufCursor, Write},
};
use hyper_util::{
    client::legacy::{
        Client as Pooled, Error,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::Service;

use crate::limits::IDLE_CONNECTION_MAX;

/// Sends requests over connections that are kept for a while. Follows no redirect, uses no proxy, decodes nothing.
#[derive(Clone)]
pub(crate) struct Client {
    kept: Pooled<Dial, Full<Bytes>>,
    /// A connection for each request.
    fresh: Pooled<Dial, Full<Bytes>>,
}

impl Client {
    pub(crate) fn new(
        dialer: Dialer,
        tls: &TlsSettings,
        connect_timeout: Duration,
        idle_max: usize,
    ) -> Result<Self, TlsSettingsError> {
        let mut tls = Arc::unwrap_or_clone(tls.client_config()?);
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let dial = Dial {
            dialer,
            tls: Arc::new(tls),
            timeout: connect_timeout,
        };
        let pooled = |idle_max| {
            Pooled::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_CONNECTION_MAX)
                .pool_max_idle_per_host(idle_max)
                .build(dial.clone())
        };
        Ok(Self {
            kept: pooled(idle_max),
            fresh: pooled(0),
        })
    }

    /// The head of the answer. A request that meets the end of a kept connection is sent once more, over a new one: servers
    /// close idle connections, and nobody can know whether they had seen it. Its ids tell them.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        let again = request.clone();
        match self.kept.request(request).await {
            Err(error) if is_ended(&error) => self.fresh.request(again).await,
            sent => sent,
        }
    }
}

/// Whether the connection ended before there was an answer.
fn is_ended(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_canceled() || error.is_closed())
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionAborted
                    // Of TLS, without a farewell.
                    | io::ErrorKind::UnexpectedEof
            );
        }
        cause = error.source();
    }
    false
}

/// Dials for hyper.
#[derive(Clone)]
struct Dial {
    dialer: Dialer,
    tls: Arc<ClientConfig>,
    timeout: Duration,
}

impl Service<Uri> for Dial {
    type Response = Stream;
    type Error = DialError;
    type Future = BoxFuture<'static, Result<Stream, DialError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dial = self.clone();
        Box::pin(async move { dial.dial(&uri).await })
    }
}

impl Dial {
    async fn dial(self, uri: &Uri) -> Result<Stream, DialError> {
        if uri.scheme_str() != Some("https") {
            let stream = self.dialer.connect_uri(uri, self.timeout).await?;
            // A request is one write; waiting for more only delays it. A socket that cannot do so works all the same.
            let _ = stream.set_nodelay(true);
            return Ok(Stream::new(stream, false));
        }
        let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(443));
        let stream = self.dialer.connect_tls(host, port, &self.tls, self.timeout).await?;
        let _ = stream.get_ref().0.set_nodelay(true);
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Stream::new(stream, is_http2))
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A connection, with TLS or without.
struct Stream {
    io: TokioIo<Box<dyn Io>>,
    is_http2: bool,
}

impl Stream {
    fn new(io: impl Io, is_http2: bool) -> Self {
        Self {
            io: TokioIo::new(Box::new(io)),
            is_http2,
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self.is_http2 {
            true => Connected::new().negotiated_h2(),
            false => Connected::new(),
        }
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}
