//! Subscriptions: who gets what, in which order, and again when it was not done.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::{collections::HashMap, time::Duration};

use danube_wasm_broker::{
    Broker, Consumer, ConsumerOptions, DEAD_LETTER_HEADROOM_BYTES, ErrorKind, MessageId, SeekTo, StartAt, TopicSpec,
};
use danube_wasm_model::SubscriptionType::{self, Exclusive, Failover, KeyShared, Shared};
use support::*;
use tokio::time::Instant;

const KINDS: [SubscriptionType; 4] = [Exclusive, Shared, Failover, KeyShared];

#[tokio::test]
async fn a_message_arrives_as_it_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    let publisher = broker.publisher("webhook").await.unwrap();
    let sent = record("key", "text");
    try_publish(&*publisher, vec![sent.clone()]).await.unwrap();
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let message = receive(&mut *consumer, 1).await.remove(0);
    assert_eq!(message.topic, topic());
    assert_eq!((message.key, message.payload), (sent.key, sent.payload));
    assert_eq!((message.attributes, message.id), (sent.attributes, sent.id));
    assert_eq!((&*message.producer, message.redeliveries), ("webhook", 0));
    assert!(message.publish_time_ms > 1_600_000_000_000, "milliseconds since 1970");
}

#[tokio::test]
async fn only_what_was_published_since_a_consumer_connected_is_certainly_new() {
    for kind in KINDS {
        let directory = tempfile::tempdir().unwrap();
        let broker = open_with_topic(directory.path(), 0).await;
        let certainly_new = async |consumer: &mut Box<dyn Consumer>, n| {
            let messages = receive(&mut **consumer, n).await;
            let is_new = |message| consumer.is_first_delivery(message);
            messages.iter().map(is_new).collect::<Vec<_>>()
        };
        drop(subscribe(&*broker, kind, "a").await);
        publish(&*broker, &["before"]).await;
        let mut first = subscribe(&*broker, kind, "a").await;
        publish(&*broker, &["since"]).await;
        assert_eq!(certainly_new(&mut first, 2).await, [false, true], "{kind:?}");
        drop(first);
        let mut second = subscribe(&*broker, kind, "a").await;
        publish(&*broker, &["later"]).await;
        assert_eq!(certainly_new(&mut second, 3).await, [false, false, true], "{kind:?}");
        // Whoever moves the subscription back has everything delivered again.
        let admin = broker.admin().expect("an operator's side");
        admin.seek(&topic(), "subscription", SeekTo::Earliest).await.unwrap();
        publish(&*broker, &["last"]).await;
        assert_eq!(certainly_new(&mut second, 4).await, [false; 4], "{kind:?}");
    }
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_not_found() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open(directory.path());
    let publisher = broker.publisher("p").await.unwrap();
    let error = try_publish(&*publisher, vec![record("", "a")])
        .await
        .expect_err("no topic");
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("/test/topic does not exist"), "{error}");
    let error = broker
        .subscribe(consumer_options(Shared, "c"))
        .await
        .err()
        .expect("no topic");
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_refused_group_leaves_the_others_of_its_call() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    let publisher = broker.publisher("p").await.unwrap();
    let mut stray = record("", "stray");
    stray.topic = "/test/other".parse().unwrap();
    let groups = vec![
        vec![record("", "a")],
        vec![record("", "half"), stray],
        vec![],
        vec![record("", "b")],
    ];
    let results = publisher.publish(groups).await;
    let outcome: Vec<_> = results
        .iter()
        .map(|r| r.as_ref().map_err(|e| e.kind).map(|p| p.durable))
        .collect();
    assert_eq!(outcome, [Ok(true), Err(ErrorKind::NotFound), Ok(true), Ok(true)]);
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    assert_eq!(texts(&receive(&mut *consumer, 2).await), ["a", "b"]);
    receives_nothing(&mut *consumer).await;
}

#[tokio::test]
async fn a_record_at_the_limit_is_taken_and_one_past_it_is_not_but_for_a_dead_letter() {
    let directory = tempfile::tempdir().unwrap();
    let options = danube_wasm_broker::embedded::EmbeddedOptions {
        record_bytes_max: 4096,
        ..Default::default()
    };
    let broker = danube_wasm_broker::embedded::EmbeddedBroker::open(directory.path(), options).unwrap();
    create(&*broker, 0).await;
    let publisher = broker.publisher("p").await.unwrap();
    let mut record = record("", "");
    let mut fits = 0;
    for len in 3900..4200 {
        record.payload = vec![b'x'; len].into();
        match try_publish(&*publisher, vec![record.clone()]).await {
            Ok(_) => fits = len,
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::TooLarge);
                assert!(
                    error.message.contains("has 4097 bytes") && error.message.contains("takes 4096"),
                    "{error}"
                );
                break;
            }
        }
    }
    assert!((3900..4096).contains(&fits), "{fits}");

    // A dead letter of the largest record is larger than that.
    record.topic = record
        .topic
        .dead_letters_of(&danube_wasm_model::ConnectorId::try_new("p", "sink").unwrap());
    broker.create_topic(&record.topic, TopicSpec::default()).await.unwrap();
    for (len, taken) in [
        (fits + DEAD_LETTER_HEADROOM_BYTES - 100, true),
        (fits + DEAD_LETTER_HEADROOM_BYTES + 1, false),
    ] {
        record.payload = vec![b'x'; len].into();
        let published = try_publish(&*publisher, vec![record.clone()]).await;
        assert_eq!(published.is_ok(), taken, "{published:?}");
    }
}

#[tokio::test]
async fn partitions_are_confirmed_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 4).await;
    create(&*broker, 4).await;
    let spec = TopicSpec {
        partitions: 3,
        reliable_dispatch: true,
        ..TopicSpec::default()
    };
    let error = broker.create_topic(&topic(), spec).await.expect_err("differs");
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        error.message.contains("has 4 partitions and 3 were asked for"),
        "{error}"
    );
}

#[tokio::test]
async fn keys_keep_their_partition_and_keyless_records_go_round() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 4).await;
    publish(&*broker, &["foobar:0", "a:1", "foobar:2", "3", "4", "5", "6"]).await;
    let mut consumer = subscribe(&*broker, Shared, "c").await;
    let messages = receive(&mut *consumer, 7).await;
    let place: HashMap<_, _> = texts(&messages).into_iter().zip(ids(&messages)).collect();
    let first = ids(&messages).iter().map(|id| id.partition).min().unwrap();
    // FNV-1a of `foobar` and `a`, modulo 4, from the published vectors.
    assert_eq!(place["0"].partition - first, 0x8594_4171_f739_67e8 % 4);
    assert_eq!(place["1"].partition - first, 0xaf63_dc4c_8601_ec8c % 4);
    assert_eq!(place["0"].partition, place["2"].partition);
    let mut round: Vec<u64> = ["3", "4", "5", "6"].map(|text| place[text].partition - first).into();
    round.sort_unstable();
    assert_eq!(round, [0, 1, 2, 3]);
}

#[tokio::test]
async fn publish_times_never_go_backwards() {
    let directory = tempfile::tempdir().unwrap();
    let clock = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(5000));
    let now = clock.clone();
    let options = danube_wasm_broker::embedded::EmbeddedOptions {
        clock: std::sync::Arc::new(move || now.load(std::sync::atomic::Ordering::SeqCst)),
        ..Default::default()
    };
    let broker = danube_wasm_broker::embedded::EmbeddedBroker::open(directory.path(), options).unwrap();
    create(&*broker, 0).await;
    for now in [5000, 4000, 6000] {
        clock.store(now, std::sync::atomic::Ordering::SeqCst);
        publish(&*broker, &["x"]).await;
    }
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let times: Vec<u64> = receive(&mut *consumer, 3)
        .await
        .iter()
        .map(|m| m.publish_time_ms)
        .collect();
    assert_eq!(times, [5000, 5000, 6000]);
}

#[tokio::test]
async fn earliest_sees_what_is_there_and_latest_what_comes() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    publish(&*broker, &["old"]).await;
    let mut earliest = subscribe(&*broker, Exclusive, "c").await;
    let options = ConsumerOptions {
        subscription: "latest".into(),
        start: StartAt::Latest,
        ..consumer_options(Exclusive, "c")
    };
    let mut latest = broker.subscribe(options).await.unwrap();
    publish(&*broker, &["new"]).await;
    assert_eq!(texts(&receive(&mut *earliest, 2).await), ["old", "new"]);
    assert_eq!(texts(&receive(&mut *latest, 1).await), ["new"]);
    let lags: Vec<_> = broker
        .lag()
        .await
        .unwrap()
        .into_iter()
        .map(|l| (l.subscription, l.messages))
        .collect();
    assert_eq!(lags, [("latest".to_owned(), 1), ("subscription".to_owned(), 2)]);
}

#[tokio::test]
async fn a_waiting_consumer_is_woken_by_a_publish() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 2).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let (messages, ()) = tokio::join!(receive(&mut *consumer, 1), publish(&*broker, &["x"]));
    assert_eq!(texts(&messages), ["x"]);
}

#[tokio::test]
async fn a_cancelled_receive_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    for n in 0..50 {
        publish(&*broker, &[&n.to_string()]).await;
        let mut got = Vec::new();
        while got.is_empty() {
            // Polled a few times and dropped, wherever it is.
            let mut receive = std::pin::pin!(consumer.receive(10));
            for _ in 0..n % 3 {
                if let Some(result) = futures_util::FutureExt::now_or_never(&mut receive) {
                    got = result.unwrap();
                    break;
                }
                tokio::task::yield_now().await;
            }
            tokio::task::yield_now().await;
            if n % 3 == 0 {
                got = within(receive).await.unwrap();
            }
        }
        assert_eq!(texts(&got), [n.to_string()]);
        assert_eq!(got[0].redeliveries, 0);
    }
}

#[tokio::test]
async fn what_a_dropped_consumer_had_comes_again_in_order() {
    for kind in KINDS {
        let directory = tempfile::tempdir().unwrap();
        let broker = open_with_topic(directory.path(), 0).await;
        publish(&*broker, &["k:0", "k:1", "k:2", "k:3", "k:4"]).await;
        let mut first = subscribe(&*broker, kind, "first").await;
        let messages = receive(&mut *first, 4).await;
        ack(&*first, &messages[1..2]).await;
        drop(first);
        let mut second = subscribe(&*broker, kind, "second").await;
        let again = receive(&mut *second, 4).await;
        assert_eq!(texts(&again), ["0", "2", "3", "4"], "{kind:?}");
        let redeliveries: Vec<u32> = again.iter().map(|m| m.redeliveries).collect();
        assert_eq!(redeliveries, [1, 1, 1, 0], "{kind:?}");
    }
}

#[tokio::test]
async fn an_exclusive_subscription_has_one_consumer() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    publish(&*broker, &["a"]).await;
    let mut first = subscribe(&*broker, Exclusive, "one").await;
    receive(&mut *first, 1).await;
    let error = broker
        .subscribe(consumer_options(Exclusive, "two"))
        .await
        .err()
        .expect("occupied");
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.contains("consumer `one` has it"), "{error}");
    // The same consumer after a restart.
    let mut again = subscribe(&*broker, Exclusive, "one").await;
    assert_eq!(texts(&receive(&mut *again, 1).await), ["a"]);
    assert_eq!(
        within(first.receive(1)).await.expect_err("taken over").kind,
        ErrorKind::Conflict
    );
    // The loser's end changes nothing.
    drop(first);
    publish(&*broker, &["b"]).await;
    assert_eq!(texts(&receive(&mut *again, 1).await), ["b"]);
}

#[tokio::test]
async fn the_type_changes_only_while_nobody_consumes() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    publish(&*broker, &["k:a", "k:b"]).await;
    let mut shared = subscribe(&*broker, Shared, "one").await;
    let messages = receive(&mut *shared, 2).await;
    ack(&*shared, &messages[..1]).await;
    let error = broker
        .subscribe(consumer_options(KeyShared, "two"))
        .await
        .err()
        .expect("differs");
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        error.message.contains("Shared") && error.message.contains("KeyShared"),
        "{error}"
    );
    drop(shared);
    let mut key_shared = subscribe(&*broker, KeyShared, "two").await;
    assert_eq!(texts(&receive(&mut *key_shared, 1).await), ["b"]);
}

#[tokio::test]
async fn failover_goes_to_the_next_when_the_active_one_leaves() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    let mut active = subscribe(&*broker, Failover, "active").await;
    let mut standby = subscribe(&*broker, Failover, "standby").await;
    publish(&*broker, &["a", "b"]).await;
    receives_nothing(&mut *standby).await;
    assert_eq!(texts(&receive(&mut *active, 2).await), ["a", "b"]);
    let (messages, ()) = tokio::join!(receive(&mut *standby, 2), async { drop(active) });
    assert_eq!(texts(&messages), ["a", "b"]);
}

#[tokio::test]
async fn shared_spreads_messages_over_consumers() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    publish(&*broker, &["k:a", "k:b", "k:c", "k:d"]).await;
    let mut one = subscribe(&*broker, Shared, "one").await;
    let mut two = subscribe(&*broker, Shared, "two").await;
    assert_eq!(texts(&receive(&mut *one, 2).await), ["a", "b"]);
    assert_eq!(texts(&receive(&mut *two, 2).await), ["c", "d"]);
}

#[tokio::test]
async fn key_shared_keeps_a_key_with_one_consumer_until_it_is_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    publish(&*broker, &["a:a1", "a:a2", "b:b1", "a:a3", "b:b2", "free"]).await;
    let mut one = subscribe(&*broker, KeyShared, "one").await;
    let mut two = subscribe(&*broker, KeyShared, "two").await;
    let a1 = receive(&mut *one, 1).await;
    assert_eq!(texts(&a1), ["a1"]);
    // `two` passes over the others of key a.
    let theirs = receive(&mut *two, 3).await;
    assert_eq!(texts(&theirs), ["b1", "b2", "free"]);
    receives_nothing(&mut *two).await;
    // The same consumer may have more of its key.
    let a2 = receive(&mut *one, 1).await;
    assert_eq!(texts(&a2), ["a2"]);
    ack(&*one, &a1).await;
    receives_nothing(&mut *two).await;
    ack(&*one, &a2).await;
    assert_eq!(texts(&receive(&mut *two, 1).await), ["a3"]);
}

#[tokio::test]
async fn a_nacked_key_waits_and_others_pass() {
    for kind in [Exclusive, Failover, KeyShared] {
        let directory = tempfile::tempdir().unwrap();
        let broker = open_with_topic(directory.path(), 0).await;
        publish(&*broker, &["a:a1", "a:a2", "b:b1", "a:a3", "b:b2"]).await;
        let mut consumer = subscribe(&*broker, kind, "c").await;
        let messages = receive(&mut *consumer, 2).await;
        consumer
            .acker()
            .nack(&ids(&messages[..1]), Duration::from_secs(3600))
            .await
            .unwrap();
        let b = receive(&mut *consumer, 2).await;
        assert_eq!(texts(&b), ["b1", "b2"], "{kind:?}");
        receives_nothing(&mut *consumer).await;
        // Acknowledged later by the consumer that had it: its key is free.
        consumer.acker().ack(&ids(&messages)).await.unwrap();
        assert_eq!(texts(&receive(&mut *consumer, 1).await), ["a3"], "{kind:?}");
    }
}

#[tokio::test]
async fn keyless_messages_of_an_ordered_subscription_keep_their_order() {
    for (kind, next) in [
        (Exclusive, vec![]),
        (Failover, vec![]),
        (KeyShared, vec!["2"]),
        (Shared, vec!["2"]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let broker = open_with_topic(directory.path(), 0).await;
        publish(&*broker, &["1", "2"]).await;
        let mut consumer = subscribe(&*broker, kind, "c").await;
        let first = receive(&mut *consumer, 1).await;
        consumer
            .acker()
            .nack(&ids(&first), Duration::from_secs(3600))
            .await
            .unwrap();
        let got = receive(&mut *consumer, next.len()).await;
        assert_eq!(texts(&got), next, "{kind:?}");
        receives_nothing(&mut *consumer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_nack_comes_back_after_its_delay() {
    for kind in KINDS {
        let directory = tempfile::tempdir().unwrap();
        let broker = open_with_topic(directory.path(), 0).await;
        publish(&*broker, &["k:a", "k:b", "k:c"]).await;
        let mut consumer = subscribe(&*broker, kind, "c").await;
        let messages = consumer.receive(2).await.unwrap();
        assert_eq!(texts(&messages), ["a", "b"]);
        let start = Instant::now();
        consumer
            .acker()
            .nack(&ids(&messages[1..]), Duration::from_secs(10))
            .await
            .unwrap();
        consumer
            .acker()
            .nack(&ids(&messages[..1]), Duration::from_secs(40))
            .await
            .unwrap();
        let mut order = Vec::new();
        while order.len() < 3 {
            for message in consumer.receive(1).await.unwrap() {
                let text = String::from_utf8(message.payload.to_vec()).unwrap();
                order.push((text, start.elapsed().as_secs(), message.redeliveries));
            }
        }
        let expected = match kind {
            Shared => [("c".to_owned(), 0, 0), ("b".to_owned(), 10, 1), ("a".to_owned(), 40, 1)],
            _ => [
                ("a".to_owned(), 40, 1),
                ("b".to_owned(), 40, 1),
                ("c".to_owned(), 40, 0),
            ],
        };
        assert_eq!(order, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn the_window_bounds_what_is_not_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    let all: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    publish(&*broker, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let options = ConsumerOptions {
        unacknowledged_max: 10,
        ..consumer_options(Shared, "c")
    };
    let mut consumer = broker.subscribe(options).await.unwrap();
    let messages = receive(&mut *consumer, 10).await;
    receives_nothing(&mut *consumer).await;
    ack(&*consumer, &messages[..3]).await;
    receive(&mut *consumer, 3).await;
    receives_nothing(&mut *consumer).await;
    consumer
        .acker()
        .nack(&ids(&messages[3..5]), Duration::ZERO)
        .await
        .unwrap();
    let again = receive(&mut *consumer, 2).await;
    assert!(
        again.iter().all(|m| m.redeliveries == 1),
        "given back messages come first"
    );
    receives_nothing(&mut *consumer).await;
}

#[tokio::test]
async fn ids_of_elsewhere_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    publish(&*broker, &["a"]).await;
    let mut consumer = subscribe(&*broker, Shared, "c").await;
    let message = receive(&mut *consumer, 1).await[0].message_id;
    let acker = consumer.acker();
    for stray in [
        MessageId {
            offset: message.offset + 1,
            ..message
        },
        MessageId {
            partition: message.partition + 1,
            ..message
        },
        MessageId {
            partition: message.partition - 1,
            ..message
        },
    ] {
        assert_eq!(
            acker.ack(&[message, stray]).await.expect_err("not its own").kind,
            ErrorKind::NotFound
        );
        assert_eq!(
            acker
                .nack(&[stray], Duration::ZERO)
                .await
                .expect_err("not its own")
                .kind,
            ErrorKind::NotFound
        );
    }
    // Nothing of a refused call is done; and doing it twice is no error.
    assert_eq!(broker.lag().await.unwrap()[0].messages, 1);
    acker.ack(&[message, message]).await.unwrap();
    acker.ack(&[message]).await.unwrap();
    assert_eq!(broker.lag().await.unwrap()[0].messages, 0);
}

/// Many messages, several consumers that fail at random: every message is done, and keys keep their order.
#[tokio::test]
async fn everything_arrives_whatever_consumers_do() {
    use rand::{Rng, SeedableRng, rngs::StdRng};
    for kind in [Shared, KeyShared, Failover] {
        let directory = tempfile::tempdir().unwrap();
        let broker = open_with_topic(directory.path(), 2).await;
        let mut rng = StdRng::seed_from_u64(7);
        let sent: Vec<String> = (0..400).map(|n| format!("k{}:{n}", rng.random_range(0..10))).collect();
        publish(&*broker, &sent.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let mut done: Vec<(String, u64)> = Vec::new();
        let mut consumers = Vec::new();
        for name in ["a", "b", "c"] {
            consumers.push(subscribe(&*broker, kind, name).await);
        }
        while broker.lag().await.unwrap()[0].messages > 0 {
            let i = rng.random_range(0..consumers.len());
            if rng.random_bool(0.1) {
                let name = ["a", "b", "c"][i];
                consumers[i] = subscribe(&*broker, kind, name).await;
                continue;
            }
            let wait = tokio::time::timeout(Duration::from_millis(5), consumers[i].receive(20)).await;
            let Ok(messages) = wait else { continue };
            let messages = messages.unwrap();
            // Like a sink: acknowledge what went well, up to the first that did not, and give the rest back.
            let good = if rng.random_bool(0.3) {
                rng.random_range(0..messages.len())
            } else {
                messages.len()
            };
            for message in &messages[..good] {
                let key = String::from_utf8(message.key.clone().unwrap().to_vec()).unwrap();
                done.push((key, texts(std::slice::from_ref(message))[0].parse().unwrap()));
            }
            let acker = consumers[i].acker();
            acker
                .nack(&ids(&messages[good..]), Duration::from_millis(rng.random_range(0..3)))
                .await
                .unwrap();
            acker.ack(&ids(&messages[..good])).await.unwrap();
        }
        let mut all: Vec<u64> = done.iter().map(|(_, n)| *n).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, (0..400).collect::<Vec<_>>(), "{kind:?}");
        if kind.keeps_order() {
            let mut last: HashMap<&str, u64> = HashMap::new();
            for (key, n) in &done {
                let newest = last.entry(key).or_insert(*n);
                assert!(*n >= *newest, "{kind:?}: {n} of {key} came after {newest}");
                *newest = *n;
            }
        }
    }
}
