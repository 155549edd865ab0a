//! An HTTP endpoint that takes each event once, by its id, as receivers of webhooks do.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{NAME, Target, mapping};

/// What came first under each id, in the order in which it came.
#[derive(Default)]
struct Taken {
    ids: BTreeSet<String>,
    events: Vec<Value>,
}

/// An endpoint.
pub struct Receiver {
    address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    /// # Errors
    /// None: it is here.
    pub fn start() -> Result<Self, &'static str> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let taken = Arc::new(Mutex::new(Taken::default()));
        let router = Router::new().route("/hook", post(take)).with_state(taken.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            taken,
            _runtime: runtime,
        })
    }
}

async fn take(State(taken): State<Arc<Mutex<Taken>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let (Some(id), Ok(event)) = (headers.get("webhook-id"), serde_json::from_slice(&body)) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut taken = taken.lock();
    if taken.ids.insert(String::from_utf8_lossy(id.as_bytes()).into_owned()) {
        taken.events.push(event);
    }
    StatusCode::NO_CONTENT
}

impl Target for Receiver {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn sink(&self, address: SocketAddr, topic: &str) -> String {
        format!(
            "[[sinks]]\nname = \"http\"\ncomponent = \"builtin:http-sink\"\n[[sinks.http.endpoints]]\nname = \"{NAME}\"\n\
             url = \"http://{address}/hook\"\n{}",
            mapping("http", topic, &format!("endpoint = \"{NAME}\""))
        )
    }

    fn rows(&self) -> Vec<Value> {
        self.taken.lock().events.clone()
    }

    fn arrivals(&self) -> Option<Vec<Value>> {
        Some(self.rows())
    }

    /// It is in this process.
    fn restart(&mut self) -> bool {
        false
    }
}
