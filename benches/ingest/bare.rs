//! The bare side: axum, and a handler that reads the body. None of our crates but for how processes talk.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use anyhow::Result;
use axum::{Router, body::Bytes, extract::State, routing::post};
use danube_wasm_benches::child;
use tokio::net::TcpListener;

use crate::PATH;

/// First argument of this process.
pub(crate) const ROLE: &str = "bare";

/// Serves until the parent says that it is over.
pub(crate) async fn serve() -> Result<()> {
    let bytes = Arc::new(AtomicU64::new(0));
    let app = Router::new().route(PATH, post(read)).with_state(bytes.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });
    tokio::task::spawn_blocking(child::wait_for_parent).await?;
    println!("done={}", bytes.load(Relaxed) / crate::BODY.len() as u64);
    Ok(())
}

async fn read(State(bytes): State<Arc<AtomicU64>>, body: Bytes) -> &'static str {
    bytes.fetch_add(body.len() as u64, Relaxed);
    "{\"status\":\"accepted\"}"
}
