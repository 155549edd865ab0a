//! Opens one connection: name lookup, TCP, TLS. A failure is a sentence that says how to correct it; it is the root
//! cause of the error that the call returns.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Address, tls};
use crate::options::Tls;

/// Opens connections to one address.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub(super) address: Address,
    pub(super) tls: Arc<Tls>,
    pub(super) within: Duration,
}

impl Connector {
    /// Connects within the time that is allowed for it.
    pub(super) async fn connect(&self) -> Result<Stream> {
        let address = &self.address;
        timeout(self.within, self.open()).await.unwrap_or_else(|_| {
            Err(unreachable(format!(
                "the Danube broker at {address} does not answer within {} ms: check that it runs and that no firewall \
                 is in between",
                self.within.as_millis()
            )))
        })
    }

    async fn open(&self) -> Result<Stream> {
        let tcp = self.dial().await?;
        // Small calls must not wait for the acknowledgement of those before.
        tcp.set_nodelay(true)
            .map_err(|e| unreachable(format!("the socket to {}: {e}", self.address)))?;
        match self.address.tls {
            true => self.secure(tcp).await,
            false => Ok(Stream::Plain(tcp)),
        }
    }

    async fn dial(&self) -> Result<TcpStream> {
        let Address { host, port, .. } = &self.address;
        let found = tokio::net::lookup_host((host.as_str(), *port)).await;
        let places: Vec<_> = found
            .map_err(|e| {
                unreachable(format!(
                    "there is no host `{host}`, which {} names ({e}): check its spelling and this machine's DNS",
                    self.address
                ))
            })?
            .collect();
        let mut last = None;
        for place in places {
            match TcpStream::connect(place).await {
                Ok(tcp) => return Ok(tcp),
                Err(error) => last = Some(error),
            }
        }
        Err(unreachable(match last {
            Some(e) if e.kind() == io::ErrorKind::ConnectionRefused => format!(
                "nothing listens at {}: start the Danube broker, or correct host and port",
                self.address
            ),
            Some(e) => format!("the Danube broker at {} cannot be reached: {e}", self.address),
            None => format!("host `{host}` has no address"),
        }))
    }

    async fn secure(&self, tcp: TcpStream) -> Result<Stream> {
        let files = self.tls.clone();
        let config = tokio::task::spawn_blocking(move || tls::client_config(&files))
            .await
            .map_err(|e| unreachable(format!("reading the TLS files: {e}")))??;
        let host = ServerName::try_from(self.address.host.clone())
            .map_err(|_| unreachable(format!("`{}` cannot be the name of a TLS server", self.address.host)))?;
        let stream = TlsConnector::from(config).connect(host, tcp).await.map_err(|error| {
            let explained = tls::explain(&self.address, &error);
            unreachable(explained.unwrap_or_else(|| {
                format!(
                    "the broker at {} ended the TLS handshake ({error}): is that port a TLS port?",
                    self.address
                )
            }))
        })?;
        Ok(Stream::Secure(Box::new(stream)))
    }
}

fn unreachable(message: String) -> BrokerError {
    BrokerError::new(ErrorKind::Unavailable, message)
}

/// A connection, encrypted or not.
pub(super) enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Secure(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Secure(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Secure(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Secure(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Secure(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Secure(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
