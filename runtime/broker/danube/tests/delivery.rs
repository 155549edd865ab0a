//! What a broker owes its consumers: messages that it skips, partitions that stand still, and sources that wait for sinks.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{Broker, Consumer, Delivery, Publisher};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_model::SubscriptionType;
use support::{Wire, consumer_options, publish, receive, record, reliable, soon, topic, until};
use tokio::sync::watch;

const TOPIC: &str = "/default/t";

struct Scene {
    wire: Wire,
    client: Arc<Danube>,
    consumer: Box<dyn Consumer>,
    delivery: watch::Receiver<Delivery>,
    publisher: Arc<dyn Publisher>,
    published: usize,
}

impl Scene {
    async fn new(kind: SubscriptionType, change: impl FnOnce(&mut DanubeOptions)) -> Self {
        let wire = Wire::start().await;
        let mut options = wire.options();
        options.gap_filled_within = Duration::from_millis(300);
        options.standstill_after = Duration::from_millis(600);
        change(&mut options);
        let client = Danube::open(options).unwrap();
        let topic = topic(TOPIC);
        client.create_topic(&topic, reliable(0)).await.unwrap();
        let consumer = soon(client.subscribe(consumer_options(&topic, kind))).await.unwrap();
        let publisher = client.publisher("p/source").await.unwrap();
        Self {
            delivery: consumer.delivery(),
            wire,
            client,
            consumer,
            publisher,
            published: 0,
        }
    }

    async fn publish(&mut self, n: usize) {
        self.publish_of(None, n).await;
    }

    async fn publish_of(&mut self, key: Option<&str>, n: usize) {
        let topic = topic(TOPIC);
        let records = (self.published..self.published + n)
            .map(|i| record(&topic, key, i))
            .collect();
        self.published += n;
        assert!(publish(&*self.publisher, records).await.iter().all(Result::is_ok));
    }

    /// Receives so many and acknowledges them.
    async fn process(&mut self, n: usize) {
        let messages = receive(&mut *self.consumer, n).await;
        let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
        soon(self.consumer.acker().ack(&ids)).await.unwrap();
    }

    async fn until(&mut self, what: &str, holds: impl FnMut(&Delivery) -> bool) -> Delivery {
        let waited = soon(self.delivery.wait_for(holds)).await;
        waited
            .unwrap_or_else(|_| panic!("{what}: the consumer is gone"))
            .clone()
    }
}

#[tokio::test]
async fn what_danube_skips_is_counted_and_told_until_it_is_acknowledged() {
    let mut scene = Scene::new(SubscriptionType::Exclusive, |_| ()).await;
    scene.wire.state.deliver(TOPIC, |s| s.skips = (5..8).collect());
    scene.publish(20).await;
    scene.process(17).await;
    let found = scene.until("a gap", |delivery| delivery.gap.is_some()).await;
    assert_eq!(found.gap_messages, 3);
    let why = found.gap.unwrap();
    assert!(
        why.contains("/default/t offsets 5 to 7") && why.contains("acknowledge-gaps FILE /default/t sub"),
        "{why}"
    );
    // One of them comes after all.
    scene.wire.state.give(TOPIC, 6);
    scene.process(1).await;
    let ranges = |client: &Danube| {
        client
            .gaps()
            .iter()
            .map(|gap| (gap.first, gap.last))
            .collect::<Vec<_>>()
    };
    assert_eq!(ranges(&scene.client), [(5, 5), (7, 7)]);
    let topic = topic(TOPIC);
    assert_eq!(scene.client.acknowledge_gaps(&topic, "sub").len(), 2);
    let after = scene
        .until("it is acknowledged", |delivery| delivery.gap.is_none())
        .await;
    assert_eq!(after.gap_messages, 3, "a counter does not fall");
}

#[tokio::test]
async fn nothing_is_skipped_where_messages_come_out_of_order_or_again() {
    let mut scene = Scene::new(SubscriptionType::Exclusive, |_| ()).await;
    scene.wire.state.deliver(TOPIC, |s| s.skips = [3, 9].into());
    scene.publish(20).await;
    scene.process(18).await;
    scene.wire.state.give(TOPIC, 9);
    scene.wire.state.give(TOPIC, 3);
    scene.process(2).await;
    scene.wire.state.redeliver(TOPIC);
    // Another session begins with what is not acknowledged, and with holes.
    scene.wire.state.deliver(TOPIC, |s| {
        for again in [2, 11, 15] {
            s.acked.remove(&again);
        }
    });
    scene.wire.state.hang_up();
    until("streaming again", || {
        scene.wire.state.with(TOPIC, |t| t.subscriptions["sub"].is_streaming()) == Some(true)
    })
    .await;
    scene.publish(20).await;
    scene.process(20).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(*scene.delivery.borrow(), Delivery::default());
}

#[tokio::test]
async fn a_partition_that_gives_nothing_of_what_it_confirmed_stands_still() {
    for kind in [SubscriptionType::Exclusive, SubscriptionType::KeyShared] {
        let mut scene = Scene::new(kind, |_| ()).await;
        scene.publish(5).await;
        scene.process(5).await;
        scene.wire.state.deliver(TOPIC, |s| s.stands_still = true);
        scene.publish(1).await;
        let found = scene
            .until("a standstill", |delivery| delivery.standstill.is_some())
            .await;
        let why = found.standstill.unwrap();
        assert!(
            why.contains("/default/t stands still") && why.contains("topics unload"),
            "{kind:?}: {why}"
        );
        scene.wire.state.deliver(TOPIC, |s| s.stands_still = false);
        scene.process(1).await;
        scene
            .until("it goes on", |delivery| delivery.standstill.is_none())
            .await;
    }
}

/// A key that never came here may be another consumer's.
#[tokio::test]
async fn a_message_of_another_key_is_not_missed_on_key_shared() {
    let mut scene = Scene::new(SubscriptionType::KeyShared, |_| ()).await;
    scene.publish_of(Some("mine"), 5).await;
    scene.process(5).await;
    scene.wire.state.deliver(TOPIC, |s| s.stands_still = true);
    scene.publish_of(Some("other"), 20).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(*scene.delivery.borrow(), Delivery::default());
    scene.publish_of(Some("mine"), 1).await;
    scene
        .until("a standstill", |delivery| delivery.standstill.is_some())
        .await;
}

/// A message that the sink has in hand, or that others may have got, is no standstill.
#[tokio::test]
async fn who_has_something_to_do_or_others_beside_it_does_not_stand_still() {
    for kind in [SubscriptionType::Exclusive, SubscriptionType::Shared] {
        let mut scene = Scene::new(kind, |_| ()).await;
        scene.publish(5).await;
        let in_hand = receive(&mut *scene.consumer, 5).await;
        scene.wire.state.deliver(TOPIC, |s| s.stands_still = true);
        scene.publish(3).await;
        if kind == SubscriptionType::Shared {
            let ids: Vec<_> = in_hand.iter().map(|message| message.message_id).collect();
            soon(scene.consumer.acker().ack(&ids)).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(*scene.delivery.borrow(), Delivery::default(), "{kind:?}");
    }
}

/// Danube skips what a live reader is more than 256 messages behind with.
#[tokio::test]
async fn a_source_waits_for_the_sink_of_its_process() {
    let mut scene = Scene::new(SubscriptionType::Exclusive, |options| {
        // Standing still is another matter.
        options.standstill_after = Duration::from_secs(600);
        options.publish_timeout = Duration::from_secs(1);
    })
    .await;
    // A consumer is waited for from its first message on.
    scene.publish(1).await;
    scene.process(1).await;
    scene.wire.state.deliver(TOPIC, |s| s.window = 10);
    let topic = topic(TOPIC);
    let records = (0..1_000).map(|n| record(&topic, None, n)).collect();
    let results = publish(&*scene.publisher, records).await;
    let taken = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(
        (taken, scene.wire.state.log(TOPIC).len()),
        (210, 211),
        "the window and 200, and the first"
    );
    let error = results.into_iter().find_map(Result::err).unwrap();
    assert!(
        error
            .message
            .contains("subscription `sub`, which this process consumes"),
        "{error}"
    );
    scene.process(10).await;
    scene.published = 1_000;
    scene.publish(10).await;
}
