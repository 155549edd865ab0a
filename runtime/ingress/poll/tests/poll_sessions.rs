//! Sessions of the source, between a component that counts and a notebook.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_connector::{Context, Feed, Ingress, Notices, Pipeline, SourceConnector};
use danube_wasm_ingress_poll::{Poll, PollSource};
use danube_wasm_model::{
    ConnectorId, OnFailure, OnInvalid, Route,
    door::{Failure, FailureKind, GuestError},
    event::Interests,
    poller::{Fetch, Fetched, Page, PollerGuest, StateChanges},
    upstream::{
        Connect, Delivery, DriveEnd, MemoryNotebook, Notebook as _, PullDriver, Room, StreamId, Upstream, UpstreamError,
    },
};
use danube_wasm_telemetry::{Metrics, Tracing};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

/// The name of the source's one stream.
const STREAM: &str = "poll";

const ROOM: Room = Room {
    events: 10,
    bytes: 1 << 20,
};
const NO_ROOM: Room = Room { events: 0, bytes: 0 };

/// Gives the numbers behind its cursor, two a page, up to `last`.
struct Numbers {
    id: ConnectorId,
    last: u64,
    fetches: Mutex<Vec<u64>>,
    /// Fails as often as this.
    failures: Mutex<u32>,
    /// Waits for this before it returns.
    gate: Option<Arc<Notify>>,
}

impl Numbers {
    fn new(last: u64) -> Self {
        Self {
            id: ConnectorId::try_new("shop", "numbers").expect("an id"),
            last,
            fetches: Mutex::default(),
            failures: Mutex::default(),
            gate: None,
        }
    }
}

#[async_trait]
impl PollerGuest for Numbers {
    fn id(&self) -> &ConnectorId {
        &self.id
    }

    async fn fetch(&self, fetch: Fetch) -> Result<Fetched, GuestError> {
        let cursor = fetch
            .state
            .get("cursor")
            .map_or(0, |value| str::from_utf8(value).expect("text").parse().expect("digits"));
        self.fetches.lock().push(cursor);
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        let left = self.failures.lock().checked_sub(1);
        if let Some(left) = left {
            *self.failures.lock() = left;
            return Err(GuestError::Failure(Failure {
                kind: FailureKind::Retryable,
                code: 503,
                message: format!("busy, {left} more"),
                retry_after: Some(Duration::from_secs(9)),
            }));
        }
        let mut page = Page::default();
        let next = (cursor + 2).min(self.last);
        for number in cursor + 1..=next {
            page.payloads.push(number.to_string().as_bytes());
            page.ids.push(format!("n-{number}").as_bytes());
        }
        page.again_after = (next > cursor).then_some(Duration::ZERO);
        let changed = [("cursor".to_owned(), Some(Bytes::from(next.to_string())))];
        let changes = if next > cursor {
            StateChanges::from(changed)
        } else {
            StateChanges::new()
        };
        Ok(Fetched { page, changes })
    }
}

/// Hands what makes sessions to the test.
struct Handover(mpsc::UnboundedSender<Arc<dyn Connect>>);

#[async_trait]
impl PullDriver for Handover {
    async fn drive(&self, upstreams: Arc<dyn Connect>) -> DriveEnd {
        self.0.send(upstreams).expect("the test waits for it");
        DriveEnd::Stopped
    }
}

struct Bench {
    poller: Arc<Numbers>,
    sessions: Arc<dyn Connect>,
    notebook: Arc<MemoryNotebook>,
    _source: Box<dyn Ingress>,
}

async fn bench(poller: Numbers) -> Bench {
    let (poller, notebook) = (Arc::new(poller), Arc::new(MemoryNotebook::default()));
    let (sender, mut handed) = mpsc::unbounded_channel();
    let poll = Poll {
        route: Route {
            endpoint: STREAM.to_owned(),
            topic: "/shop/numbers".parse().expect("a topic"),
            partitions: 0,
            reliable_dispatch: true,
            ordered: false,
            on_invalid: OnInvalid::DeadLetter,
            on_failure: OnFailure::DeadLetter,
        },
        interval: Duration::from_secs(60),
    };
    let context = Context {
        id: poller.id.clone(),
        consumer: "numbers".to_owned(),
        shared: Arc::new(()),
        metrics: Metrics::new().expect("metrics"),
        tracing: Tracing::default(),
        notices: Notices::new(drop),
        may_create: true,
    };
    let pipeline = Pipeline {
        feed: Feed::Pull(Arc::new(Handover(sender))),
        interests: Interests::default(),
        notebook: notebook.clone(),
        poller: Some(poller.clone()),
    };
    let source = PollSource::start(&poll, context, pipeline).await.expect("it starts");
    Bench {
        poller,
        sessions: handed.recv().await.expect("sessions"),
        notebook,
        _source: source,
    }
}

/// Ids and position of the events, or the position that has passed.
fn said(delivery: Delivery) -> (Vec<String>, u128) {
    match delivery {
        Delivery::Events { events, .. } => {
            let position = events[0].1.get();
            (events.into_iter().map(|(event, _)| event.id).collect(), position)
        }
        Delivery::Passed { position, .. } => (Vec::new(), position.get()),
        other => panic!("{other:?}"),
    }
}

async fn next(session: &mut Box<dyn Upstream>) -> (Vec<String>, u128) {
    said(session.receive(ROOM).await.expect("a delivery"))
}

async fn confirm(session: &dyn Upstream, upto: u64) {
    let stream = StreamId::new(STREAM);
    session
        .confirmer()
        .confirm(&stream, 1, upto.into())
        .await
        .expect("confirmed");
}

async fn noted(notebook: &MemoryNotebook) -> BTreeMap<String, Bytes> {
    notebook.scan("").await.expect("notes").into_iter().collect()
}

#[tokio::test(start_paused = true)]
async fn a_page_has_passed_behind_its_events_and_only_what_is_confirmed_is_kept() {
    let Bench {
        poller,
        sessions,
        notebook,
        _source,
    } = bench(Numbers::new(5)).await;
    let mut session = sessions.connect().await.expect("a session");
    assert_eq!(next(&mut session).await, (vec!["n-1".into(), "n-2".into()], 0));
    assert_eq!(next(&mut session).await, (vec![], 1));
    assert_eq!(next(&mut session).await, (vec!["n-3".into(), "n-4".into()], 1));
    confirm(&*session, 0).await;
    assert!(noted(&notebook).await.is_empty());
    confirm(&*session, 1).await;
    assert_eq!(
        noted(&notebook).await,
        [("state/cursor".into(), Bytes::from("2"))].into()
    );
    assert_eq!(next(&mut session).await, (vec![], 2));
    assert_eq!(next(&mut session).await, (vec!["n-5".into()], 2));
    drop(session);
    // What was fetched and not confirmed comes again, with the same ids.
    let mut again = sessions.connect().await.expect("a session");
    assert_eq!(next(&mut again).await, (vec!["n-3".into(), "n-4".into()], 0));
    assert_eq!(next(&mut again).await, (vec![], 1));
    assert_eq!(next(&mut again).await, (vec!["n-5".into()], 1));
    assert_eq!(next(&mut again).await, (vec![], 2));
    confirm(&*again, 2).await;
    assert_eq!(
        noted(&notebook).await,
        [("state/cursor".into(), Bytes::from("5"))].into()
    );
    assert_eq!(*poller.fetches.lock(), [0, 2, 4, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_the_interval_unless_there_is_more() {
    let Bench { poller, sessions, .. } = bench(Numbers::new(2)).await;
    let mut session = sessions.connect().await.expect("a session");
    let start = Instant::now();
    next(&mut session).await;
    next(&mut session).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    let more = tokio::time::timeout(Duration::from_secs(150), session.receive(ROOM)).await;
    assert!(more.is_err(), "there is no more");
    assert_eq!(*poller.fetches.lock(), [0, 2, 2, 2], "one at once, then one a minute");
}

#[tokio::test(start_paused = true)]
async fn a_failure_changes_nothing_and_says_when_to_come_again() {
    let poller = Numbers::new(2);
    *poller.failures.lock() = 1;
    let Bench { sessions, .. } = bench(poller).await;
    let mut session = sessions.connect().await.expect("a session");
    let error = session.receive(ROOM).await.expect_err("it failed");
    let UpstreamError::Transient { message, retry_after } = error else {
        panic!("{error:?}");
    };
    assert!(message.contains("busy, 0 more"), "{message}");
    assert_eq!(retry_after, Some(Duration::from_secs(9)));
    assert_eq!(next(&mut session).await.0, ["n-1", "n-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_is_cancelled_loses_nothing_and_fetches_nothing_twice() {
    let gate = Arc::new(Notify::new());
    let Bench { poller, sessions, .. } = bench(Numbers {
        gate: Some(gate.clone()),
        ..Numbers::new(2)
    })
    .await;
    let mut session = sessions.connect().await.expect("a session");
    let cancelled = tokio::time::timeout(Duration::from_secs(1), session.receive(ROOM)).await;
    assert!(cancelled.is_err());
    gate.notify_one();
    let without_room = tokio::time::timeout(Duration::from_secs(1), session.receive(NO_ROOM)).await;
    assert!(without_room.is_err(), "events wait for room");
    assert_eq!(next(&mut session).await.0, ["n-1", "n-2"]);
    assert_eq!(
        said(session.receive(NO_ROOM).await.expect("passed")),
        (vec![], 1),
        "that needs no room"
    );
    assert_eq!(*poller.fetches.lock(), [0]);
}
