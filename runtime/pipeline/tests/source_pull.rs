//! The pull driver against fakes, in virtual time.

mod fakes;

use std::{collections::HashMap, sync::Arc, time::Duration};

use danube_wasm_broker::ErrorKind;
use danube_wasm_model::{
    ConnectorId,
    clock::OrderClock,
    columns::{Rejection, RejectionKind},
    door::{Failure, FailureKind, GuestError},
    event::{Event, EventBatch},
    identity::ORDER_ATTRIBUTE,
    upstream::{Delivery, DriveEnd, MemoryNotebook, Notebook, UpstreamError},
};
use danube_wasm_pipeline::{
    Instruments, OnInvalid, PauseSwitch, PullParts, PullSource, PullStartError, RetryPolicy, SourceLimits, SourceParts,
    Status,
};
use danube_wasm_telemetry::{Metrics, Tracing};
use fakes::{
    FakeSource, MemoryBroker, forward,
    logs::Logs,
    trap,
    upstream::{Scripted, events, lost, passed, refused, revoked, transient},
};
use tokio::{task::JoinHandle, time::Instant};

/// A pull source, the driver at work on the script.
struct Running {
    source: Arc<PullSource>,
    driving: JoinHandle<DriveEnd>,
    broker: MemoryBroker,
    upstream: Scripted,
}

fn parts(guest: FakeSource, broker: &MemoryBroker) -> PullParts {
    PullParts {
        source: SourceParts {
            guest: Arc::new(guest),
            broker: Arc::new(broker.clone()),
            ordered: Default::default(),
            validators: HashMap::new(),
            limits: SourceLimits::default(),
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

async fn run(parts: PullParts, broker: MemoryBroker) -> Running {
    run_with(parts, broker, PauseSwitch::default()).await
}

async fn run_with(parts: PullParts, broker: MemoryBroker, pause: PauseSwitch) -> Running {
    let source = PullSource::start_with(parts, pause).await.expect("a source");
    let upstream = Scripted::default();
    let driver = source.driver();
    let script = Arc::new(upstream.clone());
    Running {
        driving: tokio::spawn(async move { driver.drive(script).await }),
        source,
        broker,
        upstream,
    }
}

async fn start() -> Running {
    start_with(FakeSource::new(|events| Ok(forward(events)))).await
}

async fn start_with(guest: FakeSource) -> Running {
    let broker = MemoryBroker::new();
    run(parts(guest, &broker), broker).await
}

/// A component that refuses, or fails on, events of which the id begins with `bad`.
fn picky(on_bad: impl Fn() -> Option<GuestError> + Send + Sync + 'static) -> FakeSource {
    FakeSource::new(move |events: &EventBatch| {
        let bad: Vec<_> = (0..events.len())
            .filter(|i| events.ids.text(*i).starts_with("bad"))
            .collect();
        if let Some(error) = on_bad().filter(|_| !bad.is_empty()) {
            return Err(error);
        }
        let mut records = forward(events);
        records.rejected.extend(bad.into_iter().map(|i| Rejection {
            origin: i as u32,
            kind: RejectionKind::InvalidData,
            message: "is bad".into(),
        }));
        Ok(records)
    })
}

async fn start_picky(guest: FakeSource, on_invalid: OnInvalid) -> Running {
    let broker = MemoryBroker::new();
    let mut parts = parts(guest, &broker);
    parts.source.on_invalid = HashMap::from([("/in".to_owned(), on_invalid)]);
    run(parts, broker).await
}

impl Running {
    /// Ids of the events of which there are records, in order, and of which there are dead letters.
    fn published(&self) -> (Vec<String>, Vec<String>) {
        let (mut records, mut letters) = (Vec::new(), Vec::new());
        for record in self.broker.published() {
            let id = record.id.as_str();
            let id = id.trim_start_matches("test/source/in:").trim_end_matches(".0");
            match record.topic.is_for_dead_letters() {
                true => letters.push(id.to_owned()),
                false => records.push(id.to_owned()),
            }
        }
        (records, letters)
    }

    async fn confirmed(&self, stream: &str, epoch: u64, position: u128) {
        let last = Some((stream.to_owned(), epoch, position));
        let what = format!("{last:?} is confirmed");
        self.upstream.until(&what, |up| up.last_confirmed() == last).await;
    }

    async fn status(&self, what: &str, holds: impl Fn(&Status) -> bool) -> Status {
        let mut status = self.source.status();
        let waiting = status.wait_for(|status| holds(status));
        let waited = tokio::time::timeout(Duration::from_secs(3600), waiting).await;
        let status = waited.unwrap_or_else(|_| panic!("the source never {what}"));
        status.expect("the source lives").clone()
    }

    /// The connector stops by itself, for this reason, without another confirmation.
    async fn fails_with(self, why: &str) {
        let confirmed = self.upstream.confirmed();
        let status = self.status("fails", |status| matches!(status, Status::Failed(_))).await;
        assert!(status.reason().is_some_and(|reason| reason.contains(why)), "{status:?}");
        let end = self.driving.await.expect("no panic");
        assert!(
            matches!(&end, DriveEnd::Failed { message } if message.contains(why)),
            "{end:?}"
        );
        assert_eq!(self.upstream.confirmed(), confirmed);
    }
}

/// Long enough for whatever could go wrong to have done so.
async fn a_while() {
    tokio::time::sleep(Duration::from_secs(120)).await;
}

#[tokio::test(start_paused = true)]
async fn a_position_is_confirmed_only_when_everything_before_it_is_durable() {
    let running = start().await;
    running.broker.open_gate(false);
    running.upstream.give(events("s", 1, 0, &["a", "b", "c"]));
    a_while().await;
    assert_eq!(running.upstream.confirmed(), []);
    running.broker.open_gate(true);
    running.confirmed("s", 1, 30).await;
    assert_eq!(running.published().0, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn it_reads_only_when_there_is_room_and_takes_all_when_there_is_again() {
    let broker = MemoryBroker::new();
    let mut parts = parts(FakeSource::new(|events| Ok(forward(events))), &broker);
    parts.source.limits.queue_events_max = 4;
    let running = run(parts, broker).await;
    running.broker.open_gate(false);
    for i in 0..10u64 {
        let (one, other) = (format!("e{}", 2 * i), format!("e{}", 2 * i + 1));
        running.upstream.give(events("s", 1, 20 * i, &[&one, &other]));
    }
    a_while().await;
    assert_eq!(running.upstream.delivered(), 4);
    assert!(running.upstream.rooms().iter().all(|room| room.events <= 4));
    running.broker.open_gate(true);
    running.confirmed("s", 1, 200).await;
    assert_eq!(
        running.published().0,
        (0..20).map(|i| format!("e{i}")).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn a_paused_one_keeps_its_session_receives_no_event_and_hears_of_streams_that_go() {
    let (broker, pause) = (MemoryBroker::new(), PauseSwitch::default());
    let parts = parts(FakeSource::new(|events| Ok(forward(events))), &broker);
    pause.set(true);
    let running = run_with(parts, broker, pause.clone()).await;
    running.upstream.give(events("s", 1, 0, &["a"]));
    a_while().await;
    assert_eq!(running.upstream.delivered(), 0, "it began paused");
    running.status("is paused", |status| *status == Status::Paused).await;
    pause.set(false);
    running.confirmed("s", 1, 10).await;
    running.status("runs", |status| *status == Status::Running).await;

    pause.set(true);
    running.status("is paused", |status| *status == Status::Paused).await;
    running.upstream.give(revoked("s", Duration::from_secs(60)));
    running
        .upstream
        .until("it is released", |up| up.released() == ["s"])
        .await;
    running.upstream.give(events("t", 2, 0, &["b"]));
    a_while().await;
    assert_eq!(running.upstream.delivered(), 1);
    pause.set(false);
    running.confirmed("t", 2, 10).await;
    assert_eq!(running.published().0, ["a", "b"]);
    assert_eq!(running.upstream.connects(), 1, "it is one session");
}

#[tokio::test(start_paused = true)]
async fn bytes_in_flight_are_limited_too() {
    let broker = MemoryBroker::new();
    let mut parts = parts(FakeSource::new(|events| Ok(forward(events))), &broker);
    parts.in_flight_bytes_max = 600;
    let running = run(parts, broker).await;
    running.broker.open_gate(false);
    for (i, id) in (0..).zip(["a", "b", "c", "d", "e"]) {
        running.upstream.give(events("s", 1, 10 * i, &[id]));
    }
    a_while().await;
    assert_eq!(
        running.upstream.delivered(),
        3,
        "the third is the one that exceeds them"
    );
    running.broker.open_gate(true);
    running.confirmed("s", 1, 50).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_published_now_is_tried_again_for_ever_and_nothing_overtakes_it() {
    let running = start().await;
    running.broker.fail_with(Some(ErrorKind::Unavailable));
    running.upstream.give(events("s", 1, 0, &["a", "b"]));
    running
        .broker
        .until("it is refused", |broker| broker.refusals() > 0)
        .await;
    running.upstream.give(events("s", 1, 20, &["c"]));
    running.upstream.give(events("t", 1, 0, &["x"]));
    running
        .status("is degraded", |status| matches!(status, Status::Degraded(_)))
        .await;
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(running.upstream.confirmed(), []);
    running.broker.fail_with(None);
    running
        .upstream
        .until("both are confirmed", |up| up.confirmed().len() >= 2)
        .await;
    let (records, _) = running.published();
    let of_s: Vec<_> = records.iter().filter(|id| *id != "x").collect();
    assert_eq!(of_s, ["a", "b", "c"]);
    running.status("recovers", |status| *status == Status::Running).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_waits_for_the_broker_holds_up_no_other() {
    let running = start().await;
    running
        .broker
        .fail_records_with(Some(("stuck", ErrorKind::Unavailable)));
    for (i, id) in (0..).zip(["stuck1", "stuck2", "stuck3", "stuck4"]) {
        running.upstream.give(events("s", 1, 10 * i, &[id]));
    }
    running
        .broker
        .until("it is refused", |broker| broker.refusals() > 3)
        .await;
    for (i, id) in (0..).zip(["a", "b", "c", "d"]) {
        running.upstream.give(events("t", 1, 10 * i, &[id]));
    }
    running.confirmed("t", 1, 40).await;
    assert_eq!(running.published().0, ["a", "b", "c", "d"]);
    running.broker.fail_records_with(None);
    running.confirmed("s", 1, 40).await;
    assert_eq!(running.published().0[4..], ["stuck1", "stuck2", "stuck3", "stuck4"]);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_lost_stream_is_not_confirmed_and_it_comes_again_in_a_new_epoch() {
    let running = start().await;
    running.broker.open_gate(false);
    running.upstream.give(events("s", 1, 0, &["a", "b"]));
    running.upstream.until("they are read", |up| up.delivered() == 2).await;
    running.upstream.give(lost("s"));
    running.upstream.until("it reads on", |up| up.rooms().len() >= 3).await;
    running.broker.open_gate(true);
    a_while().await;
    assert_eq!(running.upstream.confirmed(), []);
    running.upstream.give(events("s", 2, 0, &["a", "b", "c"]));
    running.confirmed("s", 2, 30).await;
    let (mut records, _) = running.published();
    records.dedup();
    assert!(
        records.ends_with(&["a".to_owned(), "b".to_owned(), "c".to_owned()]),
        "{records:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_higher_epoch_ends_the_one_before_and_a_lower_one_is_ignored() {
    let running = start().await;
    running.broker.open_gate(false);
    running.upstream.give(events("s", 5, 0, &["a"]));
    running.upstream.give(events("s", 6, 0, &["a"]));
    running.upstream.give(events("s", 5, 10, &["old"]));
    running.upstream.give(passed("s", 5, 90));
    running.upstream.until("all is read", |up| up.rooms().len() >= 5).await;
    running.broker.open_gate(true);
    running.confirmed("s", 6, 10).await;
    a_while().await;
    assert_eq!(running.upstream.confirmed(), [("s".to_owned(), 6, 10)]);
    assert!(!running.published().0.contains(&"old".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_stream_is_finished_confirmed_and_let_go_while_others_go_on() {
    let running = start().await;
    running.broker.open_gate(false);
    running.upstream.give(events("s", 1, 0, &["a", "b"]));
    running.upstream.give(revoked("s", Duration::from_secs(30)));
    running.upstream.give(events("t", 1, 0, &["x"]));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!((running.upstream.released(), running.upstream.delivered()), (vec![], 3));
    running.broker.open_gate(true);
    running
        .upstream
        .until("it is let go", |up| up.released() == ["s"])
        .await;
    assert!(running.upstream.confirmed().contains(&("s".to_owned(), 1, 20)));
    running
        .upstream
        .until("the other goes on", |up| {
            up.confirmed().contains(&("t".to_owned(), 1, 10))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_revoked_stream_is_let_go_at_its_deadline_whatever_is_not_done() {
    let running = start().await;
    running.upstream.give(events("s", 1, 0, &["a"]));
    running.confirmed("s", 1, 10).await;
    running.broker.fail_with(Some(ErrorKind::Unavailable));
    running.upstream.give(events("s", 1, 10, &["b"]));
    running.upstream.give(revoked("s", Duration::from_secs(30)));
    running
        .upstream
        .until("it is let go", |up| up.released() == ["s"])
        .await;
    running.broker.fail_with(None);
    a_while().await;
    assert_eq!(running.upstream.confirmed().len(), 1);
    assert_eq!(running.published().0, ["a"], "another reader may have made it by now");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_let_go_in_time_though_nothing_more_fits() {
    let broker = MemoryBroker::new();
    let mut parts = parts(FakeSource::new(|events| Ok(forward(events))), &broker);
    parts.source.limits.queue_events_max = 2;
    let running = run(parts, broker).await;
    running.broker.open_gate(false);
    running.upstream.give(events("s", 1, 0, &["a", "b"]));
    running.upstream.give(revoked("s", Duration::from_secs(30)));
    running.upstream.give(events("t", 1, 0, &["x"]));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        (running.upstream.released(), running.upstream.delivered()),
        (vec!["s".to_owned()], 2)
    );
    running.broker.open_gate(true);
    running.confirmed("t", 1, 10).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_which_nothing_was_read_is_let_go_at_once() {
    let running = start().await;
    running.upstream.give(revoked("s", Duration::from_secs(3600)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(running.upstream.released(), ["s"]);
}

#[tokio::test(start_paused = true)]
async fn progress_without_events_is_confirmed_in_its_turn() {
    let running = start().await;
    running.upstream.give(passed("s", 1, 7));
    running.confirmed("s", 1, 7).await;
    running.broker.open_gate(false);
    running.upstream.give(events("s", 1, 10, &["a"]));
    (30..60).for_each(|position| running.upstream.give(passed("s", 1, position)));
    a_while().await;
    assert_eq!(running.upstream.confirmed().len(), 1);
    running.broker.open_gate(true);
    running.confirmed("s", 1, 59).await;
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_confirmed_whole() {
    let running = start().await;
    running.upstream.give(passed("slot", 1, 100));
    running.confirmed("slot", 1, 100).await;
    running.broker.open_gate(false);
    let mut transaction = events("slot", 1, 0, &["a", "b", "c"]);
    if let Delivery::Events { events, .. } = &mut transaction {
        events.iter_mut().for_each(|(_, position)| *position = 100u64.into());
    }
    running.upstream.give(transaction);
    running.broker.open_gate(true);
    running
        .broker
        .until("all is published", |broker| broker.published().len() == 3)
        .await;
    a_while().await;
    assert_eq!(running.upstream.confirmed().len(), 1, "its end was not read");
    running.upstream.give(passed("slot", 1, 200));
    running.confirmed("slot", 1, 200).await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_the_upstream_gave_is_that_of_the_records_and_of_the_dead_letter() {
    let running = start_picky(picky(|| None), OnInvalid::DeadLetter).await;
    let mut delivery = events("s", 1, 0, &["a", "bad"]);
    if let Delivery::Events { events, .. } = &mut delivery {
        let order = |event: &mut Event| event.attributes.push((ORDER_ATTRIBUTE.to_owned(), "4711".to_owned()));
        events.iter_mut().for_each(|(event, _)| order(event));
    }
    running.upstream.give(delivery);
    running.confirmed("s", 1, 20).await;
    for record in running.broker.published() {
        let orders = record.attributes.iter().filter(|(name, _)| name == ORDER_ATTRIBUTE);
        let orders: Vec<_> = orders.map(|(_, order)| order.as_str()).collect();
        assert_eq!(orders, ["4711"], "{}", record.topic);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_data_is_done_when_its_dead_letter_is_durable() {
    let running = start_picky(picky(|| None), OnInvalid::DeadLetter).await;
    running.broker.fail_with(Some(ErrorKind::Storage));
    running.upstream.give(events("s", 1, 0, &["a", "bad1", "b"]));
    a_while().await;
    assert_eq!(running.upstream.confirmed(), []);
    running.broker.fail_with(None);
    running.confirmed("s", 1, 30).await;
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(running.published(), (ids(&["a", "b"]), ids(&["bad1"])));
}

#[tokio::test(start_paused = true)]
async fn what_the_source_itself_cannot_take_is_a_dead_letter_and_done_when_that_is_durable() {
    let running = start_picky(picky(|| None), OnInvalid::DeadLetter).await;
    running.broker.fail_with(Some(ErrorKind::Storage));
    running.upstream.give(events("s", 1, 0, &["a"]));
    running.upstream.give(refused("s", 1, 20, "large", "it is too large"));
    running.upstream.give(events("s", 1, 20, &["b"]));
    a_while().await;
    assert_eq!(running.upstream.confirmed(), []);
    running.broker.fail_with(None);
    running.confirmed("s", 1, 30).await;
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(running.published(), (ids(&["a", "b"]), ids(&["large"])));
    let published = running.broker.published();
    let letter = published.iter().find(|record| record.topic.is_for_dead_letters());
    let why = letter.map(|letter| letter.attributes.iter().filter(|(name, _)| name == "dlq.message"));
    let why: Vec<_> = why.into_iter().flatten().map(|(_, why)| why.as_str()).collect();
    assert_eq!(why, ["it is too large"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_source_itself_cannot_take_is_skipped_or_stops_the_connector_as_its_endpoint_says() {
    let running = start_picky(picky(|| None), OnInvalid::Skip).await;
    running.upstream.give(refused("s", 1, 10, "large", "it is too large"));
    running.confirmed("s", 1, 10).await;
    assert_eq!(running.published(), (Vec::new(), Vec::new()));
    let running = start_picky(picky(|| None), OnInvalid::Stop).await;
    running.upstream.give(refused("s", 1, 10, "large", "it is too large"));
    running
        .fails_with("event large of stream s is refused, and on_invalid = \"stop\": it is too large")
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_larger_than_the_broker_takes_is_refused_alone_and_in_order() {
    let running = start().await;
    running.broker.fail_records_with(Some(("large", ErrorKind::TooLarge)));
    running.upstream.give(events("s", 1, 0, &["a", "large", "b"]));
    running.confirmed("s", 1, 30).await;
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(running.published(), (ids(&["a", "b"]), ids(&["large"])));
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_has_no_room_for_at_once_is_published_in_parts_and_in_order() {
    let running = start().await;
    running.broker.limit_groups(3);
    let ids: Vec<_> = (0..20).map(|i| format!("e{i}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    running.upstream.give(events("s", 1, 0, &ids));
    running.confirmed("s", 1, 200).await;
    assert_eq!(running.published().0, ids);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_large_even_for_a_dead_letter_stops_the_connector() {
    let running = start().await;
    running.broker.fail_with(Some(ErrorKind::TooLarge));
    running.upstream.give(events("s", 1, 0, &["a"]));
    running.fails_with("too large for a dead letter").await;
}

#[tokio::test(start_paused = true)]
async fn refused_data_may_be_skipped() {
    let running = start_picky(picky(|| None), OnInvalid::Skip).await;
    running.upstream.give(events("s", 1, 0, &["a", "bad1", "b"]));
    running.confirmed("s", 1, 30).await;
    assert_eq!(running.published().1, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn refused_data_may_stop_the_connector_and_is_not_confirmed() {
    let running = start_picky(picky(|| None), OnInvalid::Stop).await;
    running.upstream.give(events("s", 1, 0, &["bad1", "b"]));
    running
        .fails_with("event bad1 of stream s is refused, and on_invalid = \"stop\": refused: is bad")
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_event_on_which_the_component_crashes_becomes_a_dead_letter_whatever_becomes_of_refused_data() {
    for on_invalid in [
        OnInvalid::Reject,
        OnInvalid::DeadLetter,
        OnInvalid::Skip,
        OnInvalid::Stop,
    ] {
        let running = start_picky(picky(|| Some(trap())), on_invalid).await;
        running.upstream.give(events("s", 1, 0, &["a", "bad1", "b"]));
        running.confirmed("s", 1, 30).await;
        let (records, letters) = running.published();
        assert_eq!((records.len(), letters), (2, vec!["bad1".to_owned()]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_component_that_asks_for_another_try_is_called_again_in_order() {
    let tries = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let later = || {
        GuestError::Failure(Failure {
            kind: FailureKind::Retryable,
            code: 1,
            message: "not now".into(),
            retry_after: Some(Duration::from_secs(20)),
        })
    };
    let counted = tries.clone();
    let running = start_with(FakeSource::new(move |events| {
        match counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0..=3 => Err(later()),
            _ => Ok(forward(events)),
        }
    }))
    .await;
    running.upstream.give(events("s", 1, 0, &["a", "b"]));
    running.upstream.give(events("s", 1, 20, &["c"]));
    running.confirmed("s", 1, 30).await;
    assert_eq!(running.published().0, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_component_that_cannot_run_now_is_called_until_it_can() {
    let begun = Instant::now();
    let running = start_with(FakeSource::new(move |events| {
        match begun.elapsed() < Duration::from_secs(600) {
            true => Err(GuestError::Host {
                message: "no memory is left for instances".into(),
            }),
            false => Ok(forward(events)),
        }
    }))
    .await;
    running.upstream.give(events("s", 1, 0, &["a"]));
    running
        .status("is degraded", |status| matches!(status, Status::Degraded(_)))
        .await;
    running.confirmed("s", 1, 10).await;
    assert_eq!(running.source.status().borrow().clone(), Status::Running);
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_may_lose_is_not_confirmed_and_stops_the_connector() {
    let running = start().await;
    running.broker.promise_nothing();
    running.upstream.give(events("s", 1, 0, &["a"]));
    running.fails_with("buffer = { type = \"disk\"").await;
}

#[tokio::test(start_paused = true)]
async fn it_does_not_start_where_what_it_confirms_may_be_lost() {
    let broker = MemoryBroker::new();
    broker.promise_nothing();
    let started = PullSource::start(parts(FakeSource::new(|events| Ok(forward(events))), &broker)).await;
    let error = started.err().expect("it does not start");
    assert!(matches!(error, PullStartError::NotDurable(_)), "{error:?}");
    assert!(
        error.to_string().contains("the upstream cannot be told to forget it"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_transient_error_is_waited_out() {
    let running = start().await;
    (0..5).for_each(|_| running.upstream.fail(transient("the leader moves")));
    running
        .status("is degraded", |status| matches!(status, Status::Degraded(_)))
        .await;
    running
        .status("recovers in silence", |status| *status == Status::Running)
        .await;
    running.upstream.give(events("s", 1, 0, &["a"]));
    running.confirmed("s", 1, 10).await;
    assert_eq!(running.upstream.connects(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_is_followed_by_another_whose_epochs_count_anew() {
    let running = start().await;
    running.broker.open_gate(false);
    running.upstream.give(events("s", 9, 0, &["a"]));
    running.upstream.fail(UpstreamError::Disconnected {
        message: "the connection was reset".into(),
    });
    running
        .upstream
        .until("there is another", |up| up.connects() == 2)
        .await;
    running.broker.open_gate(true);
    a_while().await;
    assert_eq!((running.upstream.confirmed(), running.upstream.closes()), (vec![], 1));
    running.upstream.give(events("s", 1, 0, &["a"]));
    running.confirmed("s", 1, 10).await;
}

/// A password that is being rotated, a broker that is away for the night: the log is for what is new.
#[tokio::test(start_paused = true)]
async fn a_reason_for_which_there_is_no_session_is_logged_once_and_again_after_another() {
    let logs = Logs::from(tracing::Level::WARN);
    let broker = MemoryBroker::new();
    let source = PullSource::start(parts(FakeSource::new(|events| Ok(forward(events))), &broker));
    let source = source.await.expect("a source");
    let upstream = Scripted::default();
    upstream.fail_connects_with(Some(transient("bad password")));
    let (driver, script) = (source.driver(), Arc::new(upstream.clone()));
    let driving = tokio::spawn(async move { driver.drive(script).await });
    upstream.until("it has tried five times", |up| up.connects() >= 5).await;
    assert_eq!(logs.with("bad password"), 1);
    upstream.fail_connects_with(Some(transient("connection refused")));
    let tries = upstream.connects();
    upstream
        .until("it has tried again", |up| up.connects() >= tries + 3)
        .await;
    assert_eq!((logs.with("bad password"), logs.with("connection refused")), (1, 1));
    upstream.fail_connects_with(None);
    upstream.fail(UpstreamError::Disconnected {
        message: "connection refused".into(),
    });
    let tries = upstream.connects();
    upstream
        .until("there was a session", |up| up.connects() >= tries + 2)
        .await;
    assert_eq!(logs.with("connection refused"), 2, "after a session it is news");
    drop(source);
    driving.abort();
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_cannot_be_reached_is_tried_again_and_that_is_said() {
    let broker = MemoryBroker::new();
    let source = PullSource::start(parts(FakeSource::new(|events| Ok(forward(events))), &broker));
    let source = source.await.expect("a source");
    let upstream = Scripted::default();
    upstream.fail_connects_with(Some(transient("connection refused")));
    let (driver, script) = (source.driver(), Arc::new(upstream.clone()));
    let driving = tokio::spawn(async move { driver.drive(script).await });
    let running = Running {
        source,
        driving,
        broker,
        upstream,
    };
    let status = running
        .status("is degraded", |status| matches!(status, Status::Degraded(_)))
        .await;
    assert_eq!(status.reason(), Some("connection refused"));
    running
        .upstream
        .until("it is tried again", |up| up.connects() > 3)
        .await;
    running.upstream.fail_connects_with(None);
    running.upstream.give(events("s", 1, 0, &["a"]));
    running.confirmed("s", 1, 10).await;
    running.status("recovers", |status| *status == Status::Running).await;
}

#[tokio::test(start_paused = true)]
async fn what_only_somebody_else_can_cure_stops_the_connector() {
    let running = start().await;
    running.upstream.fail(UpstreamError::Configuration {
        message: "topic `orders` does not exist".into(),
    });
    running.fails_with("topic `orders` does not exist").await;
}

#[tokio::test(start_paused = true)]
async fn what_the_upstream_has_lost_stops_the_connector_and_is_said() {
    let running = start().await;
    running.upstream.fail(UpstreamError::Gap {
        message: "offsets 10 to 99 of orders/3 are gone".into(),
    });
    running
        .fails_with("has lost what was not read: offsets 10 to 99 of orders/3 are gone")
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_panics_is_a_crash_that_a_fresh_start_may_cure() {
    let running = start().await;
    running.upstream.give(events("s", 1, 0, &["a"]));
    running.confirmed("s", 1, 10).await;
    running.upstream.panic();
    let status = running
        .status("crashes", |status| matches!(status, Status::Crashed(_)))
        .await;
    assert!(
        status.reason().is_some_and(|why| why.contains("told to panic")),
        "{status:?}"
    );
    assert!(matches!(running.driving.await, Ok(DriveEnd::Failed { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_that_failed_is_made_again_and_that_is_said() {
    let running = start().await;
    running
        .upstream
        .fail_confirms_with(Some(transient("the coordinator is away")));
    running.upstream.give(events("s", 1, 0, &["a", "b"]));
    let status = running
        .status("is degraded", |status| matches!(status, Status::Degraded(_)))
        .await;
    assert_eq!(status.reason(), Some("the coordinator is away"));
    running.upstream.give(events("t", 1, 0, &["x"]));
    running.upstream.fail_confirms_with(None);
    running
        .upstream
        .until("all is confirmed", |up| {
            let confirmed = up.confirmed();
            confirmed.contains(&("s".to_owned(), 1, 20)) && confirmed.contains(&("t".to_owned(), 1, 10))
        })
        .await;
    running.status("recovers", |status| *status == Status::Running).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_confirms_and_closes_what_was_read() {
    let running = start().await;
    running.broker.open_gate(false);
    running.upstream.give(events("s", 1, 0, &["a", "b"]));
    running.upstream.until("they are read", |up| up.delivered() == 2).await;
    let stopping = tokio::spawn({
        let source = running.source.clone();
        async move { source.drain(Instant::now() + Duration::from_secs(60)).await }
    });
    tokio::time::sleep(Duration::from_secs(10)).await;
    running.upstream.give(events("s", 1, 20, &["c"]));
    assert!(!stopping.is_finished());
    running.broker.open_gate(true);
    stopping.await.expect("no panic");
    assert_eq!(running.upstream.confirmed().last(), Some(&("s".to_owned(), 1, 20)));
    assert_eq!((running.upstream.closes(), running.upstream.delivered()), (1, 2));
    assert_eq!(running.driving.await.expect("no panic"), DriveEnd::Stopped);
    assert_eq!(running.source.status().borrow().clone(), Status::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_at_its_deadline_and_confirms_nothing_that_is_not_done() {
    let running = start().await;
    running.broker.fail_with(Some(ErrorKind::Unavailable));
    running.upstream.give(events("s", 1, 0, &["a"]));
    running
        .broker
        .until("it is refused", |broker| broker.refusals() > 0)
        .await;
    let begun = Instant::now();
    running.source.drain(begun + Duration::from_secs(20)).await;
    assert!(begun.elapsed() < Duration::from_secs(22), "{:?}", begun.elapsed());
    assert_eq!((running.upstream.confirmed(), running.upstream.closes()), (vec![], 1));
}

#[tokio::test(start_paused = true)]
async fn a_notebook_in_memory_remembers_what_was_put_and_forgets_what_was_taken_out() {
    let notebook = MemoryNotebook::default();
    let note = |key: &str, value: Option<&'static [u8]>| (key.to_owned(), value.map(bytes::Bytes::from_static));
    let put = notebook
        .put(vec![note("lsn", Some(b"1")), note("system", Some(b"x"))])
        .await;
    put.expect("it is written");
    let put = notebook.put(vec![note("lsn", Some(b"2")), note("system", None)]).await;
    put.expect("it is written");
    assert_eq!(notebook.get("lsn").await, Ok(Some("2".into())));
    assert_eq!(notebook.get("system").await, Ok(None));
}

/// A pull source with metrics, and these.
async fn start_measured() -> (Running, Arc<Metrics>) {
    let broker = MemoryBroker::new();
    let mut parts = parts(FakeSource::new(|events| Ok(forward(events))), &broker);
    let metrics = Metrics::new().expect("metrics");
    let id = ConnectorId::try_new("test", "source").expect("a name");
    parts.source.instruments = Instruments::new(metrics.connector(&id), Tracing::default());
    (run(parts, broker).await, metrics)
}

/// The lines of a metric, without what all have in common.
fn metric(metrics: &Metrics, name: &str) -> Vec<String> {
    let name = format!("danube_wasm_source_{name}{{connector=\"test/source\"");
    let text = metrics.render();
    let lines = text.lines().filter_map(|line| line.strip_prefix(&name));
    lines.map(|line| line.trim_start_matches(',').to_owned()).collect()
}

async fn shows(metrics: &Metrics, name: &str, lines: &[&str]) {
    let shown = async {
        while metric(metrics, name) != lines {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), shown).await;
    assert!(waited.is_ok(), "{name} is {:?}, not {lines:?}", metric(metrics, name));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_confirmed_is_counted_and_grows_older() {
    let (running, metrics) = start_measured().await;
    shows(&metrics, "unconfirmed_messages", &["} 0"]).await;
    let fault = transient("not now");
    running.upstream.fail_confirms_with(Some(fault));
    running.upstream.give(events("s", 1, 0, &["a", "b"]));
    running.upstream.give(passed("s", 1, 25));
    running.upstream.give(events("t", 1, 0, &["c"]));
    shows(&metrics, "unconfirmed_messages", &["} 3"]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let age = |line: &String| line.trim_start_matches("} ").parse::<f64>().expect("a number");
    let ages: Vec<_> = metric(&metrics, "oldest_unconfirmed_age_seconds")
        .iter()
        .map(age)
        .collect();
    assert!(matches!(ages[..], [age] if age >= 59.0), "{ages:?}");
    let failures = metric(&metrics, "confirm_failures_total");
    assert!(
        matches!(&failures[..], [line] if line.starts_with("kind=\"transient\"} ")),
        "{failures:?}"
    );
    running.upstream.fail_confirms_with(None);
    shows(&metrics, "unconfirmed_messages", &["} 0"]).await;
    shows(&metrics, "oldest_unconfirmed_age_seconds", &["} 0"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_with_its_session_is_not_unconfirmed_and_the_new_session_is_counted() {
    let (running, metrics) = start_measured().await;
    running.broker.open_gate(false);
    running.upstream.give(events("s", 1, 0, &["a", "b"]));
    shows(&metrics, "unconfirmed_messages", &["} 2"]).await;
    assert_eq!(metric(&metrics, "reconnects_total"), [""; 0]);
    running.upstream.fail_connects_with(Some(transient("refused")));
    running.upstream.fail(UpstreamError::Disconnected {
        message: "gone".to_owned(),
    });
    running
        .upstream
        .until("it is tried three times", |up| up.connects() == 4)
        .await;
    shows(&metrics, "unconfirmed_messages", &["} 0"]).await;
    shows(
        &metrics,
        "reconnects_total",
        &[&format!("}} {}", running.upstream.connects() - 1)],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_upstream_keeps_is_shown_while_there_is_a_session() {
    let (running, metrics) = start_measured().await;
    let keeps = |streams: &[(&str, Option<u64>, Option<u64>)]| running.upstream.keeps(streams);
    keeps(&[("orders/0", Some(7), None), ("orders/1", Some(0), Some(4096))]);
    let lags = ["stream=\"orders/0\"} 7", "stream=\"orders/1\"} 0"];
    shows(&metrics, "lag_messages", &lags).await;
    shows(&metrics, "retained_bytes", &["stream=\"orders/1\"} 4096"]).await;
    keeps(&[("orders/1", Some(3), None)]);
    shows(&metrics, "lag_messages", &["stream=\"orders/1\"} 3"]).await;
    shows(&metrics, "retained_bytes", &[]).await;
    running.upstream.fail_connects_with(Some(transient("refused")));
    running.upstream.fail(UpstreamError::Disconnected {
        message: "gone".to_owned(),
    });
    shows(&metrics, "lag_messages", &[]).await;
}

/// So that a topic of ten thousand partitions does not make as many series.
#[tokio::test(start_paused = true)]
async fn of_many_streams_those_that_are_furthest_behind_are_shown_by_themselves() {
    let (running, metrics) = start_measured().await;
    let names: Vec<_> = (0..102).map(|i| format!("orders/{i}")).collect();
    let backlogs: Vec<_> = (0..)
        .zip(&names)
        .map(|(i, name)| (name.as_str(), Some(i), Some(1)))
        .collect();
    running.upstream.keeps(&backlogs);
    let others = |name: &str| -> Vec<String> {
        let lines = metric(&metrics, name).into_iter();
        lines.filter(|line| line.starts_with("stream=\"others\"")).collect()
    };
    let shown = async {
        while metric(&metrics, "lag_messages").len() != 101 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), shown)
        .await
        .expect("all are shown");
    assert_eq!(others("lag_messages"), ["stream=\"others\"} 1"]);
    assert_eq!(others("retained_bytes"), ["stream=\"others\"} 2"]);
}
