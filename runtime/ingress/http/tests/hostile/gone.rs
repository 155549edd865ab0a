//! Clients that go away at every moment: nothing that was held for them is held on to, and what they sent whole is still
//! one event.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_ingress_http::{Drained, Endpoint, EndpointOptions, ListenerOptions};
use danube_wasm_model::{
    door::{Intake, Outcome, Reply},
    event::Event,
};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    class::{Class, Plan, expect},
    dice::Dice,
    frames::{CANCEL, DATA, END_HEADERS, HEADERS, RST_STREAM, frame, post, preface, request},
    host::Host,
    process::{Held, eventually},
    support::soon,
    wire::Wire,
};

/// Clients that go away together.
const CROWD: usize = 8;
const CONNECTIONS_MAX: usize = 16;
/// More than fits into the buffers of a socket.
const ANSWER_BYTES: usize = 16 << 20;
const BODY_BYTES: usize = 10_000;

pub(crate) async fn run(plan: Plan) -> Class {
    let mut class = Class::default();
    let ledger = Ledger::new();
    let host = host(&ledger).await;
    class.check("the first good request", host.good().await);
    class.check("nothing is left of it", host.at_rest().await);
    let before = Held::now();
    for seed in plan.seeds(plan.one_in(10)) {
        class.judge_seed(seed, attack(&host, &ledger, &mut Dice::new(seed), before).await);
        if class.failures > 0 {
            // What is lost stays lost: all that follow would wait in vain.
            return class;
        }
    }
    class.check("every permit is back", all_connect(&host).await);
    class.check(
        "those under way are counted right",
        one_is_under_way(&host, &ledger).await,
    );
    class
}

async fn host(ledger: &Arc<Ledger>) -> Host {
    let host = Host::start(limits, |_| {}).await;
    let endpoint = Endpoint::try_new(EndpointOptions::new("/hook"), Arc::new(Door(ledger.clone()))).unwrap();
    host.server.listener.set_routes([Arc::new(endpoint)]).unwrap();
    host
}

fn limits(options: &mut ListenerOptions) {
    options.limits.header_read_ms_max = 60_000;
    options.limits.idle_ms_max = 60_000;
    options.limits.request_ms_max = 60_000;
    options.limits.body_read_ms_max = 59_000;
    options.limits.connections_max = CONNECTIONS_MAX;
}

/// An intake that settles what it was offered, whether or not anybody still waits for it, as the pipeline does.
struct Door(Arc<Ledger>);

/// What it was offered, and what is settled.
struct Ledger {
    offered: AtomicUsize,
    /// Offers that somebody waits for.
    waiting: AtomicUsize,
    settled: Mutex<Vec<Bytes>>,
    gate: watch::Sender<bool>,
    answer: Bytes,
}

impl Ledger {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            offered: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            settled: Mutex::default(),
            gate: watch::Sender::new(true),
            answer: Bytes::from(vec![b'a'; ANSWER_BYTES]),
        })
    }
}

/// One more than there was, as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[async_trait]
impl Intake for Door {
    async fn offer(&self, event: Event) -> Outcome {
        self.0.waiting.fetch_add(1, SeqCst);
        let _waiting = Waiting(&self.0.waiting);
        let ledger = self.0.clone();
        let (id, payload) = (event.id, event.payload);
        let settle = tokio::spawn(async move {
            let mut gate = ledger.gate.subscribe();
            ledger.offered.fetch_add(1, SeqCst);
            gate.wait_for(|open| *open).await.expect("the ledger is there");
            let answer = (payload == "\"long\"").then(|| Reply {
                status: 200,
                content_type: "text/plain".to_owned(),
                body: ledger.answer.clone(),
            });
            ledger.settled.lock().push(payload);
            answer
        });
        let answer = settle.await.expect("no panic");
        Outcome::Accepted {
            id,
            records: 1,
            durable: true,
            answer,
        }
    }
}

/// When a client goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    InHead,
    InBody,
    BeforeAnswer,
    InAnswer,
    InStreamBody,
    BeforeStreamAnswer,
    StreamReset,
}

const MOMENTS: [Moment; 7] = [
    Moment::InHead,
    Moment::InBody,
    Moment::BeforeAnswer,
    Moment::InAnswer,
    Moment::InStreamBody,
    Moment::BeforeStreamAnswer,
    Moment::StreamReset,
];

impl Moment {
    /// Whether the request was whole, and so is an event.
    fn is_whole(self) -> bool {
        !matches!(self, Self::InHead | Self::InBody | Self::InStreamBody)
    }

    /// What was sent by then. `body` is JSON.
    fn bytes(self, body: &[u8], dice: &mut Dice) -> Vec<u8> {
        let head = format!(
            "POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut part = |bytes: &[u8]| bytes[..1 + dice.below(bytes.len() - 1)].to_vec();
        match self {
            Self::InHead => part(head.as_bytes()),
            Self::InBody => [head.as_bytes(), &part(body)].concat(),
            Self::BeforeAnswer => [head.as_bytes(), body].concat(),
            Self::InAnswer => b"POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 6\r\n\r\n\"long\"".to_vec(),
            Self::InStreamBody => [
                preface(&[]),
                frame(HEADERS, END_HEADERS, 1, &post()),
                frame(DATA, 0, 1, &part(body)),
            ]
            .concat(),
            Self::BeforeStreamAnswer | Self::StreamReset => [preface(&[]), request(1, body)].concat(),
        }
    }

    fn payload(self, body: &[u8]) -> &[u8] {
        match self {
            Self::InAnswer => b"\"long\"",
            _ => body,
        }
    }
}

async fn attack(host: &Host, ledger: &Arc<Ledger>, dice: &mut Dice, before: Held) -> Result<(), String> {
    let offered = ledger.offered.load(SeqCst);
    ledger.settled.lock().clear();
    let moment = *dice.pick(&MOMENTS);
    ledger.gate.send_replace(moment == Moment::InAnswer);
    let opened = host.witness.opened.load(SeqCst);
    let (mut crowd, mut owed) = (Vec::new(), Vec::new());
    for n in 0..CROWD {
        let body = format!("\"{n}{}\"", "a".repeat(dice.below(BODY_BYTES))).into_bytes();
        let mut wire = host.connect().await;
        wire.send(&moment.bytes(&body, dice)).await;
        crowd.push(wire);
        if moment.is_whole() {
            owed.push(moment.payload(&body).to_vec());
        }
    }
    let arrived = || {
        (
            host.witness.opened.load(SeqCst) - opened,
            ledger.offered.load(SeqCst) - offered,
        )
    };
    eventually(arrived, |arrived| *arrived == (CROWD as u64, owed.len())).await?;
    for wire in crowd {
        leave(wire, moment, dice).await?;
    }
    // The gate is still shut: what they held goes with them, not with the answer that nobody waits for.
    host.at_rest().await?;
    eventually(|| ledger.waiting.load(SeqCst), |waiting| *waiting == 0).await?;
    ledger.gate.send_replace(true);
    eventually(|| ledger.settled.lock().len(), |settled| *settled == owed.len()).await?;
    let mut settled: Vec<Vec<u8>> = ledger.settled.lock().iter().map(|payload| payload.to_vec()).collect();
    settled.sort_unstable();
    owed.sort_unstable();
    let name = format!("settled after {moment:?}");
    expect(&name, settled == owed, true)?;
    host.good().await?;
    host.at_rest().await?;
    eventually(Held::now, |now| now.descriptors <= before.descriptors)
        .await
        .map_err(|said| format!("{moment:?}: {before:?} before, {said}"))
}

/// Politely or not.
async fn leave(mut wire: Wire, moment: Moment, dice: &mut Dice) -> Result<(), String> {
    match moment {
        Moment::InAnswer => soon("the beginning of the answer", wire.tcp.readable())
            .await
            .map_err(|error| error.to_string())?,
        Moment::StreamReset => drop(wire.send(&frame(RST_STREAM, 0, 1, &CANCEL)).await),
        _ => {}
    }
    if dice.below(2) == 0 {
        wire.tcp.set_zero_linger().map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// As many connections as are allowed, all answered while all are open.
async fn all_connect(host: &Host) -> Result<(), String> {
    let kept = b"POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n{}";
    let mut wires = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut wire = host.connect().await;
        wire.send(kept).await;
        let status = wire.answer(false).await?.map(|answer| answer.status);
        expect("one of as many as may connect", status, Some(200))?;
        wires.push(wire);
    }
    Ok(())
}

/// Of all that went, none is counted as under way any more: the listener that stops tells of the one that is.
async fn one_is_under_way(host: &Host, ledger: &Ledger) -> Result<(), String> {
    host.at_rest().await?;
    ledger.gate.send_replace(false);
    let mut wire = host.connect().await;
    wire.send(&host.good).await;
    eventually(|| ledger.waiting.load(SeqCst), |waiting| *waiting == 1).await?;
    let drained = soon("the drain", host.server.listener.drain(Duration::from_millis(100))).await;
    expect("drained", drained, Drained { aborted: 1 })
}
