//! An address that keeps what came and answers as a test wants.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Seen {
    /// A parameter of its URL, or nothing.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn is_insert(&self) -> bool {
        self.parameter("query").starts_with("INSERT")
    }
}

/// What is done about a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// As ClickHouse would, with this body.
    Done(String),
    /// An error of ClickHouse's, with this code.
    Exception(u32, String),
    /// Of something else.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Closes the connection instead of answering.
    Cut,
    /// Never answers.
    Silent,
}

type Answers = Arc<dyn Fn(usize, &Seen) -> Reply + Send + Sync>;

/// The address. Ends with the test's runtime.
pub(crate) struct Fake {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// What it says of the table `t`: `id String, n UInt32`.
const COLUMNS: &str = "{\"name\":\"id\",\"type\":\"String\",\"default_kind\":\"\",\"default_expression\":\"\"}\n\
     {\"name\":\"n\",\"type\":\"UInt32\",\"default_kind\":\"\",\"default_expression\":\"\"}\n";
const ENGINE: &str = "{\"engine\":\"MergeTree\",\"engine_full\":\"MergeTree ORDER BY id\",\"sorting_key\":\"id\",\
     \"partition_key\":\"\"}\n";
const SETTINGS: &str = "{\"name\":\"async_insert\",\"value\":\"1\"}\n{\"name\":\"wait_for_async_insert\",\"value\":\"1\"}\n\
     {\"name\":\"async_insert_deduplicate\",\"value\":\"0\"}\n\
     {\"name\":\"insert_deduplication_token\",\"value\":\"\"}\n{\"name\":\"input_format_null_as_default\",\"value\":\"1\"}\n\
     {\"name\":\"input_format_skip_unknown_fields\",\"value\":\"1\"}\n\
     {\"name\":\"distributed_foreground_insert\",\"value\":\"0\"}\n";

impl Fake {
    /// Describes the table `t`, and answers the n-th insert, from 0, as `inserts` says.
    pub(crate) async fn start(inserts: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::answering(described(inserts)).await
    }

    /// Answers every request; `nth` counts inserts.
    pub(crate) async fn answering(answers: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::listening(None, Arc::new(answers)).await
    }

    async fn listening(tls: Option<TlsAcceptor>, answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        tokio::spawn(accept(listener, tls, answers, seen.clone()));
        Self {
            url: format!("http://{address}"),
            seen,
        }
    }

    /// As [`Self::start`], over TLS: every insert is done.
    pub(crate) async fn start_tls(tls: TlsAcceptor) -> Self {
        let mut fake = Self::listening(Some(tls), Arc::new(described(|_, _| Reply::Done(String::new())))).await;
        fake.url = fake.url.replace("http://127.0.0.1", "https://localhost");
        fake
    }

    /// Every insert so far, in the order in which they came.
    pub(crate) fn inserts(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(Seen::is_insert).collect()
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

/// Describes the table `t`.
fn described(inserts: impl Fn(usize, &Seen) -> Reply + Send + Sync) -> impl Fn(usize, &Seen) -> Reply + Send + Sync {
    move |nth, seen| match String::from_utf8_lossy(&seen.body) {
        query if query.contains("system.columns") => Reply::Done(COLUMNS.to_owned()),
        query if query.contains("system.tables") => Reply::Done(ENGINE.to_owned()),
        query if query.contains("system.settings") => Reply::Done(SETTINGS.to_owned()),
        _ => inserts(nth, seen),
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, answers: Answers, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, answers, seen) = (tls.clone(), answers.clone(), seen.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, answers, seen).await,
                Some(tls) => {
                    // A client that does not trust it goes away.
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, answers, seen).await;
                    }
                }
            }
        });
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answers: Answers,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    let service = service_fn(move |request| {
        let (answers, seen) = (answers.clone(), seen.clone());
        async move {
            let request = read(request).await?;
            let nth = {
                let mut all = seen.lock();
                let nth = all.iter().filter(|seen| seen.is_insert()).count();
                all.push(request.clone());
                nth
            };
            answers(nth, &request).send().await
        }
    });
    // How a connection ends is the test's own doing.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn read(request: Request<Incoming>) -> io::Result<Seen> {
    let (head, body) = request.into_parts();
    let url = url::Url::parse("http://fake").and_then(|base| base.join(&head.uri.to_string()));
    let url = url.map_err(io::Error::other)?;
    Ok(Seen {
        headers: head.headers,
        parameters: url.query_pairs().into_owned().collect(),
        body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
    })
}

impl Reply {
    async fn send(self) -> io::Result<Response<Full<Bytes>>> {
        let builder = Response::builder();
        let (builder, body) = match self {
            Self::Done(body) => (builder.header("x-clickhouse-summary", "{}"), body),
            Self::Exception(code, said) => {
                let builder = builder.status(500).header("x-clickhouse-exception-code", code);
                (builder, format!("Code: {code}. DB::Exception: {said}"))
            }
            Self::Answer(status, headers, body) => {
                let with =
                    |builder: http::response::Builder, (name, value)| builder.header::<&str, String>(name, value);
                (headers.into_iter().fold(builder.status(status), with), body)
            }
            Self::Cut => return Err(io::Error::other("as the test wants")),
            Self::Silent => std::future::pending().await,
        };
        builder.body(Full::new(body.into())).map_err(io::Error::other)
    }
}
