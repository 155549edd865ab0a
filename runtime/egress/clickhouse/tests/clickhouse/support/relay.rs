//! What stands between the sink and a server, and loses requests or answers.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What becomes of an insert.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is passed on, and so is the answer.
    Passed,
    /// It never gets there.
    Lost,
    /// The server does it, and the answer is lost.
    AnswerLost,
}

/// Passes requests on. Ends with the test's runtime.
pub(crate) struct Relay {
    pub(crate) url: String,
}

impl Relay {
    /// To this server, with the fate of the n-th insert, from 0.
    pub(crate) async fn to(server: &str, fate: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new((server.to_owned(), AtomicUsize::new(0), fate));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                let service = service_fn(move |request| {
                    let shared = shared.clone();
                    async move {
                        let (server, count, fate) = &*shared;
                        let is_insert = request
                            .uri()
                            .query()
                            .is_some_and(|query| query.contains("query=INSERT"));
                        let fate = match is_insert {
                            true => fate(count.fetch_add(1, Ordering::SeqCst)),
                            false => Fate::Passed,
                        };
                        pass(server, request, fate).await
                    }
                });
                tokio::spawn(async move {
                    // How a connection ends is the test's own doing.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url }
    }
}

async fn pass(server: &str, request: Request<Incoming>, fate: Fate) -> io::Result<Response<Full<Bytes>>> {
    let lost = || io::Error::other("as the test wants");
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    if fate == Fate::Lost {
        return Err(lost());
    }
    let mut headers = head.headers;
    headers.remove("host");
    let url = format!("{server}{}", head.uri);
    let sent = reqwest::Client::new()
        .post(url)
        .headers(headers)
        .body(body)
        .send()
        .await;
    let answer = sent.map_err(io::Error::other)?;
    if fate == Fate::AnswerLost {
        return Err(lost());
    }
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let body = answer.bytes().await.map_err(io::Error::other)?;
    response.body(Full::new(body)).map_err(io::Error::other)
}
