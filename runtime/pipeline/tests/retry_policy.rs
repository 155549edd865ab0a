//! What a connector puts up with: crash loops, outages, and more dead letters than its budget. In virtual time.

mod fakes;

use std::{
    collections::{BTreeSet, HashMap},
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use danube_wasm_broker::ErrorKind;
use danube_wasm_model::{
    SubscriptionType::Shared,
    clock::OrderClock,
    columns::{Rejection, RejectionKind},
    door::{EgressError, Failure, FailureKind, GuestError, Intake, Outcome},
    event::RecordBatch,
    message::WriteBatch,
};
use danube_wasm_pipeline::{
    BatchPolicy, ErrorBudget, Instruments, OnInvalid, RetryPolicy, Sink, SinkParts, Source, SourceLimits, SourceParts,
    Status,
};
use danube_wasm_schema::Schemas;
use fakes::{FakeSink, FakeSource, MemoryBroker, MemoryRegistry, MemoryTable, event, forward, insert, trap};
use tokio::time::Instant;

fn letters(count: usize) -> RetryPolicy {
    RetryPolicy {
        dead_letters: ErrorBudget {
            count: NonZeroUsize::new(count).expect("not zero"),
            per: Duration::from_secs(60),
        },
        ..RetryPolicy::default()
    }
}

async fn sink(
    guest: FakeSink,
    broker: &MemoryBroker,
    table: &Arc<MemoryTable>,
    retry_policy: RetryPolicy,
) -> Arc<Sink> {
    let parts = SinkParts {
        guest: Arc::new(guest),
        broker: Arc::new(broker.clone()),
        consumer: "consumer".into(),
        schemas: Arc::new(Schemas::new(Arc::new(MemoryRegistry::default()))),
        egress: table.clone(),
        batches: vec![BatchPolicy::default()],
        retry_policy,
        instruments: Instruments::default(),
    };
    Sink::start(parts).await.expect("a sink")
}

async fn source(guest: FakeSource, broker: &MemoryBroker, retry_policy: RetryPolicy) -> Arc<Source> {
    let parts = SourceParts {
        guest: Arc::new(guest),
        broker: Arc::new(broker.clone()),
        ordered: Default::default(),
        validators: HashMap::new(),
        limits: SourceLimits::default(),
        on_invalid: HashMap::from([("/in".to_owned(), OnInvalid::DeadLetter)]),
        on_failure: HashMap::new(),
        retry_policy,
        clock: OrderClock::system(),
        instruments: Instruments::default(),
    };
    Source::start(parts).await.expect("a source")
}

fn refuses_all_events() -> FakeSource {
    FakeSource::new(|events| {
        let rejected = (0..events.payloads.len()).map(|origin| Rejection {
            origin: u32::try_from(origin).expect("few"),
            kind: RejectionKind::InvalidData,
            message: "not for me".into(),
        });
        Ok(RecordBatch {
            rejected: rejected.collect(),
            ..RecordBatch::default()
        })
    })
}

fn numbered<'a>(n: u64) -> Vec<(u64, Option<&'a str>, &'a str)> {
    (0..n).map(|i| (i, None, "ok")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_sink_whose_instances_keep_dying_is_called_ever_less_often_and_comes_back() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let (broken, calls) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let guest = FakeSink::new(Shared, {
        let (broken, calls) = (broken.clone(), calls.clone());
        move |messages| {
            calls.fetch_add(1, Ordering::Relaxed);
            match broken.load(Ordering::Relaxed) {
                true => Err(trap()),
                false => Ok(insert(messages)),
            }
        }
    });
    let retry_policy = RetryPolicy {
        waits: RetryPolicy::default().waits,
        ..letters(1_000_000)
    };
    let sink = sink(guest, &broker, &table, retry_policy).await;
    broker.deliver(numbered(500));
    let mut status = sink.status();
    status
        .wait_for(|s| matches!(s, Status::Degraded(why) if why.contains("20 in a row")))
        .await
        .expect("it runs");
    status
        .wait_for(|s| matches!(s, Status::Down(why) if why.contains("keep dying")))
        .await
        .expect("it runs");
    let before = calls.load(Ordering::Relaxed);
    // Not even while dead letters are made of what fails.
    let otherwise = status.wait_for(|s| !matches!(s, Status::Down(_)));
    let otherwise = tokio::time::timeout(Duration::from_secs(3600), otherwise).await;
    assert!(otherwise.is_err(), "it was not down all the time: {otherwise:?}");
    let tried = calls.load(Ordering::Relaxed) - before;
    assert!((60..=300).contains(&tried), "{tried} calls in an hour");
    broken.store(false, Ordering::Relaxed);
    broker
        .until("what was not blamed is written", |b| b.acked().len() == 500)
        .await;
    assert_eq!(*sink.status().borrow(), Status::Running);
    assert_eq!(table.bodies().len() + broker.published().len(), 500);
}

/// However large its batch: what is called to find the one message are not failures of their own.
#[tokio::test(start_paused = true)]
async fn a_message_that_crashes_a_sink_is_one_failure_of_its_delivery() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = FakeSink::new(Shared, |messages| {
        match messages.payloads.iter().any(|p| p == b"poison") {
            true => Err(trap()),
            false => Ok(insert(messages)),
        }
    });
    let mut retry_policy = letters(1_000_000);
    // Finding one of 256 takes ten calls that crash, of which at most eight are in a row.
    retry_policy.component.failures_max = 3;
    let sink = sink(guest, &broker, &table, retry_policy).await;
    let mut status = sink.status();
    let watching = tokio::spawn(async move {
        let down =
            status.wait_for(|s| matches!(s, Status::Degraded(why) | Status::Down(why) if why.contains("keep dying")));
        down.await.is_ok()
    });
    let begun = Instant::now();
    for batch in 0..5 {
        broker.deliver((0..256).map(|n| (256 * batch + n, None, if n == 0 { "poison" } else { "ok" })));
        broker
            .until("the batch is done", |b| b.acked().len() as u64 == 256 * (batch + 1))
            .await;
    }
    assert_eq!((table.bodies().len(), broker.published().len()), (5 * 255, 5));
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "nothing paused: {:?}",
        begun.elapsed()
    );
    assert!(!watching.is_finished(), "the circuit opened");

    // Three messages in a row that crash it are another matter.
    broker.deliver((2_000..2_003).map(|n| (n, None, "poison")));
    assert!(watching.await.expect("no panic"), "the circuit stays closed");
}

#[tokio::test(start_paused = true)]
async fn a_source_whose_instances_keep_dying_answers_503_between_tries_and_comes_back() {
    let broker = MemoryBroker::new();
    let broken = Arc::new(AtomicBool::new(true));
    let guest = FakeSource::new({
        let broken = broken.clone();
        move |events| match broken.load(Ordering::Relaxed) {
            true => Err(trap()),
            false => Ok(forward(events)),
        }
    });
    let source = source(guest, &broker, RetryPolicy::default()).await;
    let mut seen = BTreeSet::new();
    for i in 0..40 {
        match source.offer(event(&format!("e{i}"), "x")).await {
            Outcome::Failed { .. } => seen.insert("500"),
            Outcome::Unavailable { message, .. } => {
                assert!(message.contains("keeps crashing"), "{message}");
                seen.insert("503")
            }
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(seen, BTreeSet::from(["500", "503"]));
    assert!(matches!(*source.status().borrow(), Status::Degraded(_)));
    broken.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(matches!(source.offer(event("x", "x")).await, Outcome::Accepted { .. }));
    assert_eq!(*source.status().borrow(), Status::Running);
}

/// A load balancer sends nothing to what is not ready.
#[tokio::test(start_paused = true)]
async fn a_source_to_which_nothing_is_sent_after_an_outage_recovers() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|events| match events.payloads.iter().any(|p| p == b"poison") {
        true => Err(trap()),
        false => Ok(forward(events)),
    });
    let mut retry_policy = RetryPolicy::default();
    retry_policy.component.failures_max = 2;
    let source = source(guest, &broker, retry_policy).await;
    let mut status = source.status();

    broker.fail_with(Some(ErrorKind::Unavailable));
    let outcome = source.offer(event("a", "x")).await;
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(matches!(*status.borrow(), Status::Degraded(_)), "the broker is away");
    broker.fail_with(None);
    status.wait_for(|s| *s == Status::Running).await.expect("it runs");

    let outcome = source.offer(event("b", "poison")).await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    assert!(matches!(&*status.borrow(), Status::Degraded(why) if why.contains("keep dying")));
    status.wait_for(|s| *s == Status::Running).await.expect("it runs");
    assert!(matches!(source.offer(event("c", "x")).await, Outcome::Accepted { .. }));
}

#[tokio::test(start_paused = true)]
async fn letters_that_the_broker_does_not_take_cost_nothing_of_the_budget() {
    let broker = MemoryBroker::new();
    let source = source(refuses_all_events(), &broker, letters(3)).await;
    broker.fail_with(Some(ErrorKind::Unavailable));
    for _ in 0..20 {
        let outcome = source.offer(event("bad", "x")).await;
        assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    }
    broker.fail_with(None);
    let outcome = source.offer(event("bad", "x")).await;
    assert!(matches!(outcome, Outcome::DeadLettered { .. }), "{outcome:?}");
    assert_eq!(broker.published().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_a_component_asks_for_has_an_end() {
    let ages = || {
        GuestError::Failure(Failure {
            code: 0,
            kind: FailureKind::Retryable,
            message: "come back in 49 days".into(),
            retry_after: Some(Duration::from_millis(u32::MAX.into())),
        })
    };
    let broker = MemoryBroker::new();
    let asks = FakeSource::new(move |_| Err(ages()));
    let outcome = source(asks, &broker, RetryPolicy::default())
        .await
        .offer(event("a", "x"))
        .await;
    assert!(
        matches!(outcome, Outcome::Unavailable { retry_after, .. } if retry_after == Duration::from_secs(600)),
        "{outcome:?}"
    );

    let table = Arc::new(MemoryTable::default());
    let asks = FakeSink::new(Shared, move |_| Err(ages()));
    let _sink = sink(asks, &broker, &table, RetryPolicy::default()).await;
    broker.deliver(numbered(1));
    let begun = Instant::now();
    broker.until("it is a dead letter", |b| b.acked().len() == 1).await;
    let taken = begun.elapsed();
    assert!(taken < Duration::from_secs(700), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_always_traps_is_known_for_it_also_while_the_circuit_lets_one_call_through() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|events| match events.payloads.iter().any(|p| p == b"poison") {
        true => Err(trap()),
        false => Ok(forward(events)),
    });
    let mut retry_policy = RetryPolicy::default();
    retry_policy.component.failures_max = 1;
    let source = source(guest, &broker, retry_policy).await;
    // Two senders, each of which sends again for as long as it is told to; both at the same time.
    let senders = [event("a", "poison"), event("b", "ok")].map(|event| {
        let source = source.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                match source.offer(event.clone()).await {
                    Outcome::Unavailable { .. } => tokio::time::sleep(Duration::from_secs(60)).await,
                    known => return Some(known),
                }
            }
            None
        })
    });
    let [poison, neighbour] = senders;
    let (poison, neighbour) = (poison.await.expect("no panic"), neighbour.await.expect("no panic"));
    assert!(matches!(poison, Some(Outcome::Failed { .. })), "{poison:?}");
    assert!(matches!(neighbour, Some(Outcome::Accepted { .. })), "{neighbour:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_nothing_is_tried_every_few_seconds_while_senders_are_answered_at_once() {
    let broker = MemoryBroker::new();
    let source = source(
        FakeSource::new(|events| Ok(forward(events))),
        &broker,
        RetryPolicy::default(),
    )
    .await;
    broker.fail_with(Some(ErrorKind::Unavailable));
    for i in 0..20 {
        let outcome = source.offer(event(&format!("e{i}"), "x")).await;
        assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    }
    assert_eq!(broker.refusals(), 5, "the others were not tried");
    broker.fail_with(None);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(matches!(source.offer(event("x", "x")).await, Outcome::Accepted { .. }));
    assert!(matches!(source.offer(event("y", "x")).await, Outcome::Accepted { .. }));
}

#[tokio::test(start_paused = true)]
async fn while_the_target_is_away_one_lane_at_a_time_tries() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    *table.fault.lock() = Some(EgressError::Transient {
        message: "the database is away".into(),
        retry_after: None,
    });
    let mut guest = FakeSink::new(Shared, |m| Ok(insert(m)));
    guest.lanes = 8;
    let _sink = sink(guest, &broker, &table, RetryPolicy::default()).await;
    broker.deliver(numbered(4000));
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let tries = *table.calls.lock();
    assert!(tries <= 8 + 1500, "{tries} tries in {:?}", begun.elapsed());
    *table.fault.lock() = None;
    broker.until("all are written", |b| b.acked().len() == 4000).await;
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_dead_letters_everything_stops_before_it_has_emptied_its_topic() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let refuse_all = FakeSink::new(Shared, |messages| {
        let rejected = (0..messages.payloads.len()).map(|origin| Rejection {
            origin: u32::try_from(origin).expect("few"),
            kind: RejectionKind::InvalidData,
            message: "not for me".into(),
        });
        Ok(WriteBatch {
            rejected: rejected.collect(),
            ..WriteBatch::default()
        })
    });
    let sink = sink(refuse_all, &broker, &table, letters(10)).await;
    broker.deliver(numbered(100));
    let mut status = sink.status();
    let failed = status
        .wait_for(|s| matches!(s, Status::Failed(_)))
        .await
        .expect("it runs")
        .clone();
    assert!(
        matches!(&failed, Status::Failed(why) if why.contains("10 dead letters within 60 s")),
        "{failed:?}"
    );
    sink.drain(Instant::now() + Duration::from_secs(10)).await;
    assert_eq!(broker.published().len(), 10);
    assert_eq!(broker.acked().len(), 10, "the others stay in the broker");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_dead_letters_everything_stops_and_answers_503() {
    let broker = MemoryBroker::new();
    let source = source(refuses_all_events(), &broker, letters(3)).await;
    for i in 0..3 {
        let outcome = source.offer(event(&format!("e{i}"), "x")).await;
        assert!(matches!(outcome, Outcome::DeadLettered { .. }), "{outcome:?}");
    }
    for i in 3..5 {
        let outcome = source.offer(event(&format!("e{i}"), "x")).await;
        assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    }
    assert!(matches!(&*source.status().borrow(), Status::Failed(why) if why.contains("max_dead_letters")));
    assert_eq!(broker.published().len(), 3);
}

/// Its senders still have the events, and those that do not crash it pass.
#[tokio::test(start_paused = true)]
async fn a_source_does_not_stop_when_more_events_crash_it_than_dead_letters_are_allowed() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|events| match events.payloads.iter().any(|p| p == b"poison") {
        true => Err(trap()),
        false => Ok(forward(events)),
    });
    let source = source(guest, &broker, letters(2)).await;
    let mut said = Vec::new();
    for i in 0..4 {
        let poison = source.offer(event(&format!("p{i}"), "poison")).await;
        said.push(matches!(poison, Outcome::Failed { .. }));
        let healthy = source.offer(event(&format!("h{i}"), "x")).await;
        assert!(matches!(healthy, Outcome::Accepted { .. }), "{healthy:?}");
    }
    assert_eq!(said, [true, true, false, false]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let poison = source.offer(event("p4", "poison")).await;
    assert!(matches!(poison, Outcome::Failed { .. }), "{poison:?}");
    let letters = broker
        .published()
        .iter()
        .filter(|r| r.topic.is_for_dead_letters())
        .count();
    assert_eq!(letters, 3);
}
