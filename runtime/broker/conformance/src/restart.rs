//! A broker that is restarted. Where that cannot be done from here, a case says that it was skipped.

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
        let mut due = left;
        while !due.is_empty() {
            let again = within(receive_some(&mut *consumer, 4)).await;
            ack(&*consumer, &again).await;
            due.retain(|text| !texts(&again).contains(text));
        }
    }
    scene.publish(&["e:5"]).await;
    loop {
        let next = consume(&mut *consumer, 1).await;
        match texts(&next)[..] {
            ["5"] => return,
            [text] => assert!(
                !scene.can.keeps_acknowledgements && acknowledged.contains(&text),
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
            match consumer.receive(1).await {
                Ok(messages) => {
                    ack(&*consumer, &messages).await;
                    if texts(&messages) == ["after"] {
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
