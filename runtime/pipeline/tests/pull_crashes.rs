//! Every row of `docs/crash-table.md` that a source meets which reads from an upstream: its process dies there, starts again, and
//! what the row promises holds. Real processes, and the real log; the upstream is two files.

mod fakes;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use danube_wasm_broker::{
    Broker, ConsumerOptions,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{
    StartAt, SubscriptionType, TopicName,
    clock::OrderClock,
    columns::{Rejection, RejectionKind},
    event::EventBatch,
    upstream::{Confirmer, Connect, Delivery, Position, Room, StreamId, Upstream, UpstreamError},
};
use danube_wasm_pipeline::{
    Instruments, PullParts, PullSource, RetryPolicy, SourceLimits, SourceParts,
    failpoints::{self, FailPoint},
};
use fakes::{FakeSource, event, forward, id, topic};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Events of each stream.
const COUNT: u64 = 60;
const STREAMS: [&str; 2] = ["a", "b"];
/// After so many events, a stream is revoked, and given back once it was released.
const REVOKED_AFTER: u64 = 10;
const DIRECTORY: &str = "PULL_CRASHES_DIRECTORY";
const POINT: &str = "PULL_CRASHES_POINT";
const DEADLINE: Duration = Duration::from_secs(120);

/// The id of event `number` of a stream. Each seventh is refused by the component.
fn event_id(stream: &str, number: u64) -> String {
    let kind = if number.is_multiple_of(7) { "bad" } else { "good" };
    format!("{kind}-{stream}-{number}")
}

/// An upstream that remembers up to where each stream is confirmed, over the death of its reader.
#[derive(Clone)]
struct Files(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    streams: Mutex<BTreeMap<&'static str, Stream>>,
    changed: Notify,
}

#[derive(Clone, Copy)]
struct Stream {
    epoch: u64,
    next: u64,
    /// Of this ownership.
    read: u64,
    is_owned: bool,
}

fn confirmed(directory: &Path, stream: &str) -> u64 {
    let text = fs::read_to_string(directory.join(stream)).unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

impl Files {
    fn new(directory: &Path) -> Self {
        Self(Arc::new(Inner {
            directory: directory.to_owned(),
            streams: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    fn assign(&self, stream: &'static str) {
        let mut streams = self.0.streams.lock();
        let epoch = streams.get(stream).map_or(1, |stream| stream.epoch + 1);
        let next = confirmed(&self.0.directory, stream) + 1;
        let (read, is_owned) = (0, true);
        streams.insert(
            stream,
            Stream {
                epoch,
                next,
                read,
                is_owned,
            },
        );
        self.0.changed.notify_waiters();
    }

    fn is_confirmed(&self) -> bool {
        STREAMS
            .iter()
            .all(|stream| confirmed(&self.0.directory, stream) == COUNT)
    }

    fn next(&self, room: Room) -> Option<Delivery> {
        let mut streams = self.0.streams.lock();
        let revoked = streams
            .iter_mut()
            .find(|(_, stream)| stream.is_owned && stream.read >= REVOKED_AFTER);
        if let Some((name, stream)) = revoked {
            stream.is_owned = false;
            return Some(Delivery::Revoked {
                streams: vec![StreamId::new(*name)],
                deadline: Instant::now() + DEADLINE,
            });
        }
        let behind = streams
            .iter_mut()
            .filter(|(_, stream)| stream.is_owned && stream.next <= COUNT);
        let (name, stream) = behind
            .min_by_key(|(_, stream)| stream.next)
            .filter(|_| room.events > 0)?;
        let number = stream.next;
        (stream.next, stream.read) = (number + 1, stream.read + 1);
        let event = event(&event_id(name, number), "{}");
        Some(Delivery::Events {
            stream: StreamId::new(*name),
            epoch: stream.epoch,
            events: vec![(event, Position::from(number))],
        })
    }
}

#[async_trait]
impl Connect for Files {
    async fn connect(&self) -> Result<Box<dyn Upstream>, UpstreamError> {
        STREAMS.iter().for_each(|stream| self.assign(stream));
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Upstream for Files {
    async fn receive(&mut self, room: Room) -> Result<Delivery, UpstreamError> {
        loop {
            let changed = self.0.changed.notified();
            match self.next(room) {
                Some(delivery) => return Ok(delivery),
                None => changed.await,
            }
        }
    }

    fn confirmer(&self) -> Arc<dyn Confirmer> {
        Arc::new(self.clone())
    }

    async fn close(self: Box<Self>, _: Instant) {}
}

#[async_trait]
impl Confirmer for Files {
    async fn confirm(&self, stream: &StreamId, epoch: u64, upto: Position) -> Result<(), UpstreamError> {
        let is_current = |known: &Stream| known.epoch == epoch;
        if self.0.streams.lock().get(stream.as_str()).is_some_and(is_current) {
            // Whole or not at all: the process may die between any two lines.
            let new = self.0.directory.join(format!("{stream}.new"));
            fs::write(&new, upto.get().to_string()).expect("it is written");
            fs::rename(&new, self.0.directory.join(stream.as_str())).expect("it is in its place");
        }
        Ok(())
    }

    async fn release(&self, streams: &[StreamId]) {
        for stream in streams {
            let known = STREAMS.into_iter().find(|known| *known == stream.as_str());
            self.assign(known.expect("one of its own"));
        }
    }
}

fn parts(broker: &Arc<EmbeddedBroker>) -> PullParts {
    let mut guest = FakeSource::new(|events: &EventBatch| {
        let mut records = forward(events);
        let bad = (0..events.len()).filter(|i| events.ids.text(*i).starts_with("bad"));
        records.rejected.extend(bad.map(|i| Rejection {
            origin: i as u32,
            kind: RejectionKind::InvalidData,
            message: "is bad".into(),
        }));
        Ok(records)
    });
    guest.lanes = 2;
    PullParts {
        source: SourceParts {
            guest: Arc::new(guest),
            broker: broker.clone(),
            ordered: Default::default(),
            validators: HashMap::new(),
            limits: SourceLimits {
                batch_events_max: 4,
                ..SourceLimits::default()
            },
            on_invalid: HashMap::new(),
            on_failure: HashMap::new(),
            retry_policy: RetryPolicy::default(),
            clock: OrderClock::system(),
            instruments: Instruments::default(),
        },
        in_flight_bytes_max: 1 << 20,
        independent_keys: false,
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, waiting).await;
    assert!(waited.is_ok(), "never happened: {what}");
}

/// What the process runs that dies: the other tests start it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of its own, started by the other test"]
async fn source() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else {
        return;
    };
    let point = env::var(POINT).unwrap_or_default();
    if !point.is_empty() {
        failpoints::arm(&point).expect("a failpoint");
    }
    let broker = EmbeddedBroker::open(&directory.join("log"), EmbeddedOptions::default()).expect("the log");
    let source = PullSource::start(parts(&broker)).await.expect("a source");
    let (driver, upstream) = (source.driver(), Files::new(&directory));
    let driving = tokio::spawn({
        let upstream = Arc::new(upstream.clone());
        async move { driver.drive(upstream).await }
    });
    if point.starts_with("source.draining") {
        until("something is confirmed", || confirmed(&directory, "a") > 0).await;
    } else {
        until("all is confirmed", || upstream.is_confirmed()).await;
    }
    source.drain(tokio::time::Instant::now() + DEADLINE).await;
    driving.await.expect("no panic");
    broker.close().await.expect("the log is closed");
}

fn run(directory: &Path, point: &str) -> ExitStatus {
    let mut process = Command::new(env::current_exe().expect("this test"));
    process.args(["source", "--exact", "--ignored"]);
    process.env(DIRECTORY, directory).env(POINT, point);
    process.output().expect("it runs").status
}

/// Ids of the events of which the log has a record or, with `bad`, a dead letter, in order.
async fn in_log(directory: &Path, expected: &BTreeSet<String>) -> Vec<String> {
    let broker = EmbeddedBroker::open(&directory.join("log"), EmbeddedOptions::default()).expect("the log");
    let records = topic("/test/out");
    let letters = records.dead_letters_of(&id("source"));
    let different = |kind: &str| expected.iter().filter(|id| id.starts_with(kind)).count();
    let mut all = read(&broker, records, "good", different("good")).await;
    all.extend(read(&broker, letters, "bad", different("bad")).await);
    broker.close().await.expect("the log is closed");
    all
}

/// Reads until so many different ones were there.
async fn read(broker: &EmbeddedBroker, topic: TopicName, kind: &str, different: usize) -> Vec<String> {
    let options = ConsumerOptions {
        topic,
        subscription: format!("checker-{different}"),
        subscription_type: SubscriptionType::Exclusive,
        consumer: "checker".to_owned(),
        start: StartAt::Earliest,
        unacknowledged_max: 100_000,
    };
    let mut consumer = broker.subscribe(options).await.expect("a subscription");
    let mut ids: Vec<String> = Vec::new();
    let reading = async {
        while ids.iter().collect::<BTreeSet<_>>().len() < different {
            let messages = consumer.receive(1000).await.expect("messages");
            let all = messages.iter().map(|message| message.id.as_str());
            ids.extend(all.map(|id| {
                let id = id.strip_prefix("test/source/in:").and_then(|id| id.strip_suffix(".0"));
                id.expect("an event's").to_owned()
            }));
        }
    };
    let read = tokio::time::timeout(DEADLINE, reading).await;
    assert!(read.is_ok(), "{} of {different} {kind} ones are in the log", ids.len());
    ids
}

/// The crash at this point, and the start after it.
async fn dies_at(point: FailPoint, nth: u32) {
    let directory = tempfile::tempdir().expect("a directory");
    let armed = format!("{}:{nth}", point.name());
    let status = run(directory.path(), &armed);
    assert!(
        !status.success() && status.code() != Some(101),
        "{armed}: it did not die: {status}"
    );
    let told: BTreeMap<_, _> = STREAMS
        .map(|stream| (stream, confirmed(directory.path(), stream)))
        .into();
    let due: BTreeSet<_> = told
        .iter()
        .flat_map(|(stream, upto)| (1..=*upto).map(|number| event_id(stream, number)))
        .collect();
    let status = run(directory.path(), "");
    assert!(status.success(), "{armed}: {status}");
    let expected: BTreeSet<_> = STREAMS
        .iter()
        .flat_map(|stream| (1..=COUNT).map(|number| event_id(stream, number)))
        .collect();
    let found = in_log(directory.path(), &expected).await;
    assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), expected, "{armed}");
    for stream in STREAMS {
        in_order(&found, &format!("good-{stream}-"), &armed);
    }
    // What was confirmed did not come again: there is one of each.
    for id in due {
        let copies = found.iter().filter(|found| **found == id).count();
        assert_eq!(copies, 1, "{armed}: {id}");
    }
}

/// What comes again is behind what was there; the first of each are in order.
fn in_order(found: &[String], prefix: &str, armed: &str) {
    let mut seen = BTreeSet::new();
    let numbers = found
        .iter()
        .filter_map(|id| id.strip_prefix(prefix)?.parse::<u64>().ok());
    let first: Vec<_> = numbers.filter(|number| seen.insert(*number)).collect();
    assert!(first.is_sorted(), "{armed}: {first:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_every_row_neither_loses_nor_doubles_an_event() {
    let points = FailPoint::ALL.into_iter();
    let points: Vec<_> = points.filter(|point| point.name().starts_with("source.")).collect();
    assert!(points.iter().filter(|point| point.is_of_upstream()).count() == 2 && points.len() == 9);
    for point in points {
        let times = match point {
            FailPoint::SourceDraining => [1, 1],
            _ => [1, 5],
        };
        for nth in times {
            dies_at(point, nth).await;
        }
    }
}
