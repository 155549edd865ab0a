//! A listener whose events go to an inbox, and a client that sees every byte.

#![allow(dead_code, reason = "each target uses a part of it")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_ingress_http::{Endpoint, EndpointOptions, HttpLimits, HttpListener, ListenerOptions, Observer};
use danube_wasm_model::{
    door::{Intake, Outcome},
    event::Event,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};

/// Nothing that is waited for takes this long, on any machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for what must happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(DEADLINE, future).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// An intake that keeps what it is offered, and answers as it is told: each outcome of its script once, then
/// "accepted". While its gate is shut it answers nothing.
pub(crate) struct Inbox {
    events: watch::Sender<Vec<Event>>,
    script: Mutex<VecDeque<Outcome>>,
    gate: watch::Sender<bool>,
}

impl Inbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            events: watch::Sender::new(Vec::new()),
            script: Mutex::default(),
            gate: watch::Sender::new(true),
        })
    }

    pub(crate) fn then(&self, outcome: Outcome) {
        self.script.lock().unwrap().push_back(outcome);
    }

    pub(crate) fn shut(&self) {
        self.gate.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.gate.send_replace(true);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    /// Those after the first `n`.
    pub(crate) fn since(&self, n: usize) -> Vec<Event> {
        self.events.borrow()[n..].to_vec()
    }

    pub(crate) fn count(&self) -> usize {
        self.events.borrow().len()
    }

    /// Waits until `n` events were offered.
    pub(crate) async fn holds(&self, n: usize) {
        let mut events = self.events.subscribe();
        soon("events", events.wait_for(|events| events.len() >= n))
            .await
            .expect("the inbox is there");
    }
}

#[async_trait]
impl Intake for Inbox {
    async fn offer(&self, event: Event) -> Outcome {
        let id = event.id.clone();
        self.events.send_modify(|events| events.push(event));
        let mut gate = self.gate.subscribe();
        gate.wait_for(|open| *open).await.expect("the inbox is there");
        self.script.lock().unwrap().pop_front().unwrap_or(accepted(id))
    }
}

pub(crate) fn accepted(id: impl Into<String>) -> Outcome {
    Outcome::Accepted {
        id: id.into(),
        records: 1,
        durable: true,
        answer: None,
    }
}

/// A listener on a free port and the inbox behind its endpoints.
pub(crate) struct Server {
    pub(crate) listener: HttpListener,
    pub(crate) inbox: Arc<Inbox>,
}

impl Server {
    /// One endpoint, `/hook`, changed as told.
    pub(crate) async fn start(change: impl FnOnce(&mut EndpointOptions)) -> Self {
        Self::start_with(|_| {}, change).await
    }

    pub(crate) async fn start_with(
        change_listener: impl FnOnce(&mut ListenerOptions),
        change_endpoint: impl FnOnce(&mut EndpointOptions),
    ) -> Self {
        let mut options = ListenerOptions::new(([127, 0, 0, 1], 0).into());
        change_listener(&mut options);
        let listener = HttpListener::bind(options).await.expect("a free port");
        let server = Self {
            listener,
            inbox: Inbox::new(),
        };
        let mut endpoint = EndpointOptions::new("/hook");
        change_endpoint(&mut endpoint);
        let endpoint = server.endpoint(endpoint);
        server.listener.set_routes([endpoint]).expect("one endpoint");
        server
    }

    pub(crate) async fn limited(change: impl FnOnce(&mut HttpLimits)) -> Self {
        Self::start_with(|options| change(&mut options.limits), |_| {}).await
    }

    pub(crate) fn endpoint(&self, options: EndpointOptions) -> Arc<Endpoint> {
        Arc::new(Endpoint::try_new(options, self.inbox.clone()).expect("valid options"))
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        let tcp = TcpStream::connect(self.listener.local_addr()).await;
        Client::new(tcp.expect("the listener accepts"))
    }

    /// One request on a connection of its own. `headers` is lines without their ends.
    pub(crate) async fn send(&self, method: &str, target: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect().await;
        client.send(&request(method, target, headers, body.as_ref())).await;
        client.answer().await
    }

    pub(crate) async fn post(&self, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        self.send("POST", "/hook", headers, body).await
    }
}

/// A request with a `content-length`.
pub(crate) fn request(method: &str, target: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!(
        "{method} {target} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n",
        body.len()
    );
    for header in headers {
        text += &format!("{header}\r\n");
    }
    text += "\r\n";
    [text.as_bytes(), body].concat()
}

/// An HTTP/1.1 client that hides nothing.
pub(crate) struct Client<T> {
    io: T,
    read: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header, its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut pairs = lines.filter_map(|line| line.split_once(": "));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The `error` of a refusal.
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().expect("an error").to_owned()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    pub(crate) fn new(io: T) -> Self {
        let read = Vec::new();
        Self { io, read }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon("room to write", self.io.write_all(bytes.as_ref()))
            .await
            .expect("the connection is open");
    }

    /// As far as it goes: the server may have closed its side.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        soon("room to write", self.io.write_all(bytes)).await.is_ok()
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        self.try_answer().await.expect("an answer")
    }

    /// `None` if the connection ends first.
    pub(crate) async fn try_answer(&mut self) -> Option<Answer> {
        let head_end = loop {
            match self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.more().await?,
            }
        };
        let head = String::from_utf8(self.read[..head_end].to_vec()).expect("an ASCII head");
        let status = head[9..12].parse().expect("a status");
        let mut answer = Answer {
            status,
            head,
            body: Vec::new(),
        };
        let length: usize = answer
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < head_end + length {
            self.more().await?;
        }
        answer.body = self.read[head_end..head_end + length].to_vec();
        self.read.drain(..head_end + length);
        Some(answer)
    }

    async fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        let n = soon("an answer", self.io.read(&mut buffer)).await.unwrap_or(0);
        self.read.extend_from_slice(&buffer[..n]);
        (n > 0).then_some(())
    }

    /// Waits for the server to close its side without another word.
    pub(crate) async fn closed(&mut self) {
        assert!(
            self.more().await.is_none(),
            "the server said: {}",
            String::from_utf8_lossy(&self.read)
        );
        assert!(
            self.read.is_empty(),
            "the server said: {}",
            String::from_utf8_lossy(&self.read)
        );
    }
}

/// What an observer was told: endpoint, status, bytes.
pub(crate) struct Records(pub(crate) watch::Sender<Vec<(String, u16, usize)>>);

impl Records {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::default()))
    }

    pub(crate) async fn holds(&self, endpoint: &str, status: u16, bytes: usize) {
        let wanted = (endpoint.to_owned(), status, bytes);
        let mut records = self.0.subscribe();
        soon(
            &format!("{wanted:?}"),
            records.wait_for(|records| records.contains(&wanted)),
        )
        .await
        .expect("the records are there");
    }
}

impl Observer for Records {
    fn request_finished(&self, endpoint: &str, status: u16, _: Duration, body_bytes: usize) {
        self.0
            .send_modify(|records| records.push((endpoint.to_owned(), status, body_bytes)));
    }
}
