//! The bare side: hyper's own client, a loop for each connection.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use danube_wasm_benches::Clock;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use crate::{CONNECTIONS, rows};

/// First argument of this process.
pub(crate) const ROLE: &str = "bare";

/// Bodies that wait to be sent.
struct Bodies {
    all: Vec<Bytes>,
    next: AtomicUsize,
}

impl Bodies {
    fn next(&self) -> Option<Bytes> {
        self.all.get(self.next.fetch_add(1, Relaxed)).cloned()
    }
}

/// Sends so many events, several to a request as a JSON array.
pub(crate) async fn send(address: String, events: u64, in_request: u64) -> Result<()> {
    let bodies = Arc::new(Bodies {
        all: bodies(events, in_request),
        next: AtomicUsize::new(0),
    });
    let clock = Clock::started()?;
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        connections.spawn(connection(address.clone(), bodies.clone()));
    }
    while let Some(ended) = connections.join_next().await {
        ended??;
    }
    println!("{}", clock.account(events)?);
    Ok(())
}

fn bodies(events: u64, in_request: u64) -> Vec<Bytes> {
    let body = |first: u64| {
        let events: Vec<String> = (first..events.min(first + in_request)).map(rows::event).collect();
        let body = events.join(",");
        Bytes::from(if in_request == 1 { body } else { format!("[{body}]") })
    };
    (0..events).step_by(in_request as usize).map(body).collect()
}

async fn connection(address: String, bodies: Arc<Bodies>) -> Result<()> {
    let stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    while let Some(body) = bodies.next() {
        sender.ready().await?;
        let request = Request::post("/hook")
            .header(HOST, &address)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let answer = sender.send_request(request).await?;
        ensure!(answer.status().is_success(), "{}", answer.status());
        answer.into_body().collect().await?;
    }
    Ok(())
}
