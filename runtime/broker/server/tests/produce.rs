//! Producers, and topics as the wire and the log see them.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::collections::HashMap;

use danube_wasm_broker::{Broker, ConsumerOptions, StartAt};
use danube_wasm_broker_server::ServerOptions;
use danube_wasm_model::SubscriptionType;
use danube_wasm_proto::api::{ProducerRequest, StreamMessage, TopicLookupRequest, health_check_request::ClientType};
use support::*;
use tonic::Code;

fn options(topic: &str) -> ConsumerOptions {
    ConsumerOptions {
        topic: topic.parse().unwrap(),
        subscription: "in-process".into(),
        subscription_type: SubscriptionType::Shared,
        consumer: "c".into(),
        start: StartAt::Earliest,
        unacknowledged_max: 100,
    }
}

#[tokio::test]
async fn malformed_requests_and_unknown_ids_are_told_what_is_wrong() {
    let server = Server::start().await;
    let client = server.client().await;
    for topic in ["", "topic", "/test", "/test/a/b", "/test/a.b", "/test/../x"] {
        assert_eq!(code(client.producer(topic).await), Code::InvalidArgument, "{topic}");
    }
    for name in ["", "a\nb", &"x".repeat(257)] {
        let request = ProducerRequest {
            producer_name: name.into(),
            topic_name: TOPIC.into(),
            ..Default::default()
        };
        assert_eq!(
            code(client.producers.clone().create_producer(request).await),
            Code::InvalidArgument
        );
    }
    let exclusive = ProducerRequest {
        producer_name: "p".into(),
        topic_name: TOPIC.into(),
        producer_access_mode: 1,
        ..Default::default()
    };
    assert_eq!(
        code(client.producers.clone().create_producer(exclusive).await),
        Code::Unimplemented
    );
    assert!(
        client.partitions(TOPIC).await.is_empty(),
        "nothing was made by any of these"
    );

    let id = client.producer(TOPIC).await.unwrap();
    assert_eq!(
        client.producer(TOPIC).await.unwrap(),
        id,
        "the same name has the same id"
    );
    let nameless = StreamMessage {
        msg_id: None,
        ..message(id, TOPIC, "x")
    };
    assert_eq!(code(client.send(nameless).await), Code::InvalidArgument);
    assert_eq!(
        code(client.send(message(id, "/test/other", "x")).await),
        Code::InvalidArgument
    );
    assert_eq!(code(client.send(message(id ^ 1, TOPIC, "x")).await), Code::NotFound);
    assert!(client.is_alive(ClientType::Producer, id).await);
    assert!(!client.is_alive(ClientType::Producer, id ^ 1).await);
    let health = danube_wasm_proto::api::HealthCheckRequest {
        request_id: 1,
        client: 7,
        id,
    };
    assert_eq!(
        code(client.health.clone().health_check(health).await),
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn a_message_at_the_limit_is_delivered_and_one_past_it_is_refused() {
    let server = Server::with(ServerOptions {
        message_bytes_max: 100_000,
        ..ServerOptions::default()
    })
    .await;
    let client = server.client().await;
    let id = client.producer(TOPIC).await.unwrap();
    let sized = |n| StreamMessage {
        payload: vec![b'x'; n].into(),
        ..message(id, TOPIC, "")
    };
    let mut fits = 0;
    for n in 98_000..100_000 {
        match client.send(sized(n)).await {
            Ok(()) => fits = n,
            Err(status) => {
                assert_eq!(status.code(), Code::InvalidArgument);
                assert!(status.message().contains("100001 bytes"), "{status:?}");
                assert!(
                    status.message().contains("exceeds maximum allowed 100000"),
                    "{status:?}"
                );
                break;
            }
        }
    }
    assert!(fits > 98_000);
    assert_eq!(
        code(client.send(sized(17 << 20)).await),
        Code::OutOfRange,
        "more is not even read"
    );
    let mut stream = client
        .consume(
            danube_wasm_proto::api::consumer_request::SubscriptionType::Exclusive,
            TOPIC,
            "c",
        )
        .await;
    assert_eq!(receive(&mut stream, 1).await[0].payload.len(), 98_000);
}

#[tokio::test]
async fn the_largest_message_by_default_is_one_that_danubes_clients_can_receive() {
    let server = Server::start().await;
    // As theirs, this client takes 4 MiB at most.
    let client = server.client().await;
    let id = client.producer(TOPIC).await.unwrap();
    let room = (4 << 20) - 2000;
    let large = StreamMessage {
        payload: vec![b'x'; room].into(),
        ..message(id, TOPIC, "")
    };
    client.send(large).await.unwrap();
    let kind = danube_wasm_proto::api::consumer_request::SubscriptionType::Exclusive;
    let long_names = "x".repeat(256);
    let request = danube_wasm_proto::api::ConsumerRequest {
        subscription: long_names.clone(),
        consumer_name: long_names,
        ..consumer_request(kind, TOPIC, "")
    };
    let mut request = tonic::Request::new(request);
    let earliest = "earliest".parse().unwrap();
    request
        .metadata_mut()
        .insert(danube_wasm_proto::START_METADATA, earliest);
    let id = client
        .consumers
        .clone()
        .subscribe(request)
        .await
        .unwrap()
        .into_inner()
        .consumer_id;
    let mut stream = client.stream(id).await.unwrap();
    assert_eq!(receive(&mut stream, 1).await[0].payload.len(), room);
}

#[tokio::test]
async fn partitions_are_topics_on_the_wire_and_one_topic_in_the_log() {
    let server = Server::start().await;
    let client = server.client().await;
    // In any order, as clients that make them at the same time do.
    for number in [2, 0, 1] {
        let partition = format!("{TOPIC}-part-{number}");
        client.publish(&partition, &[&format!("in {number}")]).await;
    }
    client.publish("/test/topic-archive", &["foreign"]).await;
    let names: Vec<String> = (0..3).map(|n| format!("{TOPIC}-part-{n}")).collect();
    assert_eq!(client.partitions(TOPIC).await, names);
    assert_eq!(client.partitions(&names[1]).await, names[1..2]);
    assert_eq!(client.partitions("/test/top").await, Vec::<String>::new(), "no prefix");
    let topics = server.broker.admin().unwrap().topics().await.unwrap();
    let listed: Vec<_> = topics
        .iter()
        .map(|t| (t.topic.as_str(), t.partitions, t.messages))
        .collect();
    assert_eq!(
        listed,
        [("/test/topic", 3, Some(3)), ("/test/topic-archive", 0, Some(1))]
    );
    let mut consumer = server.broker.subscribe(options(TOPIC)).await.unwrap();
    let mut payloads = Vec::new();
    while payloads.len() < 3 {
        payloads.extend(
            within(consumer.receive(3))
                .await
                .unwrap()
                .into_iter()
                .map(|m| m.payload),
        );
    }
    payloads.sort();
    assert_eq!(payloads, ["in 0", "in 1", "in 2"]);

    assert_eq!(code(client.producer(TOPIC).await), Code::AlreadyExists);
    assert_eq!(
        code(client.producer("/test/topic-archive-part-0").await),
        Code::AlreadyExists
    );
    // Beyond what may be a partition, it is a name like any other.
    client.publish("/test/x-part-1024", &["plain"]).await;
    assert_eq!(client.partitions("/test/x-part-1024").await, ["/test/x-part-1024"]);
}

#[tokio::test]
async fn what_a_foreign_producer_sends_arrives_whole_in_process() {
    let server = Server::start().await;
    let client = server.client().await;
    let id = client.producer(TOPIC).await.unwrap();
    let full = StreamMessage {
        attributes: HashMap::from([("b".into(), "2".into()), ("a".into(), "ü".into())]),
        routing_key: Some("key".into()),
        schema_id: Some(3),
        schema_version: Some(2),
        ..message(id, TOPIC, "full")
    };
    client.send(full).await.unwrap();
    let ours = StreamMessage {
        attributes: HashMap::from([
            (danube_wasm_model::identity::ID_ATTRIBUTE.into(), "p/c:e.0".into()),
            (
                danube_wasm_proto::KEY_ATTRIBUTE.into(),
                danube_wasm_proto::KEY_IN_HEX.into(),
            ),
        ]),
        routing_key: Some("ff00".into()),
        ..message(id, TOPIC, "ours")
    };
    client.send(ours).await.unwrap();
    let mut consumer = server.broker.subscribe(options(TOPIC)).await.unwrap();
    let mut messages = Vec::new();
    while messages.len() < 2 {
        messages.extend(within(consumer.receive(2)).await.unwrap());
    }
    let [full, ours] = &messages[..] else { panic!("two") };
    assert_eq!((&*full.payload, full.key.as_deref()), (&b"full"[..], Some(&b"key"[..])));
    assert_eq!(full.attributes, [("a".into(), "ü".into()), ("b".into(), "2".into())]);
    assert_eq!(full.schema.map(|s| (s.id, s.version)), Some((3, 2)));
    assert_eq!(&*full.producer, "producer");
    assert_eq!(
        full.id,
        danube_wasm_broker::embedded::fallback_record_id(&full.topic, full.message_id)
    );
    assert_eq!(
        (ours.id.as_str(), ours.key.as_deref()),
        ("p/c:e.0", Some(&[0xff, 0][..]))
    );
    assert!(ours.attributes.is_empty());

    // And as it was, on the wire again.
    let kind = danube_wasm_proto::api::consumer_request::SubscriptionType::Exclusive;
    let mut stream = client.consume(kind, TOPIC, "c").await;
    let again = receive(&mut stream, 2).await;
    assert_eq!(again[0].attributes.len(), 2, "nothing is added for foreign clients");
    assert_eq!(again[0].routing_key.as_deref(), Some("key"));
    assert_eq!((again[0].schema_id, again[0].schema_version), (Some(3), Some(2)));
    assert_eq!(again[0].publish_time, full.publish_time_ms);
    assert_eq!(again[1].routing_key.as_deref(), Some("ff00"));
    assert_eq!(again[1].attributes.len(), 2);
}

#[tokio::test]
async fn an_answer_means_that_it_is_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let options = danube_wasm_broker::embedded::EmbeddedOptions::default();
        danube_wasm_broker::embedded::EmbeddedBroker::open(directory.path(), options).unwrap()
    };
    let mut server = Server::of(open(), ServerOptions::default()).await;
    let client = server.client().await;
    let id = client.producer(TOPIC).await.unwrap();
    let sends = (0..200).map(|n| {
        let client = client.clone();
        async move { client.send(message(id, TOPIC, &n.to_string())).await }
    });
    for sent in futures_util::future::join_all(sends).await {
        sent.unwrap();
    }
    let stopped = server.stop();
    drop(client);
    within(stopped).await.unwrap().unwrap();
    server.broker.close().await.unwrap();
    let broker = open();
    let topics = broker.admin().unwrap().topics().await.unwrap();
    assert_eq!(topics[0].messages, Some(200));
    // An id of the run before is unknown.
    let server = Server::of(broker, ServerOptions::default()).await;
    let client = server.client().await;
    assert_eq!(code(client.send(message(id, TOPIC, "late")).await), Code::NotFound);
    assert!(!client.is_alive(ClientType::Producer, id).await);
}

#[tokio::test]
async fn a_deleted_topic_ends_for_its_producers() {
    let server = Server::start().await;
    let client = server.client().await;
    let id = client.producer(TOPIC).await.unwrap();
    let topic = TOPIC.parse().unwrap();
    server.broker.admin().unwrap().delete_topic(&topic).await.unwrap();
    assert!(!client.is_alive(ClientType::Producer, id).await);
    assert_eq!(code(client.send(message(id, TOPIC, "x")).await), Code::NotFound);
    let again = client.producer(TOPIC).await.unwrap();
    client.send(message(again, TOPIC, "x")).await.unwrap();
}

#[tokio::test]
async fn a_lookup_leads_to_where_the_client_is_already() {
    let server = Server::start().await;
    let client = server.client().await;
    let lookup = |topic: &str| TopicLookupRequest {
        request_id: 9,
        topic: topic.into(),
    };
    let missing = client.discovery.clone().topic_lookup(lookup(TOPIC)).await;
    assert_eq!(code(missing), Code::NotFound);
    client.publish("/test/topic-part-0", &["x"]).await;
    for topic in [TOPIC, "/test/topic-part-0"] {
        let found = client
            .discovery
            .clone()
            .topic_lookup(lookup(topic))
            .await
            .unwrap()
            .into_inner();
        assert_eq!((found.request_id, found.response_type, found.proxy), (9, 1, false));
        assert_eq!(
            (found.connect_url.as_str(), found.broker_url.as_str()),
            (&*server.url, &*server.url)
        );
    }
    let malformed = client.discovery.clone().topic_partitions(lookup("x")).await;
    assert_eq!(code(malformed), Code::InvalidArgument);
}
