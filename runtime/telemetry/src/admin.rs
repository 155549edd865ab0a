//! The admin port: `/metrics`, `/health/live`, `/health/ready`, `/health/connectors`. It only reads; bind it to
//! loopback or to an internal network.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{Health, Metrics};

/// A server that runs until it is dropped or [`AdminServer::stop`]ped.
pub struct AdminServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl AdminServer {
    /// Binds and serves.
    pub async fn bind(address: SocketAddr, metrics: Arc<Metrics>, health: Health) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new()
            .route("/metrics", get(show_metrics).with_state(metrics))
            .route("/health/live", get(live).with_state(health.clone()))
            .route("/health/connectors", get(connectors).with_state(health.clone()))
            .route("/health/ready", get(ready).with_state(health));
        let task = tokio::spawn(async move {
            let until = async move { drop(stopped.await) };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
                tracing::error!(%error, "the admin port has stopped");
            }
        });
        Ok(Self {
            address,
            stop: Some(stop),
            task,
        })
    }

    /// Its address.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no new connections and ends.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn show_metrics(State(metrics): State<Arc<Metrics>>) -> Response {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        metrics.render(),
    )
        .into_response()
}

async fn live(State(health): State<Health>) -> Response {
    let liveness = health.liveness();
    (status(liveness.live), Json(liveness)).into_response()
}

async fn connectors(State(health): State<Health>) -> Response {
    Json(serde_json::json!({ "connectors": health.connectors() })).into_response()
}

async fn ready(State(health): State<Health>) -> Response {
    let report = health.report();
    (status(report.ready), Json(report)).into_response()
}

fn status(is_ok: bool) -> StatusCode {
    match is_ok {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}
