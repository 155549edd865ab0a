//! One HTTP/2 connection to one address, under tonic's stubs: made when it is first needed, made anew when it is lost.
//!
//! Directly on h2. A general-purpose client hands every call to the task of its connection and spawns another one for
//! its answer: at ten thousands of small calls a second that is a third of what they cost (`benches/README.md`). Here a
//! caller writes its request into the connection and is woken by the answer, which is enough because each call of
//! Danube's API sends one message.

mod answer;
mod call;
mod drive;

use std::{
    fmt,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use http::{HeaderValue, Uri, header::USER_AGENT, request::Parts};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::io::InspectReader;
use tonic::{Status, body::Body};

pub(crate) use answer::Answer;
use call::{Link, Message, Unanswered};
pub(super) use drive::Keepalive;
use drive::Life;

use super::{connect::Connector, tls};
use crate::limits::{CONNECTION_WINDOW_BYTES, FIRST_STREAMS_MAX, METADATA_BYTES_MAX, STREAM_WINDOW_BYTES};

const AGENT: HeaderValue = HeaderValue::from_static(concat!("danube-wasm/", env!("CARGO_PKG_VERSION")));

/// See the module. Clones share the connection.
#[derive(Clone)]
pub(crate) struct Channel(Arc<Inner>);

struct Inner {
    connector: Connector,
    /// What requests are addressed to.
    origin: Uri,
    keepalive: Keepalive,
    /// Whose the connection's tasks are: a caller's own runtime may end before them.
    runtime: Handle,
    state: Mutex<State>,
}

enum State {
    Closed,
    Opening(Opening),
    Open(Link),
}

/// For all who wait for it. It goes on without them.
type Opening = Shared<BoxFuture<'static, Result<Link>>>;

impl Channel {
    pub(super) fn new(connector: Connector, keepalive: Keepalive, runtime: Handle) -> Result<Self> {
        let address = &connector.address;
        let origin = address
            .to_string()
            .parse()
            .map_err(|e| BrokerError::new(ErrorKind::Conflict, format!("{address} is no URL of a broker: {e}")))?;
        Ok(Self(Arc::new(Inner {
            connector,
            origin,
            keepalive,
            runtime,
            state: Mutex::new(State::Closed),
        })))
    }

    /// Sends a request; once more if the broker says that it has not looked at it, which is how brokers and load balancers
    /// part with a client in good order: then on another connection.
    async fn send(self, request: http::Request<Body>) -> Result<http::Response<Answer>, Status> {
        let (mut head, body) = request.into_parts();
        self.0.direct(&mut head)?;
        let head = http::Request::from_parts(head, ());
        let mut message = Message::new(body);
        let link = self.link().await?;
        match link.clone().send(head.clone(), &mut message).await {
            Err(Unanswered::Gone(_)) => self.0.forget(&link.life),
            Err(Unanswered::Refused(_)) => {}
            sent => return sent.map_err(Unanswered::into_status),
        }
        let link = self.link().await?;
        link.send(head, &mut message).await.map_err(Unanswered::into_status)
    }

    async fn link(&self) -> Result<Link, Status> {
        let opening = match &mut *self.0.state.lock() {
            State::Open(link) => return Ok(link.clone()),
            State::Opening(opening) if !matches!(opening.peek(), Some(Err(_))) => opening.clone(),
            state => {
                let opening = self.open();
                *state = State::Opening(opening.clone());
                opening
            }
        };
        opening.await.map_err(|error| {
            let mut status = Status::unavailable(error.message.clone());
            status.set_source(Arc::new(error));
            status
        })
    }

    fn open(&self) -> Opening {
        let inner = self.0.clone();
        let opening = self.0.runtime.spawn(async move {
            let opened = inner.connect().await;
            // A failure is told to those who wait for it now, and to no one later.
            *inner.state.lock() = match &opened {
                Ok(link) => State::Open(link.clone()),
                Err(_) => State::Closed,
            };
            opened
        });
        let failed = |why| BrokerError::new(ErrorKind::Unavailable, format!("connecting was given up: {why}"));
        opening
            .map(move |opened| opened.unwrap_or_else(|why| Err(failed(why))))
            .boxed()
            .shared()
    }
}

impl Inner {
    async fn connect(self: &Arc<Self>) -> Result<Link> {
        let address = &self.connector.address;
        let stream = self.connector.connect().await?;
        let life = Arc::new(Life::new());
        let hears = life.clone();
        let stream = InspectReader::new(stream, move |bytes: &[u8]| {
            if !bytes.is_empty() {
                hears.heard();
            }
        });
        let (sender, connection) = h2::client::Builder::new()
            .enable_push(false)
            .initial_max_send_streams(FIRST_STREAMS_MAX)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(METADATA_BYTES_MAX)
            .handshake(stream)
            .await
            .map_err(|error| {
                let explained = error.get_io().and_then(|io| tls::explain(address, io));
                let broke = || format!("the connection to {address} broke at once: {error}");
                BrokerError::new(ErrorKind::Unavailable, explained.unwrap_or_else(broke))
            })?;
        let end = End {
            of: Arc::downgrade(self),
            life: life.clone(),
        };
        let keepalive = self.keepalive;
        tokio::spawn(async move {
            drive::drive(connection, keepalive, &end.life).await;
            drop(end);
        });
        Ok(Link { sender, life })
    }

    fn direct(&self, head: &mut Parts) -> Result<(), Status> {
        let mut uri = self.origin.clone().into_parts();
        uri.path_and_query = head.uri.path_and_query().cloned();
        head.uri = Uri::from_parts(uri).map_err(|e| Status::internal(format!("no URI for a call: {e}")))?;
        head.headers.insert(USER_AGENT, AGENT);
        Ok(())
    }

    /// Uses this connection no more.
    fn forget(&self, lost: &Arc<Life>) {
        let mut state = self.state.lock();
        if matches!(&*state, State::Open(link) if Arc::ptr_eq(&link.life, lost)) {
            *state = State::Closed;
        }
    }
}

/// Dropped when the connection has ended, also by a panic: then its state must not be touched again.
struct End {
    of: Weak<Inner>,
    life: Arc<Life>,
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(channel) = self.of.upgrade() {
            channel.forget(&self.life);
        }
    }
}

impl tower::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Answer>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channel").field(&self.0.origin).finish()
    }
}
