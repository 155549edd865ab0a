//! A server that speaks the protocol and does what it is told: it answers by itself, or passes calls on to another one and loses
//! what that answers.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Request},
    response::Response,
};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use parking_lot::Mutex;
use prost::Message;
use qdrant_client::qdrant::{
    CollectionConfig, CollectionInfo, CollectionParams, Distance, GetCollectionInfoResponse, HealthCheckReply,
    PointsOperationResponse, ScrollResponse, UpdateBatchPoints, UpdateBatchResponse, UpdateResult, UpdateStatus,
    VectorParams, VectorsConfig, vectors_config,
};
use tonic::{Code, transport::Channel};
use tower::{Service as _, ServiceExt as _};

/// What is done with an update.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// All of it is completed.
    Complete,
    /// Each operation has this status.
    Status(UpdateStatus),
    /// It fails.
    Fail(Code, &'static str),
    /// It fails, and the server says when to come again.
    Busy(u64),
    /// The answer breaks off.
    Reset,
    /// There is no answer.
    Hang,
    /// There are no results.
    Nothing,
    /// The real server does it, and its answer is passed on.
    Pass,
    /// The real server does it, and its answer is lost.
    Lose,
}

type Script = dyn Fn(&UpdateBatchPoints, usize) -> Act + Send + Sync;

/// See the module. Gone when it is dropped.
pub(crate) struct Fake {
    pub(crate) url: String,
    state: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

struct Shared {
    script: Box<Script>,
    version: Mutex<&'static str>,
    size: Mutex<u64>,
    updates: Mutex<Vec<UpdateBatchPoints>>,
    calls: Mutex<HashMap<String, usize>>,
    headers: Mutex<Vec<HeaderMap>>,
    running: AtomicUsize,
    running_most: AtomicUsize,
    real: Option<Channel>,
}

impl Fake {
    /// A server of version 1.17, whose collections have vectors of two numbers under the distance Dot.
    pub(crate) async fn start(script: impl Fn(&UpdateBatchPoints, usize) -> Act + Send + Sync + 'static) -> Self {
        Self::serve(Box::new(script), None).await
    }

    /// In front of a real one.
    pub(crate) async fn before(
        url: &str,
        script: impl Fn(&UpdateBatchPoints, usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let real = Channel::from_shared(url.to_owned()).expect("a URL").connect_lazy();
        Self::serve(Box::new(script), Some(real)).await
    }

    async fn serve(script: Box<Script>, real: Option<Channel>) -> Self {
        let state = Arc::new(Shared {
            script,
            version: Mutex::new("1.17.0"),
            size: Mutex::new(2),
            updates: Mutex::default(),
            calls: Mutex::default(),
            headers: Mutex::default(),
            running: AtomicUsize::new(0),
            running_most: AtomicUsize::new(0),
            real,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let app = axum::Router::new().fallback(handle).with_state(state.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { url, state, serving }
    }

    /// Says to be of this version.
    pub(crate) fn set_version(&self, version: &'static str) {
        *self.state.version.lock() = version;
    }

    /// Says that its collections have vectors of so many numbers.
    pub(crate) fn set_size(&self, size: u64) {
        *self.state.size.lock() = size;
    }

    /// Says that its collections have no vectors.
    pub(crate) fn set_no_vectors(&self) {
        self.set_size(0);
    }

    /// The updates that it got.
    pub(crate) fn updates(&self) -> Vec<UpdateBatchPoints> {
        self.state.updates.lock().clone()
    }

    /// How often a method was called.
    pub(crate) fn calls(&self, method: &str) -> usize {
        self.state.calls.lock().get(method).copied().unwrap_or_default()
    }

    /// What each call had as this header.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let value = |headers: &HeaderMap| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
        self.state
            .headers
            .lock()
            .iter()
            .map(|headers| value(headers).unwrap_or_default())
            .collect()
    }

    /// Most updates at a time.
    pub(crate) fn running_most(&self) -> usize {
        self.state.running_most.load(Ordering::Relaxed)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn handle(State(state): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    *state.calls.lock().entry(method.clone()).or_default() += 1;
    state.headers.lock().push(request.headers().clone());
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let act = match method.as_str() {
        "UpdateBatch" => {
            let update = UpdateBatchPoints::decode(&body[5..]).expect("an update");
            let nth = {
                let mut updates = state.updates.lock();
                updates.push(update.clone());
                updates.len() - 1
            };
            let running = state.running.fetch_add(1, Ordering::Relaxed) + 1;
            state.running_most.fetch_max(running, Ordering::Relaxed);
            let act = (state.script)(&update, nth);
            tokio::task::yield_now().await;
            let answer = act_on(&state, act, &update, head, body).await;
            state.running.fetch_sub(1, Ordering::Relaxed);
            return answer;
        }
        _ if state.real.is_some() => return pass(&state, head, body).await,
        method => own(&state, method),
    };
    answer(&act)
}

async fn act_on(
    state: &Shared,
    act: Act,
    update: &UpdateBatchPoints,
    head: axum::http::request::Parts,
    body: axum::body::Bytes,
) -> Response<Body> {
    let with = |status: UpdateStatus| {
        let result = UpdateResult {
            operation_id: None,
            status: status.into(),
        };
        let result = vec![result; update.operations.len()];
        answer(
            &UpdateBatchResponse {
                result,
                ..UpdateBatchResponse::default()
            }
            .encode_to_vec(),
        )
    };
    match act {
        Act::Complete => with(UpdateStatus::Completed),
        Act::Status(status) => with(status),
        Act::Nothing => answer(&UpdateBatchResponse::default().encode_to_vec()),
        Act::Fail(code, message) => failure(code, message, None),
        Act::Busy(secs) => failure(Code::ResourceExhausted, "Rate limiting exceeded", Some(secs)),
        Act::Hang => std::future::pending().await,
        Act::Reset => broken(),
        Act::Pass => pass(state, head, body).await,
        Act::Lose => {
            let lost = pass(state, head, body).await;
            // To its end, so that the real one has done it.
            lost.into_body().collect().await.expect("an answer");
            broken()
        }
    }
}

/// What it answers by itself.
fn own(state: &Shared, method: &str) -> Vec<u8> {
    match method {
        "HealthCheck" => HealthCheckReply {
            title: "qdrant - vector search engine".to_owned(),
            version: (*state.version.lock()).to_owned(),
            commit: None,
        }
        .encode_to_vec(),
        "Get" => {
            let params = VectorParams {
                size: *state.size.lock(),
                distance: Distance::Dot.into(),
                ..VectorParams::default()
            };
            let has_vectors = params.size > 0;
            let params = CollectionParams {
                vectors_config: has_vectors.then_some(VectorsConfig {
                    config: Some(vectors_config::Config::Params(params)),
                }),
                ..CollectionParams::default()
            };
            let info = CollectionInfo {
                config: Some(CollectionConfig {
                    params: Some(params),
                    ..CollectionConfig::default()
                }),
                ..CollectionInfo::default()
            };
            GetCollectionInfoResponse {
                result: Some(info),
                ..GetCollectionInfoResponse::default()
            }
            .encode_to_vec()
        }
        "Scroll" => ScrollResponse::default().encode_to_vec(),
        _ => PointsOperationResponse {
            result: Some(UpdateResult {
                operation_id: None,
                status: UpdateStatus::Completed.into(),
            }),
            ..PointsOperationResponse::default()
        }
        .encode_to_vec(),
    }
}

async fn pass(state: &Shared, head: axum::http::request::Parts, body: axum::body::Bytes) -> Response<Body> {
    let mut real = state.real.clone().expect("a real server");
    let request = Request::from_parts(head, tonic::body::Body::new(Full::new(body)));
    let answer = real
        .ready()
        .await
        .expect("it is there")
        .call(request)
        .await
        .expect("it answers");
    answer.map(Body::new)
}

fn grpc() -> axum::http::response::Builder {
    Response::builder().header("content-type", "application/grpc")
}

fn answer(message: &[u8]) -> Response<Body> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len()).expect("it is short").to_be_bytes());
    framed.extend(message);
    let trailers = [("grpc-status".parse().expect("a name"), "0".parse().expect("a value"))];
    let frames = [
        Ok::<_, std::io::Error>(Frame::data(axum::body::Bytes::from(framed))),
        Ok(Frame::trailers(trailers.into_iter().collect())),
    ];
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    grpc().body(body).expect("an answer")
}

fn failure(code: Code, message: &str, retry_after: Option<u64>) -> Response<Body> {
    let mut answer = grpc()
        .header("grpc-status", code as i32)
        .header("grpc-message", message);
    if let Some(secs) = retry_after {
        answer = answer.header("retry-after", secs);
    }
    answer.body(Body::empty()).expect("an answer")
}

fn broken() -> Response<Body> {
    let frames = [Err::<Frame<axum::body::Bytes>, _>(std::io::Error::other("broken off"))];
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    grpc().body(body).expect("an answer")
}
