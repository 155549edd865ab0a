//! What the sink loop does with single targets and single writes: targets that are unfit, writes that are put off,
//! operations that are not done, and what it tells the target of each write.

mod fakes;

use std::{sync::Arc, time::Duration};

use danube_wasm_model::{
    SubscriptionType::{self, Exclusive, KeyShared, Shared},
    door::Write,
};
use danube_wasm_pipeline::{BatchPolicy, Instruments, RetryPolicy, Sink, SinkParts, Status};
use danube_wasm_schema::Schemas;
use fakes::{
    FakeSink, MemoryBroker, MemoryRegistry,
    targets::{TwoTables, by_table},
};
use tokio::time::Instant;

struct Site {
    broker: MemoryBroker,
    tables: Arc<TwoTables>,
    sink: Arc<Sink>,
}

async fn start_with(guest: FakeSink, batches: Vec<BatchPolicy>) -> Site {
    let (broker, tables) = (MemoryBroker::new(), Arc::new(TwoTables::default()));
    let parts = SinkParts {
        guest: Arc::new(guest),
        broker: Arc::new(broker.clone()),
        consumer: "consumer".into(),
        schemas: Arc::new(Schemas::new(Arc::new(MemoryRegistry::default()))),
        egress: tables.clone(),
        batches,
        retry_policy: RetryPolicy::default(),
        instruments: Instruments::default(),
    };
    let sink = Sink::start(parts).await.expect("a sink");
    Site { broker, tables, sink }
}

async fn start(kind: SubscriptionType, lanes: usize) -> Site {
    let mut guest = FakeSink::new(kind, |messages| Ok(by_table(messages)));
    guest.lanes = lanes;
    start_with(guest, vec![BatchPolicy::default()]).await
}

impl Site {
    fn status(&self) -> Status {
        self.sink.status().borrow().clone()
    }

    async fn acked(&self, offsets: &[u64]) {
        let what = format!("{offsets:?} are acknowledged");
        self.broker.until(&what, |broker| broker.acked() == offsets).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_takes_no_writes_is_held_and_the_others_go_on() {
    let site = start(Exclusive, 1).await;
    site.tables.unfit.lock().insert("orders");
    site.broker.deliver([
        (0, Some("a"), "orders 0"),
        (1, Some("b"), "payments 1"),
        (2, Some("c"), "payments 2"),
    ]);
    site.acked(&[1, 2]).await;
    site.broker
        .deliver([(3, Some("d"), "orders 3"), (4, Some("e"), "payments 4")]);
    site.acked(&[1, 2, 4]).await;
    assert_eq!(
        site.status(),
        Status::Degraded("there is no table orders".to_owned()),
        "it is said"
    );
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let tries = site.tables.calls_of("orders");
    assert!((60..600).contains(&tries), "ever less often: {tries} in an hour");
    site.broker.deliver([(5, Some("f"), "payments 5")]);
    site.acked(&[1, 2, 4, 5]).await;

    site.tables.unfit.lock().clear();
    site.acked(&[0, 1, 2, 3, 4, 5]).await;
    assert_eq!(site.status(), Status::Running);
    assert!(site.broker.published().is_empty(), "no dead letters");
}

#[tokio::test(start_paused = true)]
async fn all_targets_can_be_held_at_once_and_come_back_one_by_one() {
    let site = start(Exclusive, 1).await;
    site.tables.unfit.lock().extend(["orders", "payments"]);
    site.broker
        .deliver([(0, Some("a"), "orders 0"), (1, Some("b"), "payments 1")]);
    site.broker
        .until("both were tried", |_| {
            site.tables.calls_of("orders") > 1 && site.tables.calls_of("payments") > 1
        })
        .await;
    site.tables.unfit.lock().remove("payments");
    site.acked(&[1]).await;
    assert_eq!(site.status(), Status::Degraded("there is no table orders".to_owned()));
    site.tables.unfit.lock().remove("orders");
    site.acked(&[0, 1]).await;
    assert_eq!(site.status(), Status::Running);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_its_key_overtakes_a_write_that_waits() {
    for (kind, overtakes) in [(Exclusive, false), (KeyShared, false), (Shared, true)] {
        let site = start(kind, 1).await;
        site.tables.unfit.lock().insert("orders");
        site.broker.deliver([
            (0, Some("a"), "orders 0"),
            (1, Some("a"), "payments 1"),
            (2, Some("b"), "payments 2"),
        ]);
        site.broker
            .until("the others are written", |b| b.acked().contains(&2))
            .await;
        site.broker
            .deliver([(3, Some("a"), "payments 3"), (4, Some("c"), "payments 4")]);
        site.broker
            .until("the others are written", |b| b.acked().contains(&4))
            .await;
        assert_eq!(site.broker.acked().contains(&3), overtakes, "{kind:?}");
        site.tables.unfit.lock().clear();
        site.acked(&[0, 1, 2, 3, 4]).await;
        let mut of_a = site.tables.bodies();
        of_a.retain(|body| ["orders 0", "payments 1", "payments 3"].contains(&body.as_str()));
        if !overtakes {
            assert_eq!(of_a, ["orders 0", "payments 1", "payments 3"], "{kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_put_off_is_written_again_and_the_rest_is_acknowledged() {
    let site = start(Exclusive, 1).await;
    site.tables.busy.lock().insert("orders 1");
    site.broker.deliver([
        (0, Some("a"), "orders 0"),
        (1, Some("b"), "orders 1"),
        (2, Some("b"), "payments 2"),
        (3, Some("c"), "payments 3"),
    ]);
    site.acked(&[0, 3]).await;
    assert_eq!(site.status(), Status::Degraded("the queue is full".to_owned()));
    site.broker
        .deliver([(4, Some("b"), "orders 4"), (5, Some("d"), "orders 5")]);
    site.acked(&[0, 3, 5]).await;
    let begun = Instant::now();
    site.broker
        .until("it was tried again", |_| site.tables.calls_of("payments") > 2)
        .await;
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "not before the target's wish"
    );
    site.tables.busy.lock().clear();
    site.acked(&[0, 1, 2, 3, 4, 5]).await;
    assert_eq!(site.status(), Status::Running);
    let calls = site.tables.bodies_of_calls();
    let first_again = calls.iter().find(|call| call[0] == "orders 1").expect("tried again");
    assert_eq!(
        *first_again,
        ["orders 1", "payments 2", "orders 4"],
        "only what is left, in order"
    );
    let bodies = site.tables.bodies();
    let place = |body: &str| bodies.iter().position(|written| written == body);
    assert!(place("orders 1") < place("payments 2") && place("payments 2") < place("orders 4"));
}

#[tokio::test(start_paused = true)]
async fn a_message_is_acknowledged_when_its_last_write_is_done() {
    let site = start(Shared, 1).await;
    site.tables.unfit.lock().insert("payments");
    site.broker.deliver([(0, None, "both 0"), (1, None, "orders 1")]);
    site.acked(&[1]).await;
    assert_eq!(site.tables.bodies(), ["orders of both 0", "orders 1"]);
    site.tables.unfit.lock().clear();
    site.acked(&[0, 1]).await;
    assert_eq!(site.tables.bodies().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_lane_at_a_time_tries_a_held_target_and_all_go_on_when_it_is_back() {
    let site = start(Shared, 8).await;
    site.tables.unfit.lock().insert("orders");
    let texts: Vec<String> = (0..4000).map(|i| format!("orders {i}")).collect();
    site.broker
        .deliver((0..).zip(&texts).map(|(i, text)| (i, None, text.as_str())));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let tries = site.tables.calls_of("orders");
    assert!(tries < 8 + 600, "{tries} tries in an hour");
    site.tables.unfit.lock().clear();
    site.broker
        .until("all are written", |broker| broker.acked().len() == 4000)
        .await;
    assert_eq!(
        site.tables.calls_of("orders") - tries,
        1 + 7,
        "one tries, the others follow"
    );
}

#[tokio::test(start_paused = true)]
async fn draining_leaves_what_waits_and_does_not_wait_for_it() {
    let site = start(Exclusive, 1).await;
    site.tables.unfit.lock().insert("orders");
    site.tables.busy.lock().insert("payments 1");
    site.broker.deliver([
        (0, Some("a"), "orders 0"),
        (1, Some("b"), "payments 1"),
        (2, Some("c"), "payments 2"),
    ]);
    site.acked(&[2]).await;
    let begun = Instant::now();
    site.sink.drain(begun + Duration::from_secs(60)).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(site.broker.acked(), [2]);
    assert_eq!(site.status(), Status::Stopped);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_a_target_does_not_do_is_refused_before_it_is_sent() {
    const DELETE: u8 = 3;
    let guest = FakeSink::new(Shared, |messages| {
        let mut writes = by_table(messages);
        writes.operations = vec![DELETE; writes.len()];
        Ok(writes)
    });
    let site = start_with(guest, vec![BatchPolicy::default()]).await;
    site.broker.deliver([(0, None, "orders 0"), (1, None, "payments 1")]);
    site.acked(&[0, 1]).await;
    assert_eq!(site.tables.bodies_of_calls(), [["orders 0"]]);
    let letters = site.broker.published();
    let message = letters[0].attributes.iter().find(|(name, _)| name == "dlq.message");
    assert_eq!(letters.len(), 1);
    assert_eq!(
        message.map(|(_, text)| text.as_str()),
        Some("the component asked for the operation `delete` on `payments`, which this target does not do")
    );
}

#[tokio::test(start_paused = true)]
async fn batches_are_as_the_egress_wishes_where_nothing_is_said() {
    let guest = FakeSink::new(Shared, |messages| Ok(by_table(messages)));
    let calls = guest.calls.clone();
    let site = start_with(guest, Vec::new()).await;
    site.broker.deliver((0..5).map(|i| (i, None, "orders")));
    site.acked(&[0, 1, 2, 3, 4]).await;
    assert_eq!(*calls.lock(), [2, 2, 1]);
}

/// Key and `redelivered` of each write of a call.
fn told(call: &[Write]) -> Vec<(Option<&[u8]>, bool)> {
    let each = call.iter();
    each.map(|write| (write.key.as_deref(), write.redelivered)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_write_says_what_its_order_is_kept_by_and_whether_it_may_be_there() {
    let partition = 0_u64.to_le_bytes();
    for (kind, keys) in [
        (Exclusive, [Some(&b"a"[..]), Some(&partition[..])]),
        (KeyShared, [Some(&b"a"[..]), None]),
        (Shared, [None, None]),
    ] {
        let site = start(kind, 1).await;
        *site.tables.lost_answers.lock() = 1;
        site.broker.deliver([(0, Some("a"), "orders 0"), (1, None, "orders 1")]);
        site.acked(&[0, 1]).await;
        site.broker.redeliver(2, None, "orders 2");
        site.acked(&[0, 1, 2]).await;
        let calls = site.tables.calls.lock();
        let expected = |redelivered| keys.map(|key| (key, redelivered)).to_vec();
        assert_eq!(told(&calls[0]), expected(false), "{kind:?}: the first time");
        assert_eq!(told(&calls[1]), expected(true), "{kind:?}: the answer was lost");
        assert_eq!(told(&calls[2]), [(keys[1], true)], "{kind:?}: delivered again");
    }
}
