//! What a process knows of the orders that were given before it began, when the wall clock was set back meanwhile.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::{path::Path, sync::Arc, time::Instant};

use danube_wasm_broker::{
    Broker, ErrorKind, Outgoing,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{SubscriptionType::Exclusive, clock::OrderClock, identity::ORDER_ATTRIBUTE};
use support::*;

/// To when the wall clock is set back, by an hour.
const THEN: u64 = 1_764_000_000_000;
const HOUR: u64 = 3_600_000;

/// Opens the log as soon as the process before has let go of it.
async fn open_at(directory: &Path, wall_ms: u64) -> (Arc<EmbeddedBroker>, Arc<OrderClock>) {
    let clock = OrderClock::new(move || wall_ms);
    let begun = Instant::now();
    loop {
        let options = EmbeddedOptions {
            orders: Some(clock.clone()),
            clock: Arc::new(move || wall_ms),
            ..keeping_nothing()
        };
        match EmbeddedBroker::open(directory, options) {
            Ok(broker) => return (broker, clock),
            Err(error) => assert_eq!(error.kind, ErrorKind::Conflict, "{error}"),
        }
        assert!(begun.elapsed() < DEADLINE, "the log is still in use");
        tokio::task::yield_now().await;
    }
}

fn stamped(clock: &OrderClock, text: &str) -> (Outgoing, u64) {
    let (mut record, order) = (record("", text), clock.next());
    record.attributes.push((ORDER_ATTRIBUTE.to_owned(), order.to_string()));
    (record, order)
}

#[tokio::test]
async fn they_include_what_was_on_its_way_when_the_process_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (broker, clock) = open_at(directory.path(), THEN + HOUR).await;
    create(&*broker, 0).await;
    let publisher = broker.publisher("test").await.unwrap();
    let (record, before) = stamped(&clock, "a");
    // Handed over, and nobody waits for the answer.
    drop(publisher.publish(vec![vec![record]]));
    drop((publisher, broker));

    let (broker, clock) = open_at(directory.path(), THEN).await;
    let after = clock.next();
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let messages = receive(&mut *consumer, 1).await;
    assert_eq!(messages[0].stamp(), Some(before));
    assert!(after > before, "{after} after {before}");
    broker.close().await.unwrap();
}

#[tokio::test]
async fn they_include_what_the_log_no_longer_holds() {
    let directory = tempfile::tempdir().unwrap();
    let (broker, clock) = open_at(directory.path(), THEN + HOUR).await;
    create(&*broker, 0).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let publisher = broker.publisher("test").await.unwrap();
    let (record, before) = stamped(&clock, "a");
    try_publish(&*publisher, vec![record]).await.unwrap();
    let messages = receive(&mut *consumer, 1).await;
    ack(&*consumer, &messages).await;
    broker.close().await.unwrap();
    drop((publisher, consumer, broker));

    let (broker, clock) = open_at(directory.path(), THEN).await;
    assert_eq!(broker.lag().await.unwrap()[0].messages, 0);
    let after = clock.next();
    assert!(after > before, "{after} after {before}");
    broker.close().await.unwrap();
}
