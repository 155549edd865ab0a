//! Looking through what a subscription has not acknowledged: by offset, however much there is, and without disturbing anybody.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use danube_wasm_broker::{Broker, ErrorKind, Message, embedded::Browse};
use danube_wasm_model::SubscriptionType;
use support::*;

const SUBSCRIPTION: &str = "subscription";

/// More than a subscription gives to its consumers unacknowledged.
const MESSAGES: usize = 70_000;

async fn all(mut browse: Browse) -> Vec<Message> {
    let mut found = Vec::new();
    loop {
        match browse.next(1000).await.unwrap() {
            page if page.is_empty() => return found,
            page => found.extend(page),
        }
    }
}

fn numbers(messages: &[Message]) -> Vec<usize> {
    let number = |message: &Message| String::from_utf8_lossy(&message.payload).parse().unwrap();
    messages.iter().map(number).collect()
}

async fn publish_numbers(broker: &dyn Broker, numbers: std::ops::Range<usize>) {
    let publisher = broker.publisher("test").await.unwrap();
    let all: Vec<_> = numbers.map(|n| record("", &n.to_string())).collect();
    for some in all.chunks(1000) {
        try_publish(&*publisher, some.to_vec()).await.unwrap();
    }
}

#[tokio::test]
async fn more_than_a_window_is_looked_through_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    drop(subscribe(&*broker, SubscriptionType::Failover, "keeper").await);
    publish_numbers(&*broker, 0..MESSAGES).await;
    let browse = broker.browse(&topic(), SUBSCRIPTION).unwrap();
    publish_numbers(&*broker, MESSAGES..MESSAGES + 10).await;
    let found = all(browse).await;
    assert_eq!(
        numbers(&found),
        (0..MESSAGES).collect::<Vec<_>>(),
        "those that were there when it began"
    );

    // Acknowledged messages are skipped, whichever consumer acknowledged them and in whichever order.
    let acker = broker.acker(&topic(), SUBSCRIPTION).unwrap();
    let places = ids(&found);
    let (last, middle, first) = (&places[MESSAGES - 5..], &places[200..300], &places[..100]);
    for some in [last, middle, first] {
        acker.ack(some).await.unwrap();
    }
    let left = |from: usize| {
        let open = move |n: &usize| *n >= from && !(200..300).contains(n) && !(MESSAGES - 5..MESSAGES).contains(n);
        (100..MESSAGES + 10).filter(open).collect::<Vec<_>>()
    };
    assert_eq!(
        numbers(&all(broker.browse(&topic(), SUBSCRIPTION).unwrap()).await),
        left(100)
    );

    // A page that was begun knows what is acknowledged meanwhile.
    let mut browse = broker.browse(&topic(), SUBSCRIPTION).unwrap();
    assert_eq!(numbers(&browse.next(50).await.unwrap()), (100..150).collect::<Vec<_>>());
    acker.ack(&places[150..1000]).await.unwrap();
    assert_eq!(
        numbers(&browse.next(50).await.unwrap()),
        (1000..1050).collect::<Vec<_>>()
    );
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_look_takes_nothing_from_whoever_consumes_and_reaches_every_partition() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 3).await;
    let mut consumer = subscribe(&*broker, SubscriptionType::Shared, "reader").await;
    publish_numbers(&*broker, 0..30).await;
    let given = receive(&mut *consumer, 30).await;
    let mut found = numbers(&all(broker.browse(&topic(), SUBSCRIPTION).unwrap()).await);
    found.sort_unstable();
    assert_eq!(found, (0..30).collect::<Vec<_>>(), "also what is with a consumer");
    ack(&*consumer, &given).await;
    assert!(all(broker.browse(&topic(), SUBSCRIPTION).unwrap()).await.is_empty());
    for (of, subscription) in [(topic(), "nobody"), ("/test/none".parse().unwrap(), SUBSCRIPTION)] {
        let refused = broker.browse(&of, subscription).map(drop).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::NotFound);
    }
    broker.close().await.unwrap();
}
