//! The listener under attack, what it tells about itself, and the client that means no harm.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use danube_wasm_ingress_http::{Drained, EndpointOptions, ListenerOptions, Observer, RequestSpan};

use crate::{
    class::expect,
    process::eventually,
    support::{DEADLINE, Server},
    wire::Wire,
};

/// A listener with one endpoint, `/hook`.
pub(crate) struct Host {
    pub(crate) server: Server,
    pub(crate) witness: Arc<Witness>,
    /// What the good client sends.
    pub(crate) good: Vec<u8>,
}

/// Counts what the listener holds.
#[derive(Default)]
pub(crate) struct Witness {
    /// Open now.
    connections: AtomicI64,
    /// At an endpoint and not yet answered.
    requests: Arc<AtomicI64>,
    /// Opened so far.
    pub(crate) opened: AtomicU64,
}

/// A request at an endpoint.
struct UnderWay(Arc<AtomicI64>);

impl Observer for Witness {
    fn connection_opened(&self) {
        self.connections.fetch_add(1, SeqCst);
        self.opened.fetch_add(1, SeqCst);
    }

    fn connection_closed(&self) {
        self.connections.fetch_sub(1, SeqCst);
    }

    fn begin(&self, _: &str, _: Option<&str>) -> Option<Box<dyn RequestSpan>> {
        self.requests.fetch_add(1, SeqCst);
        Some(Box::new(UnderWay(self.requests.clone())))
    }
}

impl RequestSpan for UnderWay {
    fn traceparent(&self) -> Option<String> {
        None
    }

    fn finish(self: Box<Self>, _: u16) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Witness {
    /// Connections open, requests under way.
    pub(crate) fn held(&self) -> (i64, i64) {
        (self.connections.load(SeqCst), self.requests.load(SeqCst))
    }
}

/// A good request with these headers (lines with their ends).
pub(crate) fn good(headers: &str) -> Vec<u8> {
    format!("POST /hook HTTP/1.1\r\nhost: good\r\n{headers}content-length: 6\r\nconnection: close\r\n\r\n\"good\"")
        .into()
}

impl Host {
    pub(crate) async fn start(
        change_listener: impl FnOnce(&mut ListenerOptions),
        change_endpoint: impl FnOnce(&mut EndpointOptions),
    ) -> Self {
        let witness = Arc::new(Witness::default());
        let observer = witness.clone();
        let change_listener = |options: &mut ListenerOptions| {
            options.observer = observer;
            change_listener(options);
        };
        Self {
            server: Server::start_with(change_listener, change_endpoint).await,
            witness,
            good: good(""),
        }
    }

    pub(crate) async fn connect(&self) -> Wire {
        Wire::connect(self.server.listener.local_addr()).await
    }

    /// The next good request, on a new connection, is answered 200.
    pub(crate) async fn good(&self) -> Result<(), String> {
        let mut wire = self.connect().await;
        wire.send(&self.good).await;
        let answer = wire.answer(false).await?.ok_or("a good request was not answered")?;
        expect("a good request's status", answer.status, 200)
    }

    /// Nothing is left of those who attacked.
    pub(crate) async fn at_rest(&self) -> Result<(), String> {
        let held = || self.witness.held();
        eventually(held, |held| *held == (0, 0))
            .await
            .map_err(|said| format!("connections and requests: {said}"))
    }

    /// Stops it: no task may be left.
    pub(crate) async fn stop(self) -> Result<(), String> {
        let drained = tokio::time::timeout(DEADLINE * 2, self.server.listener.drain(DEADLINE));
        let drained = drained.await.map_err(|_| "a task does not end")?;
        expect("drained", drained, Drained { aborted: 0 })
    }
}

/// Deadlines that no honest client of a test meets, and no attacker can sit out.
pub(crate) fn brisk(options: &mut ListenerOptions) {
    options.limits.header_read_ms_max = 4_000;
    options.limits.idle_ms_max = 4_000;
    options.limits.body_read_ms_max = 4_000;
    options.limits.request_ms_max = 20_000;
}

/// How long the good client rests between requests.
pub(crate) const REST: Duration = Duration::from_millis(5);
