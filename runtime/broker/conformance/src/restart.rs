//! A broker that is restarted. Where that cannot be done from here, a case says that it was skipped.

use std::time::Duration;

use danube_wasm_broker::{Broker, ErrorKind};
use danube_wasm_model::SubscriptionType::{Exclusive, Shared};

use crate::{
    Harness,
    scene::{Scene, ack, consume, publish_group, receive, receive_some, sorted, texts, within},
};

/// Messages, positions and schemas are there after it.
pub async fn positions_survive(harness: &dyn Harness) {
    let scene = Scene::with_topic(harness, 2).await;
    let mut consumer = scene.subscribe(Exclusive, "c").await;
    scene.publish(&["a:1", "b:2", "c:3", "d:4"]).await;
    let messages = receive(&mut *consumer, 4).await;
    ack(&*consumer, &messages[..2]).await;
    let (acknowledged, left) = (texts(&messages[..2]), sorted(texts(&messages[2..])));
    drop(consumer);
    if !restarted(harness).await {
        return;
    }
    let scene = Scene {
        broker: harness.open().await,
        ..scene
    };
    let mut consumer = scene.subscribe(Exclusive, "c").await;
    if scene.can.keeps_acknowledgements {
        let again = receive(&mut *consumer, 2).await;
        assert_eq!(sorted(texts(&again)), left);
        ack(&*consumer, &again).await;
    } else {
        let (mut due, mut nudges) = (left, 0);
        within(async {
            while !due.is_empty() && nudges < NUDGES_MAX {
                let again = nudged(&scene, receive_some(&mut *consumer, 4)).await;
                ack(&*consumer, &again).await;
                nudges += texts(&again).iter().filter(|text| **text == NUDGE).count();
                due.retain(|text| !texts(&again).contains(text));
            }
        })
        .await;
        if !due.is_empty() {
            eprintln!("the broker went on without what it had not had acknowledged: {due:?}");
        }
    }
    scene.publish(&["e:5"]).await;
    loop {
        let next = consume(&mut *consumer, 1).await;
        match texts(&next)[..] {
            ["5"] => return,
            [text] => assert!(
                !scene.can.keeps_acknowledgements && (acknowledged.contains(&text) || text == NUDGE),
                "{text}"
            ),
            _ => unreachable!("one was asked for"),
        }
    }
}

/// Publishers and consumers that were there before go on, or say that they are closed.
pub async fn sessions_go_on(harness: &dyn Harness) {
    let scene = Scene::with_topic(harness, 0).await;
    let mut consumer = scene.subscribe(Shared, "c").await;
    let publisher = scene.publisher().await;
    publish_group(&*publisher, vec![scene.record("", "before")])
        .await
        .expect("published");
    let before = receive(&mut *consumer, 1).await;
    ack(&*consumer, &before).await;
    if !restarted(harness).await {
        return;
    }
    if !scene.can.handles_survive {
        let error = publish_group(&*publisher, vec![scene.record("", "late")])
            .await
            .expect_err("closed");
        assert_eq!(error.kind, ErrorKind::Closed, "{error}");
        let error = within(consumer.receive(1)).await.expect_err("closed");
        assert_eq!(error.kind, ErrorKind::Closed, "{error}");
        return;
    }
    // What was under way may be refused; trying again must work.
    within(async {
        while let Err(error) = publish_group(&*publisher, vec![scene.record("", "after")]).await {
            assert!(error.is_transient(), "{error}");
        }
    })
    .await;
    within(async {
        loop {
            match nudged(&scene, consumer.receive(1)).await {
                Ok(messages) => {
                    ack(&*consumer, &messages).await;
                    if texts(&messages) == ["after"] || texts(&messages) == [NUDGE] {
                        return;
                    }
                }
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        }
    })
    .await;
    within(ready(&*scene.broker)).await;
}

/// What is published to a broker that stands still.
const NUDGE: &str = "nudge";
/// Whoever has so many of them has had what was before them, or will not have it.
const NUDGES_MAX: usize = 4;
/// How long a broker is silent before it is taken to stand still.
const SILENCE: Duration = Duration::from_secs(1);

/// Waits for something; where acknowledgements are not kept, with a message more whenever the broker is silent. Danube
/// (0.15.1) may hand out nothing after its restart until the next message comes, and skips as many as it has lost.
async fn nudged<T>(scene: &Scene<'_>, wait: impl Future<Output = T>) -> T {
    let mut wait = std::pin::pin!(wait);
    loop {
        match tokio::time::timeout(SILENCE, &mut wait).await {
            Ok(value) => return value,
            Err(_) if scene.can.keeps_acknowledgements => {}
            // It may be refused: the next one is tried in a second.
            Err(_) => {
                let publisher = scene.publisher().await;
                let _ = publish_group(&*publisher, vec![scene.record("", NUDGE)]).await;
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
