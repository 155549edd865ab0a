//! Requests through sockets into the pipeline and the embedded log: what is too large, and what the component crashes on.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use danube_wasm_broker::{
    Broker as _, ConsumerOptions, StartAt,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_ingress_http::{ContentKind, ContentKinds, EndpointOptions, HttpListener, ListenerOptions};
use danube_wasm_model::{
    ConnectorId, OnInvalid, SubscriptionType,
    clock::OrderClock,
    door::{GuestError, ProducerConfig, SourceGuest},
    event::{EventBatch, Interests, RecordBatch},
};
use danube_wasm_pipeline::{Instruments, RetryPolicy, Source, SourceLimits, SourceParts};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::{Answer, Client, request, soon};

const TOPIC: &str = "/test/out";
const MIB: usize = 1 << 20;

/// A component that makes one record of each event, and traps on those with the word `trap`.
struct Forward {
    id: ConnectorId,
    configs: [ProducerConfig; 1],
    is_builtin: bool,
}

#[async_trait]
impl SourceGuest for Forward {
    fn id(&self) -> &ConnectorId {
        &self.id
    }

    fn digest(&self) -> &str {
        "forward"
    }

    fn lanes(&self) -> usize {
        2
    }

    fn forwards_payloads(&self) -> bool {
        self.is_builtin
    }

    fn interests(&self) -> Interests {
        Interests::from_names(["ids"])
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        &self.configs
    }

    async fn poll(&self, _: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        let mut records = RecordBatch::default();
        for i in 0..events.len() {
            if events.payloads.get(i).windows(4).any(|word| word == b"trap") {
                return Err(GuestError::Trap {
                    message: "unreachable".to_owned(),
                    backtrace: Vec::new(),
                });
            }
            records.topics.push(TOPIC);
            records.payloads.push_input(i as u32);
        }
        Ok(records)
    }
}

/// A listener, a source and a log.
struct Process {
    listener: HttpListener,
    log: Arc<EmbeddedBroker>,
    _dir: TempDir,
}

/// What is not as usual of a process.
struct Setup {
    record_bytes_max: usize,
    is_builtin: bool,
    on_invalid: OnInvalid,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            record_bytes_max: EmbeddedOptions::default().record_bytes_max,
            is_builtin: true,
            on_invalid: OnInvalid::Reject,
        }
    }
}

impl Process {
    async fn start(setup: Setup, change: impl FnOnce(&mut EndpointOptions)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions {
            record_bytes_max: setup.record_bytes_max,
            ..EmbeddedOptions::default()
        };
        let log = EmbeddedBroker::open(dir.path(), options).unwrap();
        let source = Source::start(parts(&setup, log.clone())).await.unwrap();
        let listener = HttpListener::bind(ListenerOptions::new(([127, 0, 0, 1], 0).into()));
        let listener = listener.await.unwrap();
        let mut options = EndpointOptions::new("/hook");
        options.on_invalid = setup.on_invalid;
        change(&mut options);
        let endpoint = danube_wasm_ingress_http::Endpoint::try_new(options, source).unwrap();
        listener.set_routes([Arc::new(endpoint)]).unwrap();
        Self {
            listener,
            log,
            _dir: dir,
        }
    }

    async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.listener.local_addr()).await.unwrap())
    }

    async fn post(&self, headers: &[&str], body: &[u8]) -> Answer {
        let mut client = self.connect().await;
        client.send(&request("POST", "/hook", headers, body)).await;
        client.answer().await
    }

    /// The answer to a request of which only the head is sent.
    async fn announce(&self, headers: &[&str], bytes: usize) -> Answer {
        let mut client = self.connect().await;
        let head = request("POST", "/hook", headers, b"");
        let head = String::from_utf8(head).unwrap();
        client
            .send(head.replace("content-length: 0", &format!("content-length: {bytes}")))
            .await;
        client.answer().await
    }

    /// The payloads of the first `n` records.
    async fn stored(&self, n: usize) -> Vec<bytes::Bytes> {
        let options = ConsumerOptions {
            topic: TOPIC.parse().unwrap(),
            subscription: "test".to_owned(),
            subscription_type: SubscriptionType::Exclusive,
            consumer: "test".to_owned(),
            start: StartAt::Earliest,
            unacknowledged_max: 1 << 20,
        };
        let mut consumer = self.log.subscribe(options).await.unwrap();
        let mut payloads = Vec::new();
        while payloads.len() < n {
            let messages = soon("records", consumer.receive(1_000)).await.unwrap();
            payloads.extend(messages.into_iter().map(|message| message.payload));
        }
        payloads
    }
}

fn parts(setup: &Setup, broker: Arc<EmbeddedBroker>) -> SourceParts {
    let config = ProducerConfig {
        topic: TOPIC.parse().unwrap(),
        partitions: 0,
        reliable_dispatch: true,
    };
    SourceParts {
        guest: Arc::new(Forward {
            id: "test/source".parse().unwrap(),
            configs: [config],
            is_builtin: setup.is_builtin,
        }),
        broker,
        ordered: HashSet::new(),
        validators: HashMap::new(),
        limits: SourceLimits::default(),
        on_invalid: HashMap::from([("/hook".to_owned(), setup.on_invalid)]),
        on_failure: HashMap::new(),
        retry_policy: RetryPolicy::default(),
        clock: OrderClock::system(),
        instruments: Instruments::default(),
    }
}

const NDJSON: &str = "content-type: application/x-ndjson";

fn lines(endpoint: &mut EndpointOptions) {
    endpoint.content = ContentKind::Ndjson.into();
}

/// So many lines of JSON, which together have so many bytes.
fn body_of_lines(count: usize, bytes: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(bytes);
    for n in 0..count {
        let end = bytes * (n + 1) / count;
        let text = "x".repeat(end - body.len() - 3);
        body.extend_from_slice(format!("\"{text}\"\n").as_bytes());
    }
    body
}

#[tokio::test]
async fn a_body_of_64_mib_is_stored_and_one_byte_more_is_not_read() {
    let process = Process::start(Setup::default(), |endpoint| {
        lines(endpoint);
        endpoint.body_bytes_max = 64 * MIB;
    })
    .await;
    let body = body_of_lines(5_000, 64 * MIB);
    assert_eq!(body.len(), 64 * MIB);
    let answer = process.post(&[NDJSON], &body).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(
        (&answer.json()["records"], &answer.json()["durable"]),
        (&5_000.into(), &true.into())
    );
    let stored = process.stored(5_000).await;
    let sent: Vec<&[u8]> = body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    assert!(stored == sent, "as they were sent, in their order");
    let answer = process.announce(&[NDJSON], 64 * MIB + 1).await;
    assert_eq!((answer.status, answer.error().contains("67108864 bytes")), (413, true));
}

#[tokio::test]
async fn an_event_over_its_own_limit_is_told_before_it_is_read() {
    let process = Process::start(Setup::default(), |endpoint| {
        endpoint.content = ContentKinds::new([ContentKind::Json, ContentKind::Ndjson, ContentKind::Form]);
        endpoint.body_bytes_max = 64 * MIB;
        endpoint.event_bytes_max = 1_000;
    })
    .await;
    let document = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    assert_eq!(process.post(&[], document(1_000).as_bytes()).await.status, 200);
    let answer = process.announce(&["content-type: application/json"], 1_001).await;
    let named = "limit of 1000 bytes for one event (`max_event_bytes`)";
    assert_eq!(
        (answer.status, answer.error().contains(named)),
        (413, true),
        "{answer:?}"
    );
    // Compressed, it is known when it is decompressed.
    let sent = zstd::encode_all(document(1_001).as_bytes(), 0).unwrap();
    let answer = process.post(&["content-encoding: zstd"], &sent).await;
    assert_eq!(
        (answer.status, answer.error().contains(named)),
        (413, true),
        "{answer:?}"
    );
    // A form is longer than the document in it.
    let form = |bytes: usize| {
        let coded: String = document(bytes).bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("payload=%5B{coded}%5D")
    };
    let header = ["content-type: application/x-www-form-urlencoded"];
    assert_eq!(process.post(&header, form(998).as_bytes()).await.status, 200);
    let answer = process.post(&header, form(999).as_bytes()).await;
    assert_eq!(
        (answer.status, answer.error().contains(named)),
        (413, true),
        "{answer:?}"
    );
    // Of a list, the one at fault is named.
    let list = format!("1\n{}\n3\n", document(1_001));
    let answer = process.post(&[NDJSON], list.as_bytes()).await;
    assert_eq!((answer.status, &answer.json()["refused"][0]["index"]), (400, &1.into()));
    assert!(answer.error().contains(named), "{answer:?}");
    assert_eq!(process.stored(2).await.len(), 2);
}

#[tokio::test]
async fn what_no_record_of_the_broker_holds_is_told_before_it_is_read() {
    let narrow = || Setup {
        record_bytes_max: 4_096,
        ..Setup::default()
    };
    let process = Process::start(narrow(), |_| {}).await;
    let answer = process.announce(&[], 4_097).await;
    let named = "limit of 4096 bytes that the broker behind this endpoint has";
    assert_eq!(
        (answer.status, answer.error().contains(named)),
        (413, true),
        "{answer:?}"
    );
    // With what a record has beside its payload, this is over the limit, too, which only the broker tells.
    let answer = process.post(&[], format!("\"{}\"", "x".repeat(4_090)).as_bytes()).await;
    assert_eq!(
        (answer.status, answer.error().contains("4096")),
        (422, true),
        "{answer:?}"
    );

    // A component of the user's own may make less of it.
    let own = Setup {
        is_builtin: false,
        ..narrow()
    };
    let process = Process::start(own, |_| {}).await;
    let answer = process.post(&[], format!("\"{}\"", "x".repeat(4_095)).as_bytes()).await;
    assert_eq!(
        (answer.status, answer.error().contains("4096")),
        (422, true),
        "{answer:?}"
    );
}

#[tokio::test]
async fn one_record_over_the_brokers_limit_does_not_blame_the_others() {
    let narrow = |on_invalid| Setup {
        record_bytes_max: 4_096,
        on_invalid,
        ..Setup::default()
    };
    let body = format!("\"first\"\n\"{}\"\n\"third\"\n", "x".repeat(5_000));
    let process = Process::start(narrow(OnInvalid::Reject), lines).await;
    let answer = process.post(&[NDJSON], body.as_bytes()).await;
    let refused = answer.json()["refused"].clone();
    assert_eq!(
        (answer.status, refused.as_array().unwrap().len()),
        (422, 1),
        "{answer:?}"
    );
    assert_eq!(refused[0]["index"], 1);
    assert!(
        refused[0]["error"].as_str().unwrap().contains("the log takes 4096"),
        "{refused}"
    );
    // Nothing of it is stored: the others are, when they come without it.
    assert_eq!(
        process
            .post(&[NDJSON], b"\"first again\"\n\"third again\"\n")
            .await
            .status,
        200
    );
    assert_eq!(process.stored(2).await, ["\"first again\"", "\"third again\""]);

    let process = Process::start(narrow(OnInvalid::DeadLetter), lines).await;
    let answer = process.post(&[NDJSON], body.as_bytes()).await;
    let json = answer.json();
    assert_eq!(
        (answer.status, &json["dead_lettered"][0]["index"]),
        (200, &1.into()),
        "{json}"
    );
    assert_eq!(json["records"], 2);
    assert_eq!(process.stored(2).await, ["\"first\"", "\"third\""]);
}

#[tokio::test]
async fn events_that_trap_are_answered_with_their_verdict_and_not_put_off_for_ever() {
    let process = Process::start(Setup::default(), lines).await;
    // More than the circuit of the component takes in a row.
    let traps: String = (0..60).map(|n| format!("\"trap {n}\"\n")).collect();
    let body = format!("\"first\"\n{traps}\"last\"\n");
    for _ in 0..2 {
        let mut answer = process.post(&[NDJSON], body.as_bytes()).await;
        // Between two requests the circuit may be open; then the sender comes again, as it was told.
        for _ in 0..100 {
            let Some(wait) = answer.header("retry-after").filter(|_| answer.status == 503) else {
                break;
            };
            tokio::time::sleep(std::time::Duration::from_secs(wait.parse().unwrap())).await;
            answer = process.post(&[NDJSON], body.as_bytes()).await;
        }
        let refused = answer.json()["refused"].clone();
        assert_eq!(
            (answer.status, refused.as_array().unwrap().len()),
            (500, 60),
            "{answer:?}"
        );
        assert_eq!((&refused[0]["index"], &refused[59]["index"]), (&1.into(), &60.into()));
    }
}
