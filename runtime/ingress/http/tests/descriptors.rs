//! Out of file descriptors: alone in its process, because the limit is the process's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

use std::{fs::File, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_ingress_http::{Endpoint, EndpointOptions, HttpListener, ListenerOptions};
use danube_wasm_model::{
    door::{Intake, Outcome},
    event::Event,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::timeout,
};
use tracing::{
    Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

struct Accept;

#[async_trait]
impl Intake for Accept {
    async fn offer(&self, event: Event) -> Outcome {
        Outcome::Accepted {
            id: event.id,
            records: 1,
            durable: true,
            answer: None,
        }
    }
}

/// Notes a warning.
struct Log(watch::Sender<bool>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().starts_with("danube_wasm")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.send_replace(true);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

const REQUEST: &[u8] = b"POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
const DEADLINE: Duration = Duration::from_secs(60);

async fn answer(mut tcp: TcpStream) -> String {
    tcp.write_all(REQUEST).await.expect("the kernel takes it");
    let mut text = String::new();
    timeout(DEADLINE, tcp.read_to_string(&mut text))
        .await
        .expect("an answer in time")
        .expect("an answer");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepting_goes_on_when_descriptors_come_back() {
    let listener = HttpListener::bind(ListenerOptions::new(([127, 0, 0, 1], 0).into()))
        .await
        .unwrap();
    let endpoint = Endpoint::try_new(EndpointOptions::new("/hook"), Arc::new(Accept)).unwrap();
    listener.set_routes([Arc::new(endpoint)]).unwrap();
    let address = listener.local_addr();

    let complained = watch::Sender::new(false);
    let mut complaint = complained.subscribe();
    tracing::subscriber::set_global_default(Log(complained)).expect("the first one");
    let spares: Vec<File> = (0..3).map(|_| File::open("/dev/null").unwrap()).collect();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    // Each takes one descriptor here, and one in the listener if it gets one. If the listener got one for every caller,
    // one descriptor more lets another call that it cannot answer.
    let mut hoard = Vec::new();
    for spare in spares {
        while let Ok(tcp) = TcpStream::connect(address).await {
            hoard.push(tcp);
        }
        let complained = complaint.wait_for(|complained| *complained);
        if timeout(Duration::from_millis(500), complained).await.is_ok() {
            break;
        }
        drop(spare);
    }
    timeout(DEADLINE, complaint.wait_for(|complained| *complained))
        .await
        .expect("the listener says that it cannot accept")
        .expect("the log is there");
    let last = hoard.pop().expect("some connected");
    let waiting = tokio::spawn(answer(last));
    drop(hoard);
    let text = waiting.await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let text = answer(TcpStream::connect(address).await.unwrap()).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}
