//! A receiver that keeps what came and answers as a test wants.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

pub(crate) use super::reply::Reply;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

type Answers = Arc<dyn Fn(usize, &Seen) -> Reply + Send + Sync>;

/// The receiver. Ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    answers: Answers,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    busy: AtomicUsize,
    busy_max: AtomicUsize,
    is_https: bool,
}

impl Server {
    /// Answers the n-th request, from 0, as `answers` says.
    pub(crate) async fn start(answers: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", answers).await
    }

    pub(crate) async fn at(
        address: impl tokio::net::ToSocketAddrs,
        answers: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listening(
            TcpListener::bind(address).await.expect("a port"),
            None,
            Arc::new(answers),
        )
    }

    pub(crate) async fn start_tls(
        tls: TlsAcceptor,
        answers: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::listening(listener, Some(tls), Arc::new(answers))
    }

    fn listening(listener: TcpListener, tls: Option<TlsAcceptor>, answers: Answers) -> Self {
        let state = Arc::new(State {
            answers,
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            busy_max: AtomicUsize::new(0),
            is_https: tls.is_some(),
        });
        let address = listener.local_addr().expect("an address");
        tokio::spawn(accept(listener, tls, state.clone()));
        Self { address, state }
    }

    /// Its URL, with a path.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.state.is_https { "https" } else { "http" };
        format!("{scheme}://localhost:{}{path}", self.address.port())
    }

    /// Every request so far, in the order in which they came.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().clone()
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.seen().iter().map(|seen| seen.text().to_owned()).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Requests that are not answered yet.
    pub(crate) fn busy(&self) -> usize {
        self.state.busy.load(Ordering::SeqCst)
    }

    /// Most requests that were not answered at one time.
    pub(crate) fn busy_max(&self) -> usize {
        self.state.busy_max.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, state) = (tls.clone(), state.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, state).await,
                Some(tls) => {
                    // A client that does not trust it goes away.
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    let service = service_fn(|request| {
        let state = state.clone();
        async move {
            let busy = Busy::of(state.clone());
            let (nth, seen) = read(request, &state).await?;
            let answer = (state.answers)(nth, &seen).send().await;
            drop(busy);
            answer
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // How a connection ends is the test's own doing.
    let _ = connection.await;
}

/// A request that is not answered yet.
struct Busy(Arc<State>);

impl Busy {
    fn of(state: Arc<State>) -> Self {
        let busy = state.busy.fetch_add(1, Ordering::SeqCst) + 1;
        state.busy_max.fetch_max(busy, Ordering::SeqCst);
        Self(state)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn read(request: Request<Incoming>, state: &State) -> io::Result<(usize, Seen)> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let seen = Seen {
        method: head.method,
        path: head.uri.to_string(),
        headers: head.headers,
        body,
    };
    let mut all = state.seen.lock();
    all.push(seen.clone());
    Ok((all.len() - 1, seen))
}
