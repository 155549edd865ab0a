//! A broker that is restarted. Where that is not possible from here, a case prints that it was skipped.

use std::time::Duration;

use danube_wasm_broker::{Broker, ErrorKind};
use danube_wasm_model::SubscriptionType::{Exclusive, Shared};

use crate::{
    Harness,
    test_case::{TestCase, ack, consume, publish_group, receive, receive_some, sorted, texts, within},
};

/// Messages, positions and schemas are there after it.
pub async fn positions_survive(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 2).await;
    let mut consumer = case.subscribe(Exclusive, "c").await;
    case.publish(&["a:1", "b:2", "c:3", "d:4"]).await;
    let messages = receive(&mut *consumer, 4).await;
    ack(&*consumer, &messages[..2]).await;
    let (acknowledged, left) = (texts(&messages[..2]), sorted(texts(&messages[2..])));
    drop(consumer);
    if !restarted(harness).await {
        return;
    }
    let case = TestCase {
        broker: harness.open().await,
        ..case
    };
    let mut consumer = case.subscribe(Exclusive, "c").await;
    if case.can.keeps_acknowledgements {
        let again = receive(&mut *consumer, 2).await;
        assert_eq!(sorted(texts(&again)), left);
        ack(&*consumer, &again).await;
    } else {
        let (mut due, mut fillers) = (left, 0);
        within(async {
            while !due.is_empty() && fillers < FILLERS_MAX {
                let again = publish_if_quiet(&case, receive_some(&mut *consumer, 4)).await;
                ack(&*consumer, &again).await;
                fillers += texts(&again).iter().filter(|text| **text == FILLER).count();
                due.retain(|text| !texts(&again).contains(text));
            }
        })
        .await;
        if !due.is_empty() {
            eprintln!("the broker went on without what it had not had acknowledged: {due:?}");
        }
    }
    case.publish(&["e:5"]).await;
    loop {
        let next = consume(&mut *consumer, 1).await;
        match texts(&next)[..] {
            ["5"] => return,
            [text] => assert!(
                !case.can.keeps_acknowledgements && (acknowledged.contains(&text) || text == FILLER),
                "{text}"
            ),
            _ => unreachable!("one was asked for"),
        }
    }
}

/// Publishers and consumers that were there before go on, or say that they are closed.
pub async fn sessions_go_on(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut consumer = case.subscribe(Shared, "c").await;
    let publisher = case.publisher().await;
    publish_group(&*publisher, vec![case.record("", "before")])
        .await
        .expect("published");
    let before = receive(&mut *consumer, 1).await;
    ack(&*consumer, &before).await;
    if !restarted(harness).await {
        return;
    }
    if !case.can.handles_survive {
        let error = publish_group(&*publisher, vec![case.record("", "late")])
            .await
            .expect_err("closed");
        assert_eq!(error.kind, ErrorKind::Closed, "{error}");
        let error = within(consumer.receive(1)).await.expect_err("closed");
        assert_eq!(error.kind, ErrorKind::Closed, "{error}");
        return;
    }
    // What was under way may be refused; trying again must work.
    within(async {
        while let Err(error) = publish_group(&*publisher, vec![case.record("", "after")]).await {
            assert!(error.is_transient(), "{error}");
        }
    })
    .await;
    within(async {
        loop {
            match publish_if_quiet(&case, consumer.receive(1)).await {
                Ok(messages) => {
                    ack(&*consumer, &messages).await;
                    if texts(&messages) == ["after"] || texts(&messages) == [FILLER] {
                        return;
                    }
                }
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        }
    })
    .await;
    within(ready(&*case.broker)).await;
}

/// What is published to a broker that stands still.
const FILLER: &str = "nudge";
/// Whoever has so many of them has had what was before them, or will not have it.
const FILLERS_MAX: usize = 4;
/// How long a broker is silent before it is taken to stand still.
const QUIET_TIME: Duration = Duration::from_secs(1);

/// Waits for something; where acknowledgements are not kept, with a message more whenever the broker is silent. Danube
/// (0.15.1) may hand out nothing after its restart until the next message comes, and skips as many as it has lost.
async fn publish_if_quiet<T>(case: &TestCase<'_>, wait: impl Future<Output = T>) -> T {
    let mut wait = std::pin::pin!(wait);
    loop {
        match tokio::time::timeout(QUIET_TIME, &mut wait).await {
            Ok(value) => return value,
            Err(_) if case.can.keeps_acknowledgements => {}
            // It may be refused: the next one is tried in a second.
            Err(_) => {
                let publisher = case.publisher().await;
                let _ = publish_group(&*publisher, vec![case.record("", FILLER)]).await;
            }
        }
    }
}

async fn ready(broker: &dyn Broker) {
    while broker.ready().await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn restarted(harness: &dyn Harness) -> bool {
    let restarted = harness.restart().await;
    if !restarted {
        eprintln!("skipped: this broker cannot be restarted from here, so what comes after a restart was not seen");
    }
    restarted
}
