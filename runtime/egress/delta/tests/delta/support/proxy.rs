//! A proxy that does to requests what networks and stores do.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

/// What is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is passed on, and answered.
    Pass,
    /// It is passed on, and the connection ends instead of an answer.
    LoseAnswer,
    /// The connection ends, and the store never hears of it.
    LoseRequest,
    /// This is answered instead.
    Answer(u16),
    /// It is passed on without `If-None-Match`.
    Unconditional,
}

type Rule = Box<dyn FnMut(&Method, &str) -> Fate + Send>;

/// A proxy of a store.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    rule: Arc<Mutex<Rule>>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// In front of this port; passes all on.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let own = listener.local_addr().expect("its address").port();
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(|_, _| Fate::Pass)));
        let (mut serving, rules, client) = (JoinSet::new(), rule.clone(), reqwest::Client::new());
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (rules, client) = (rules.clone(), client.clone());
                let service = service_fn(move |request| {
                    let fate = {
                        let mut rule = rules.lock().expect("no test failed here");
                        rule(request.method(), request.uri().path())
                    };
                    answer(request, fate, port, client.clone())
                });
                // However it ends.
                connections.spawn(async move {
                    drop(
                        http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await,
                    )
                });
            }
        });
        Self {
            port: own,
            rule,
            _serving: serving,
        }
    }

    /// From now on, requests have the fate that this says.
    pub(crate) fn set(&self, rule: impl FnMut(&Method, &str) -> Fate + Send + 'static) {
        *self.rule.lock().expect("no test failed here") = Box::new(rule);
    }

    /// The next `times` commits have this fate.
    pub(crate) fn next_commits(&self, times: usize, fate: Fate) {
        let mut left = times;
        self.set(move |method, path| {
            if left == 0 || method != Method::PUT || !is_commit(path) {
                return Fate::Pass;
            }
            left -= 1;
            fate
        });
    }
}

/// Whether this is a version of a table.
pub(crate) fn is_commit(path: &str) -> bool {
    path.contains("/_delta_log/") && path.ends_with(".json")
}

/// The error of a connection that ends.
type Answer = Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>>;

async fn answer(request: Request<Incoming>, fate: Fate, port: u16, client: reqwest::Client) -> Answer {
    let ended = || Err("the connection ends here".into());
    match fate {
        Fate::LoseRequest => return ended(),
        Fate::Answer(status) => {
            // Read, so that the other side is not cut off while it sends.
            let _ = request.into_body().collect().await;
            return Ok(Response::builder().status(status).body(Full::default())?);
        }
        _ => {}
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let url = format!(
        "http://127.0.0.1:{port}{}",
        head.uri.path_and_query().map_or("/", |path| path.as_str())
    );
    let mut headers = head.headers;
    if fate == Fate::Unconditional {
        headers.remove("if-none-match");
    }
    let passed = client
        .request(head.method, url)
        .headers(headers)
        .body(body)
        .send()
        .await?;
    if fate == Fate::LoseAnswer {
        return ended();
    }
    let (status, headers) = (passed.status(), passed.headers().clone());
    let mut answer = Response::new(Full::new(passed.bytes().await?));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer.headers_mut().remove("transfer-encoding");
    Ok(answer)
}
