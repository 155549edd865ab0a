//! The sink loop against fakes, in virtual time.

mod fakes;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use danube_wasm_model::{
    SubscriptionType::{Exclusive, Shared},
    columns::{Rejection, RejectionKind},
    door::{EgressError, Failure, FailureKind, GuestError},
    message::{MessageBatch, WriteBatch},
};
use danube_wasm_pipeline::{BatchPolicy, Instruments, OnPoison, PauseSwitch, RetryPolicy, Sink, SinkParts, Status};
use danube_wasm_schema::Schemas;
use fakes::{FakeSink, MemoryBroker, MemoryRegistry, MemoryTable, insert, trap};
use tokio::time::Instant;

async fn start(guest: FakeSink, broker: &MemoryBroker, table: &Arc<MemoryTable>, policy: BatchPolicy) -> Arc<Sink> {
    start_with(guest, broker, table, policy, PauseSwitch::default()).await
}

async fn start_with(
    guest: FakeSink,
    broker: &MemoryBroker,
    table: &Arc<MemoryTable>,
    policy: BatchPolicy,
    pause: PauseSwitch,
) -> Arc<Sink> {
    let parts = SinkParts {
        guest: Arc::new(guest),
        broker: Arc::new(broker.clone()),
        consumer: "consumer".into(),
        schemas: Arc::new(Schemas::new(Arc::new(MemoryRegistry::default()))),
        egress: table.clone(),
        batches: vec![policy],
        retry_policy: RetryPolicy::default(),
        instruments: Instruments::default(),
    };
    Sink::start_with(parts, pause).await.expect("a sink")
}

fn numbered<'a>(n: u64) -> Vec<(u64, Option<&'a str>, &'a str)> {
    (0..n).map(|i| (i, None, "ok")).collect()
}

fn all(n: u64) -> Vec<u64> {
    (0..n).collect()
}

/// Says of every batch with `never` in it that it will pass later.
fn later_for_ever() -> FakeSink {
    FakeSink::new(Shared, |m| {
        if m.payloads.iter().any(|p| p == b"never") {
            let failure = Failure {
                kind: FailureKind::Retryable,
                code: 0,
                message: "later".into(),
                retry_after: None,
            };
            return Err(GuestError::Failure(failure));
        }
        Ok(insert(m))
    })
}

fn transient() -> EgressError {
    EgressError::Transient {
        message: "the database is away".into(),
        retry_after: None,
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_acknowledged_only_after_the_write() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    *table.fault.lock() = Some(transient());
    let sink = start(
        FakeSink::new(Shared, |m| Ok(insert(m))),
        &broker,
        &table,
        BatchPolicy::default(),
    )
    .await;
    broker.deliver(numbered(10));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(*table.calls.lock() > 10, "it kept trying for an hour");
    assert_eq!(broker.acked(), Vec::<u64>::new());
    assert!(matches!(*sink.status().borrow(), Status::Degraded(_)));
    *table.fault.lock() = None;
    broker.until("all are acknowledged", |b| b.acked() == all(10)).await;
    assert_eq!(table.bodies().len(), 10);
    assert_eq!(*sink.status().borrow(), Status::Running);
}

#[tokio::test(start_paused = true)]
async fn a_paused_sink_reads_nothing_and_writes_what_it_had_read() {
    let (broker, table, pause) = (
        MemoryBroker::new(),
        Arc::new(MemoryTable::default()),
        PauseSwitch::default(),
    );
    let guest = FakeSink::new(Shared, |m| Ok(insert(m)));
    let sink = start_with(guest, &broker, &table, BatchPolicy::default(), pause.clone()).await;
    broker.deliver(numbered(3));
    broker.until("they are acknowledged", |b| b.acked() == all(3)).await;
    assert!(pause.set(true) && !pause.set(true));
    let mut status = sink.status();
    status
        .wait_for(|status| *status == Status::Paused)
        .await
        .expect("it lives");
    broker.deliver((3..6).map(|i| (i, None, "ok")));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(broker.acked(), all(3));
    assert_eq!(table.bodies().len(), 3);
    pause.set(false);
    broker.until("the rest is acknowledged", |b| b.acked() == all(6)).await;
    assert_eq!(*sink.status().borrow(), Status::Running);
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_by_count_or_when_the_stream_is_idle() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = FakeSink::new(Shared, |m| Ok(insert(m)));
    let calls = guest.calls.clone();
    let policy = BatchPolicy {
        messages_max: 4,
        ..BatchPolicy::default()
    };
    let _sink = start(guest, &broker, &table, policy).await;
    let begun = Instant::now();
    broker.deliver(numbered(10));
    broker.until("all are acknowledged", |b| b.acked() == all(10)).await;
    assert_eq!(*calls.lock(), [4, 4, 2]);
    assert!(
        begun.elapsed() < policy.linger,
        "the last two did not wait out the linger"
    );
}

#[tokio::test(start_paused = true)]
async fn one_poisonous_message_becomes_a_dead_letter_and_order_is_kept() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = FakeSink::new(Exclusive, |m| {
        if m.payloads.iter().any(|p| p == b"poison") {
            Err(trap())
        } else {
            Ok(insert(m))
        }
    });
    let _sink = start(guest, &broker, &table, BatchPolicy::default()).await;
    let texts: Vec<String> = (0..100)
        .map(|i| if i == 42 { "poison".into() } else { format!("{i}") })
        .collect();
    broker.deliver(
        texts
            .iter()
            .enumerate()
            .map(|(i, text)| (i as u64, Some("k"), text.as_str())),
    );
    broker.until("all are acknowledged", |b| b.acked() == all(100)).await;
    let expected: Vec<_> = texts.iter().filter(|t| *t != "poison").cloned().collect();
    assert_eq!(table.bodies(), expected);
    let letters = broker.published();
    assert_eq!(letters.len(), 1);
    let attribute = |name: &str| {
        letters[0]
            .attributes
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    };
    assert_eq!(letters[0].topic.as_str(), "/test/dlq-test--sink");
    assert_eq!(&letters[0].payload[..], b"poison");
    assert_eq!(attribute("dlq.reason"), Some("crashed"));
    assert_eq!(attribute("dlq.backtrace"), Some("poll"));
    assert_eq!(attribute("dlq.id"), Some("test/source/in:e42.0"));
    // The whole batch, its halves down to the poison alone, and that once more.
    assert_eq!(attribute("dlq.attempts"), Some("9"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_the_target_refuses_takes_only_its_message_along() {
    let (broker, table) = (
        MemoryBroker::new(),
        Arc::new(MemoryTable {
            refuses: Some("bad"),
            ..MemoryTable::default()
        }),
    );
    let _sink = start(
        FakeSink::new(Shared, |m| Ok(insert(m))),
        &broker,
        &table,
        BatchPolicy::default(),
    )
    .await;
    broker.deliver([(0, None, "ok"), (1, None, "bad"), (2, None, "ok2")]);
    broker.until("all are acknowledged", |b| b.acked() == all(3)).await;
    assert_eq!(table.bodies(), ["ok", "ok2"]);
    assert!(
        broker.published()[0]
            .attributes
            .contains(&("dlq.reason".into(), "target_refused".into()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_merge_of_ten_acknowledges_all_ten() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = FakeSink::new(Shared, |m| {
        let mut writes = WriteBatch::default();
        writes.targets.push("table");
        writes.payloads.push(b"{\"count\":10}");
        writes.origins.push(&(0..m.len() as u32).collect::<Vec<_>>());
        Ok(writes)
    });
    let _sink = start(guest, &broker, &table, BatchPolicy::default()).await;
    broker.deliver(numbered(10));
    broker.until("all are acknowledged", |b| b.acked() == all(10)).await;
    let id = table.ids().pop_first().expect("a row");
    assert!(id.starts_with("test/source/in:e0.0.0+"), "{id}");
    assert_eq!(table.ids().len(), 1);
}

/// One write for all messages of a batch.
fn merge_all(m: &MessageBatch) -> WriteBatch {
    let mut writes = WriteBatch::default();
    writes.targets.push("table");
    writes.payloads.push(&m.payloads.iter().collect::<Vec<_>>().join(&b'+'));
    writes.origins.push(&(0..m.len() as u32).collect::<Vec<_>>());
    writes
}

#[tokio::test(start_paused = true)]
async fn a_merge_that_is_grouped_otherwise_at_redelivery_loses_nothing() {
    let table = Arc::new(MemoryTable::default());
    // The acknowledgement of the first delivery is lost: it comes again, together with what was published meanwhile.
    let deliveries = [vec![(0, None, "a")], vec![(0, None, "a"), (1, None, "b")]];
    for messages in deliveries {
        let broker = MemoryBroker::new();
        let guest = FakeSink::new(Shared, |m| Ok(merge_all(m)));
        let _sink = start(guest, &broker, &table, BatchPolicy::default()).await;
        let n = messages.len();
        broker.deliver(messages);
        broker.until("all are acknowledged", |b| b.acked().len() == n).await;
    }
    assert_eq!(table.bodies(), ["a", "a+b"], "`b` is not taken for `a`");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_message_does_not_take_its_merge_partners_along() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = FakeSink::new(Shared, |m| {
        let mut writes = WriteBatch::default();
        writes.targets.push("table");
        writes.payloads.push(m.len().to_string().as_bytes());
        writes.origins.push(&(0..m.len() as u32).collect::<Vec<_>>());
        for i in (0..m.len()).filter(|i| m.payloads.get(*i) == b"bad") {
            writes.rejected.push(Rejection {
                origin: i as u32,
                kind: RejectionKind::InvalidData,
                message: "is bad".into(),
            });
        }
        Ok(writes)
    });
    let _sink = start(guest, &broker, &table, BatchPolicy::default()).await;
    broker.deliver([(0, None, "a"), (1, None, "bad"), (2, None, "c")]);
    broker.until("all are acknowledged", |b| b.acked() == all(3)).await;
    assert_eq!(table.bodies(), ["2"], "merged again, without the refused one");
    assert_eq!(broker.published().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_component_that_drops_everything_writes_nothing_and_acknowledges() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = FakeSink::new(Shared, |_| Ok(WriteBatch::default()));
    let _sink = start(guest, &broker, &table, BatchPolicy::default()).await;
    broker.deliver(numbered(7));
    broker.until("all are acknowledged", |b| b.acked() == all(7)).await;
    assert_eq!((table.bodies().len(), *table.calls.lock()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn retryable_is_retried_ten_times_then_the_batch_is_halved() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = later_for_ever();
    let calls = guest.calls.clone();
    let _sink = start(guest, &broker, &table, BatchPolicy::default()).await;
    broker.deliver([(0, None, "ok"), (1, None, "never")]);
    broker.until("all are acknowledged", |b| b.acked() == all(2)).await;
    assert_eq!(table.bodies(), ["ok"]);
    assert_eq!(broker.published().len(), 1);
    assert_eq!(
        calls.lock().iter().filter(|n| **n == 2).count(),
        11,
        "once and ten times more"
    );
}

#[tokio::test(start_paused = true)]
async fn a_blocked_key_waits_and_other_keys_go_on() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = FakeSink::new(Exclusive, |m| {
        if m.payloads.iter().any(|p| p == b"poison") {
            Err(trap())
        } else {
            Ok(insert(m))
        }
    });
    let policy = BatchPolicy {
        on_poison: OnPoison::BlockKey,
        ..BatchPolicy::default()
    };
    let sink = start(guest, &broker, &table, policy).await;
    broker.deliver([
        (0, Some("a"), "poison"),
        (1, Some("b"), "b1"),
        (2, Some("a"), "a2"),
        (3, Some("b"), "b3"),
    ]);
    broker.until("the other key went on", |b| b.acked() == [1, 3]).await;
    assert_eq!(table.bodies(), ["b1", "b3"]);
    let given_back: BTreeSet<u64> = broker.nacked().iter().map(|(offset, _)| *offset).collect();
    assert_eq!(given_back, BTreeSet::from([0, 2]));
    assert!(matches!(*sink.status().borrow(), Status::Degraded(_)));
    assert_eq!(broker.published().len(), 0, "nothing was set aside");
    // The message is mended (as a component's new version would): the key is free again.
    broker.deliver([(0, Some("a"), "mended")]);
    broker.until("the message has passed", |b| b.acked() == [0, 1, 3]).await;
    broker.deliver([(2, Some("a"), "a2")]);
    broker.until("the key is free", |b| b.acked() == all(4)).await;
    assert_eq!(table.bodies(), ["b1", "b3", "mended", "a2"]);
}

/// Refuses `bad` as data; `trap` traps.
fn particular() -> FakeSink {
    FakeSink::new(Exclusive, |m| {
        if m.payloads.iter().any(|p| p == b"trap") {
            return Err(trap());
        }
        let mut writes = insert(m);
        for i in (0..m.len()).filter(|i| m.payloads.get(*i) == b"bad") {
            writes.rejected.push(Rejection {
                origin: i as u32,
                kind: RejectionKind::InvalidData,
                message: "is bad".into(),
            });
        }
        Ok(writes)
    })
}

fn blocking() -> BatchPolicy {
    BatchPolicy {
        on_poison: OnPoison::BlockKey,
        ..BatchPolicy::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_blocks_the_later_ones_of_its_key_in_its_batch_too() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let _sink = start(particular(), &broker, &table, blocking()).await;
    broker.deliver([
        (0, Some("a"), "a0"),
        (1, Some("a"), "bad"),
        (2, Some("b"), "b2"),
        (3, Some("a"), "a3"),
    ]);
    broker.until("the rest went on", |b| b.acked() == [0, 2]).await;
    broker.until("the key waits", |b| b.nacked().len() == 2).await;
    assert_eq!(table.bodies(), ["a0", "b2"]);
}

#[tokio::test(start_paused = true)]
async fn what_waited_for_a_blocked_key_is_not_overtaken_when_the_key_is_free() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let _sink = start(particular(), &broker, &table, blocking()).await;
    broker.deliver([(0, Some("a"), "trap"), (1, Some("a"), "a1")]);
    broker.until("both wait", |b| b.nacked().len() == 2).await;
    // Mended; and the third was on its way before the second comes again.
    broker.deliver([(0, Some("a"), "mended")]);
    broker.until("the first has passed", |b| b.acked() == [0]).await;
    broker.deliver([(2, Some("a"), "a2")]);
    broker.until("the third waits", |b| b.nacked().len() == 3).await;
    broker.deliver([(1, Some("a"), "a1"), (2, Some("a"), "a2")]);
    broker.until("all are acknowledged", |b| b.acked() == all(3)).await;
    assert_eq!(table.bodies(), ["mended", "a1", "a2"]);
}

#[tokio::test(start_paused = true)]
async fn a_poisonous_message_that_never_comes_again_does_not_block_its_key_for_ever() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let _sink = start(particular(), &broker, &table, blocking()).await;
    broker.deliver([(0, Some("a"), "trap"), (1, Some("a"), "a1")]);
    broker.until("both wait", |b| b.nacked().len() == 2).await;
    // An operator moves the subscription past the first.
    for deliveries in 2..4 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        broker.deliver([(1, Some("a"), "a1")]);
        broker
            .until("it waits again, or passes", |b| {
                b.nacked().len() > deliveries || b.acked() == [1]
            })
            .await;
    }
    assert_eq!(table.bodies(), ["a1"]);
}

#[tokio::test(start_paused = true)]
async fn on_poison_stop_stops_and_leaves_the_message() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let policy = BatchPolicy {
        on_poison: OnPoison::Stop,
        ..BatchPolicy::default()
    };
    let sink = start(FakeSink::new(Shared, |_| Err(trap())), &broker, &table, policy).await;
    broker.deliver(numbered(1));
    let mut status = sink.status();
    status
        .wait_for(|s| matches!(s, Status::Failed(_)))
        .await
        .expect("a failure");
    assert_eq!((broker.acked().len(), broker.published().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_cannot_be_written_holds_its_message() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    broker.fail_with(Some(danube_wasm_broker::ErrorKind::Storage));
    let _sink = start(
        FakeSink::new(Shared, |_| Err(trap())),
        &broker,
        &table,
        BatchPolicy::default(),
    )
    .await;
    broker.deliver(numbered(1));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(broker.acked(), Vec::<u64>::new());
    broker.fail_with(None);
    broker
        .until("the letter is written, then acknowledged", |b| b.acked() == all(1))
        .await;
    assert_eq!(broker.published().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn draining_with_a_dead_target_leaves_the_batch_and_does_not_wait_out_the_grace() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    *table.fault.lock() = Some(transient());
    let sink = start(
        FakeSink::new(Shared, |m| Ok(insert(m))),
        &broker,
        &table,
        BatchPolicy::default(),
    )
    .await;
    broker.deliver(numbered(3));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let begun = Instant::now();
    sink.drain(begun + Duration::from_secs(30)).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(broker.acked(), Vec::<u64>::new());
    assert_eq!(*sink.status().borrow(), Status::Stopped);
}

#[tokio::test(start_paused = true)]
async fn draining_finishes_what_was_read() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let sink = start(
        FakeSink::new(Shared, |m| Ok(insert(m))),
        &broker,
        &table,
        BatchPolicy::default(),
    )
    .await;
    broker.deliver(numbered(3));
    tokio::time::sleep(Duration::from_millis(1)).await;
    sink.drain(Instant::now() + Duration::from_secs(30)).await;
    assert_eq!(broker.acked(), all(3));
    assert_eq!(table.bodies().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn draining_acknowledges_what_is_written_although_the_broker_was_away_until_now() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = FakeSink::new(Shared, |m| Ok(insert(m)));
    let sink = start(guest, &broker, &table, BatchPolicy::default()).await;
    broker.fail_acks_with(Some(danube_wasm_broker::ErrorKind::Unavailable));
    broker.deliver(numbered(3));
    // By now the next try is seconds away.
    broker.until("acknowledgements wait", |b| b.refusals() > 8).await;
    broker.fail_acks_with(None);
    sink.drain(Instant::now() + Duration::from_secs(30)).await;
    assert_eq!(broker.acked(), all(3));
}

#[tokio::test(start_paused = true)]
async fn a_component_that_used_up_its_retries_gets_no_more_within_the_batch() {
    let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
    let guest = later_for_ever();
    let calls = guest.calls.clone();
    let sink = start(guest, &broker, &table, BatchPolicy::default()).await;
    broker.deliver((0..64).map(|i| (i, None, if i == 40 { "never" } else { "ok" })));
    broker.until("all are acknowledged", |b| b.acked() == all(64)).await;
    assert_eq!(table.bodies().len(), 63);
    let tries = calls.lock().len();
    assert!(tries <= 11 + 2 * 6 + 2, "{tries} calls: ten tries once, then halving");
    assert_eq!(*sink.status().borrow(), Status::Running);
}
