//! A service with the API `/embeddings`: its vectors say how long a text is and what its first letter is.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// What became of a request, if it is not answered.
pub(crate) type Refuse = dyn Fn(&[String], usize) -> Option<(u16, &'static str)> + Send + Sync;

/// See the module.
pub(crate) struct Embedder {
    pub(crate) url: String,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

struct Shared {
    refuse: Box<Refuse>,
    size: usize,
    requests: Mutex<Vec<Value>>,
    keys: Mutex<Vec<String>>,
}

impl Embedder {
    /// Makes vectors of this length, except where `refuse` gives a status.
    pub(crate) async fn start(
        size: usize,
        refuse: impl Fn(&[String], usize) -> Option<(u16, &'static str)> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            refuse: Box::new(refuse),
            size,
            requests: Mutex::default(),
            keys: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("its address"));
        let app = Router::new()
            .route("/v1/embeddings", post(embed))
            .with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { url, shared, serving }
    }

    /// The texts of each request.
    pub(crate) fn texts(&self) -> Vec<Vec<String>> {
        self.shared.requests.lock().iter().map(texts).collect()
    }

    pub(crate) fn requests(&self) -> Vec<Value> {
        self.shared.requests.lock().clone()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.shared.keys.lock().clone()
    }
}

impl Drop for Embedder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn texts(request: &Value) -> Vec<String> {
    let texts = request["input"].as_array().expect("texts").iter();
    texts.map(|text| text.as_str().expect("text").to_owned()).collect()
}

async fn embed(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(request): Json<Value>) -> Response {
    let nth = {
        let mut requests = shared.requests.lock();
        requests.push(request.clone());
        requests.len() - 1
    };
    let key = headers.get("authorization").and_then(|key| key.to_str().ok());
    shared.keys.lock().push(key.unwrap_or_default().to_owned());
    let texts = texts(&request);
    if let Some((status, said)) = (shared.refuse)(&texts, nth) {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, [("retry-after", "3")], said).into_response();
    }
    // From the last to the first: whoever reads them goes by `index`.
    let data = texts.iter().enumerate().rev().map(|(index, text)| {
        let mut vector = vec![0.5; shared.size];
        vector[0] = text.len() as f32;
        vector[1] = f32::from(text.bytes().next().unwrap_or_default());
        json!({ "object": "embedding", "index": index, "embedding": vector })
    });
    Json(json!({ "object": "list", "data": data.collect::<Vec<_>>(), "model": request["model"] })).into_response()
}
