//! Publishing, and creating topics.

use std::collections::HashMap;

use bytes::Bytes;
use danube_wasm_broker::{ErrorKind, Outgoing, TopicSpec};
use danube_wasm_model::{RecordId, SubscriptionType::Exclusive, TopicName, clock};

use crate::{
    Harness,
    test_case::{TestCase, ack, consume, publish_group, receive, sorted, texts, within},
};

/// Payload, key, attributes, id, schema, producer and time.
pub async fn a_record_arrives_as_it_was_sent(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut consumer = case.subscribe(Exclusive, "c").await;
    let publisher = within(case.broker.publisher("a-producer")).await.expect("a publisher");
    let before = clock::now_ms();
    let record = |key: Option<&'static [u8]>, payload: &'static [u8], id: &str| Outgoing {
        key: key.map(Bytes::from_static),
        payload: Bytes::from_static(payload),
        attributes: vec![("a".into(), String::new()), ("b".into(), "ünï \u{1F980}\n".into())],
        id: RecordId::from_broker(id.to_owned()),
        ..case.record("", "")
    };
    let sent = [
        record(Some(b"key"), b"text", "p/c:1.0"),
        record(None, b"\0\xff\xfe", "p/c:1.1"),
        record(Some(b"\xff\0"), b"", "p/c:2.0"),
    ];
    for record in &sent {
        // One after the other, so that the order is known on every broker.
        publish_group(&*publisher, vec![record.clone()])
            .await
            .expect("published");
    }
    let after = clock::now_ms();
    let messages = receive(&mut *consumer, sent.len()).await;
    for (message, record) in messages.iter().zip(&sent) {
        assert_eq!(message.topic, case.topic);
        assert_eq!((&message.key, &message.payload), (&record.key, &record.payload));
        let attributes: HashMap<_, _> = message.attributes.iter().cloned().collect();
        let expected: HashMap<_, _> = record.attributes.iter().cloned().collect();
        assert_eq!((attributes, &message.id), (expected, &record.id));
        assert!(
            (before..=after).contains(&message.publish_time_ms),
            "{}",
            message.publish_time_ms
        );
        assert!(message.producer.starts_with("a-producer"), "{}", message.producer);
        assert_eq!((message.redeliveries, message.schema), (0, None));
    }
    ack(&*consumer, &messages).await;
}

/// One result for each group, in order; a group that cannot be published leaves the others.
pub async fn groups_have_fates_of_their_own(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut consumer = case.subscribe(Exclusive, "c").await;
    let publisher = case.publisher().await;
    let nowhere: TopicName = format!("{}-nowhere", case.topic).parse().expect("valid");
    let stray = Outgoing {
        topic: nowhere,
        ..case.record("", "stray")
    };
    let groups = vec![
        vec![case.record("", "a"), case.record("", "b")],
        vec![case.record("", "half"), stray],
        vec![],
        vec![case.record("", "c")],
    ];
    let fates = within(publisher.publish(groups)).await;
    let kinds: Vec<_> = fates
        .iter()
        .map(|fate| fate.as_ref().map(|p| p.durable).map_err(|e| e.kind))
        .collect();
    let durable = case.can.publishes_durably;
    // Nothing is on every disk.
    assert_eq!(kinds, [Ok(durable), Err(ErrorKind::NotFound), Ok(true), Ok(durable)]);
    let expected = match case.can.groups_are_atomic {
        true => vec!["a", "b", "c"],
        false => vec!["a", "b", "c", "half"],
    };
    let messages = consume(&mut *consumer, expected.len()).await;
    assert_eq!(sorted(texts(&messages)), expected);
}

/// At the limit and one past it.
pub async fn what_is_too_large_is_refused_and_the_largest_arrives(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let mut consumer = case.subscribe(Exclusive, "c").await;
    let publisher = case.publisher().await;
    let sized = |bytes| Outgoing {
        payload: vec![b'x'; bytes].into(),
        ..case.record("key", "large")
    };
    let refused = publish_group(&*publisher, vec![sized(case.can.payload_bytes_refused)]).await;
    let refused = refused.expect_err("too large");
    assert_eq!(refused.kind, ErrorKind::TooLarge, "{refused}");
    publish_group(&*publisher, vec![sized(case.can.payload_bytes)])
        .await
        .expect("not too large");
    let messages = receive(&mut *consumer, 1).await;
    assert_eq!(messages[0].payload.len(), case.can.payload_bytes);
    assert!(messages[0].payload.iter().all(|byte| *byte == b'x'));
    ack(&*consumer, &messages).await;
}

/// Neither producers nor consumers make topics by naming them.
pub async fn a_topic_that_is_not_there_is_not_found(harness: &dyn Harness) {
    let case = TestCase::new(harness).await;
    let publisher = case.publisher().await;
    let error = publish_group(&*publisher, vec![case.record("", "a")])
        .await
        .expect_err("no topic");
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    let consumer = within(case.broker.subscribe(case.options(Exclusive, "c"))).await;
    let error = consumer.err().expect("no topic");
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

/// Creating a topic again confirms it, and refuses another number.
pub async fn a_topic_keeps_its_number_of_partitions(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 3).await;
    case.create(3).await.expect("is there");
    let elsewhere = harness.open().await;
    for partitions in [0, 2, 4] {
        let spec = TopicSpec {
            partitions,
            reliable_dispatch: true,
            ..TopicSpec::default()
        };
        let error = within(elsewhere.create_topic(&case.topic, spec))
            .await
            .expect_err("differs");
        assert_eq!(error.kind, ErrorKind::Conflict, "{partitions}: {error}");
    }
}
