//! What every side sends to: a bare hyper server that reads bodies, counts their events and answers 204.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::Result;
use bytes::Bytes;
use danube_wasm_benches::child;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::rows;

/// First argument of this process.
pub(crate) const ROLE: &str = "receiver";

/// What came so far.
#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    events: AtomicU64,
    sum: AtomicU64,
}

/// Says its address, and at its end what came.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let seen = Arc::<Seen>::default();
    tokio::spawn(accept(listener, seen.clone()));
    tokio::task::spawn_blocking(child::wait_for_parent).await?;
    let [requests, events, sum] = [&seen.requests, &seen.events, &seen.sum].map(|seen| seen.load(Relaxed));
    println!("requests={requests} rows={events} sum={sum}");
    Ok(())
}

async fn accept(listener: TcpListener, seen: Arc<Seen>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream, seen.clone()));
    }
}

async fn connection(stream: TcpStream, seen: Arc<Seen>) {
    let service = service_fn(move |request: Request<Incoming>| answer(request, seen.clone()));
    // It ends with the side that it belongs to.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = match request.into_body().collect().await {
        Ok(body) => {
            let (events, sum) = rows::count(&body.to_bytes());
            seen.requests.fetch_add(1, Relaxed);
            seen.events.fetch_add(events, Relaxed);
            seen.sum.fetch_add(sum, Relaxed);
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::BAD_REQUEST,
    };
    Ok(answer)
}
