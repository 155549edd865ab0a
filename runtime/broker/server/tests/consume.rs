//! Consumers: what they get, again and until when.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::time::{Duration, Instant};

use danube_wasm_broker::Broker;
use danube_wasm_broker_server::ServerOptions;
use danube_wasm_proto::api::{
    AckRequest, ConsumerRequest, NackRequest,
    consumer_request::SubscriptionType::{self, Exclusive, Failover, KeyShared, Shared},
    health_check_request::ClientType,
};
use support::*;
use tonic::Code;

#[tokio::test]
async fn malformed_requests_and_unknown_ids_are_told_what_is_wrong() {
    let server = Server::start().await;
    let client = server.client().await;
    let subscribe = |request: ConsumerRequest| {
        let mut consumers = client.consumers.clone();
        async move { code(consumers.subscribe(request).await) }
    };
    let good = || consumer_request(Shared, TOPIC, "c");
    assert_eq!(subscribe(good()).await, Code::NotFound, "no topic yet");
    client.publish("/test/parts-part-1", &["x"]).await;
    client.publish(TOPIC, &["x"]).await;
    type Change = fn(&mut ConsumerRequest);
    let with = |change: Change| {
        let mut request = good();
        change(&mut request);
        request
    };
    let table: [(Change, Code); 6] = [
        (|r| r.topic_name = "x".into(), Code::InvalidArgument),
        (|r| r.consumer_name = String::new(), Code::InvalidArgument),
        (|r| r.subscription = "x".repeat(257), Code::InvalidArgument),
        (|r| r.subscription_type = 4, Code::InvalidArgument),
        (|r| r.key_filters = vec!["a*".into()], Code::Unimplemented),
        (|r| r.topic_name = "/test/parts".into(), Code::FailedPrecondition),
    ];
    for (n, (change, expected)) in table.into_iter().enumerate() {
        assert_eq!(subscribe(with(change)).await, expected, "change {n}");
    }
    let mut request = tonic::Request::new(good());
    request
        .metadata_mut()
        .insert(danube_wasm_proto::START_METADATA, "middle".parse().unwrap());
    assert_eq!(
        code(client.consumers.clone().subscribe(request).await),
        Code::InvalidArgument
    );

    let elsewhere = with(|r| r.subscription = "elsewhere".into());
    let answer = client.consumers.clone().subscribe(elsewhere).await.unwrap();
    // By this, clients tell it from Danube's brokers.
    assert!(answer.metadata().contains_key(danube_wasm_proto::OWN_BROKER_METADATA));
    let mut stream = client.consume(Shared, TOPIC, "c").await;
    let given = receive(&mut stream, 1).await.remove(0);
    assert_eq!(code(client.stream(12345).await), Code::NotFound);
    assert!(!client.is_alive(ClientType::Consumer, 12345).await);
    let ack = |change: fn(&mut AckRequest)| {
        let mut request = AckRequest {
            request_id: 1,
            msg_id: given.msg_id.clone(),
            subscription_name: given.subscription_name.clone(),
        };
        change(&mut request);
        let mut consumers = client.consumers.clone();
        async move { code(consumers.ack(request).await) }
    };
    assert_eq!(ack(|r| r.msg_id = None).await, Code::InvalidArgument);
    assert_eq!(ack(|r| r.subscription_name = "nobody".into()).await, Code::NotFound);
    assert_eq!(
        ack(|r| r.msg_id.as_mut().unwrap().topic_name = "/test/none".into()).await,
        Code::NotFound
    );
    // It would skip a message that is still to come.
    assert_eq!(
        ack(|r| r.msg_id.as_mut().unwrap().topic_offset = 99).await,
        Code::NotFound
    );
    let nack = NackRequest {
        msg_id: None,
        subscription_name: "subscription".into(),
        ..Default::default()
    };
    assert_eq!(code(client.consumers.clone().nack(nack).await), Code::InvalidArgument);
    assert_eq!(ack(|_| {}).await, Code::Ok);
    assert_eq!(lag(&server.broker).await, 0);
}

#[tokio::test]
async fn a_new_subscription_begins_at_the_end_unless_it_is_told_otherwise() {
    let server = Server::start().await;
    let client = server.client().await;
    client.publish(TOPIC, &["before"]).await;
    let as_danube = consumer_request(Shared, TOPIC, "c");
    let id = client
        .consumers
        .clone()
        .subscribe(as_danube)
        .await
        .unwrap()
        .into_inner()
        .consumer_id;
    let mut latest = client.stream(id).await.unwrap();
    let told = ConsumerRequest {
        subscription: "told".into(),
        ..consumer_request(Shared, TOPIC, "c")
    };
    let mut told = tonic::Request::new(told);
    told.metadata_mut()
        .insert(danube_wasm_proto::START_METADATA, "earliest".parse().unwrap());
    let id = client
        .consumers
        .clone()
        .subscribe(told)
        .await
        .unwrap()
        .into_inner()
        .consumer_id;
    let mut earliest = client.stream(id).await.unwrap();
    client.publish(TOPIC, &["after"]).await;
    assert_eq!(texts(&receive(&mut latest, 1).await), ["after"]);
    assert_eq!(texts(&receive(&mut earliest, 2).await), ["before", "after"]);
}

#[tokio::test]
async fn a_message_that_is_not_acknowledged_in_time_is_given_again() {
    let server = Server::with(ServerOptions {
        ack_timeout: Duration::from_secs(1),
        ..ServerOptions::default()
    })
    .await;
    let client = server.client().await;
    client.publish(TOPIC, &["kept", "done"]).await;
    let mut stream = client.consume(Exclusive, TOPIC, "c").await;
    let given = receive(&mut stream, 2).await;
    let since = Instant::now();
    client.ack(&given[1]).await.unwrap();
    assert_eq!(texts(&receive(&mut stream, 2).await), ["kept", "kept"], "and again");
    assert!(since.elapsed() >= Duration::from_millis(1500), "{:?}", since.elapsed());
    // An acknowledgement that comes late counts all the same.
    client.ack(&given[0]).await.unwrap();
    assert_eq!(lag(&server.broker).await, 0);
}

#[tokio::test]
async fn a_nack_gives_a_message_back_after_its_delay_to_whoever_is_there() {
    let server = Server::start().await;
    let client = server.client().await;
    client.publish(TOPIC, &["1", "2"]).await;
    let mut stream = client.consume(Shared, TOPIC, "c").await;
    let given = receive(&mut stream, 2).await;
    client.nack(&given[0], Some(300)).await.unwrap();
    let since = Instant::now();
    client.nack(&given[1], Some(0)).await.unwrap();
    let again = receive(&mut stream, 2).await;
    assert_eq!(texts(&again), ["2", "1"]);
    assert_eq!(again[1], given[0], "nothing about it changes");
    assert!(since.elapsed() >= Duration::from_millis(250), "{:?}", since.elapsed());
    // Nothing to give back: it was acknowledged, and a delay for ever is cut.
    client.ack(&again[0]).await.unwrap();
    client.nack(&again[0], Some(u64::MAX)).await.unwrap();
    client.nack(&again[1], Some(u64::MAX)).await.unwrap();
    receives_nothing(&mut stream).await;
    assert_eq!(lag(&server.broker).await, 1);
}

#[tokio::test]
async fn no_more_than_the_window_is_given() {
    let server = Server::with(ServerOptions {
        unacknowledged_max: 3,
        ..ServerOptions::default()
    })
    .await;
    let client = server.client().await;
    client.publish(TOPIC, &["1", "2", "3", "4", "5"]).await;
    let mut stream = client.consume(Exclusive, TOPIC, "c").await;
    let given = receive(&mut stream, 3).await;
    receives_nothing(&mut stream).await;
    client.ack(&given[1]).await.unwrap();
    assert_eq!(texts(&receive(&mut stream, 1).await), ["4"]);
    receives_nothing(&mut stream).await;
}

#[tokio::test]
async fn an_exclusive_subscription_has_one_name_and_is_free_when_that_is_gone() {
    let server = Server::start().await;
    let client = server.client().await;
    client.publish(TOPIC, &["1"]).await;
    let mut first = client.consume(Exclusive, TOPIC, "first").await;
    receive(&mut first, 1).await;
    let refused = client.subscribe(Exclusive, TOPIC, "second").await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("consumer `first` has it"), "{refused:?}");
    let another_type = client.subscribe(Shared, TOPIC, "second").await;
    assert_eq!(code(another_type), Code::FailedPrecondition);
    drop(first);
    let second = within(async {
        loop {
            match client.subscribe(Exclusive, TOPIC, "second").await {
                Ok(id) => return id,
                Err(status) => assert_eq!(status.code(), Code::FailedPrecondition),
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut second = client.stream(second).await.unwrap();
    assert_eq!(texts(&receive(&mut second, 1).await), ["1"]);
}

#[tokio::test]
async fn a_consumer_of_the_same_name_takes_over_and_the_old_one_is_told() {
    for kind in [Exclusive, Shared, Failover, KeyShared] {
        let server = Server::start().await;
        let client = server.client().await;
        client.publish(TOPIC, &["1", "2"]).await;
        let old_id = client.subscribe(kind, TOPIC, "c").await.unwrap();
        let mut old = client.stream(old_id).await.unwrap();
        assert_eq!(receive(&mut old, 2).await.len(), 2);
        let new_id = client.subscribe(kind, TOPIC, "c").await.unwrap();
        assert_ne!(new_id, old_id);
        assert_eq!(ends(&mut old).await.code(), Code::Ok, "it just ends");
        assert_eq!(
            code(client.stream(old_id).await),
            Code::NotFound,
            "it cannot fight back"
        );
        assert!(!client.is_alive(ClientType::Consumer, old_id).await);
        assert!(client.is_alive(ClientType::Consumer, new_id).await);
        let mut new = client.stream(new_id).await.unwrap();
        assert_eq!(texts(&receive(&mut new, 2).await), ["1", "2"]);
    }
}

#[tokio::test]
async fn the_same_consumer_may_stream_again() {
    let server = Server::start().await;
    let client = server.client().await;
    client.publish(TOPIC, &["1", "2"]).await;
    let id = client.subscribe(Exclusive, TOPIC, "c").await.unwrap();
    let mut stream = client.stream(id).await.unwrap();
    let given = receive(&mut stream, 2).await;
    client.ack(&given[0]).await.unwrap();
    drop(stream);
    let mut again = client.stream(id).await.unwrap();
    assert_eq!(texts(&receive(&mut again, 1).await), ["2"]);
    // Even while the first is there: the newest wins.
    let mut third = client.stream(id).await.unwrap();
    assert_eq!(ends(&mut again).await.code(), Code::Ok);
    let last = receive(&mut third, 1).await;
    assert_eq!(texts(&last), ["2"]);
    client.ack(&last[0]).await.unwrap();
    assert_eq!(lag(&server.broker).await, 0);
}

#[tokio::test]
async fn what_a_lost_connection_had_goes_to_others() {
    let server = Server::start().await;
    let (lost, other) = (server.client().await, server.client().await);
    other.publish(TOPIC, &["1", "2"]).await;
    for kind in [Shared, Failover, KeyShared] {
        let mut stream = lost.consume(kind, TOPIC, "lost").await;
        assert_eq!(receive(&mut stream, 2).await.len(), 2);
        let mut others = other.consume(kind, TOPIC, "other").await;
        receives_nothing(&mut others).await;
        drop(stream);
        assert_eq!(texts(&receive(&mut others, 2).await), ["1", "2"], "{kind:?}");
        drop(others);
        // The next type may be asked for when nobody consumes any more.
        within(async {
            while !consumers(&server).await.is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

async fn consumers(server: &Server) -> Vec<String> {
    let admin = server.broker.admin().unwrap();
    admin.subscriptions().await.unwrap().remove(0).consumers
}

#[tokio::test]
async fn partitions_of_one_subscription_are_consumed_apart() {
    let server = Server::start().await;
    let client = server.client().await;
    for number in 0..3 {
        let partition = format!("{TOPIC}-part-{number}");
        client
            .publish(&partition, &[&format!("{number}.a"), &format!("{number}.b")])
            .await;
    }
    let kind: SubscriptionType = Exclusive;
    for number in 0..3 {
        let partition = format!("{TOPIC}-part-{number}");
        let mut stream = client.consume(kind, &partition, "c").await;
        let given = receive(&mut stream, 2).await;
        assert_eq!(texts(&given), [format!("{number}.a"), format!("{number}.b")]);
        let place = given[0].msg_id.clone().unwrap();
        assert_eq!((place.topic_name.as_str(), place.topic_offset), (&*partition, 0));
        assert_eq!(place.broker_addr, server.url);
        client.ack(&given[0]).await.unwrap();
        receives_nothing(&mut stream).await;
    }
    assert_eq!(lag(&server.broker).await, 3);
    let lags = server.broker.lag().await.unwrap();
    assert_eq!(
        (lags.len(), lags[0].topic.as_str()),
        (1, TOPIC),
        "one subscription of one topic"
    );
}

#[tokio::test]
async fn what_is_deleted_ends_for_its_consumers() {
    let server = Server::start().await;
    let client = server.client().await;
    let admin = server.broker.admin().unwrap();
    let topic = TOPIC.parse().unwrap();
    for delete_topic in [false, true] {
        client.publish(TOPIC, &["1"]).await;
        let id = client.subscribe(Exclusive, TOPIC, "c").await.unwrap();
        let mut stream = client.stream(id).await.unwrap();
        let given = receive(&mut stream, 1).await;
        match delete_topic {
            true => admin.delete_topic(&topic).await.unwrap(),
            false => admin.delete_subscription(&topic, "subscription").await.unwrap(),
        }
        assert_eq!(ends(&mut stream).await.code(), Code::NotFound);
        assert_eq!(code(client.stream(id).await), Code::NotFound);
        assert!(!client.is_alive(ClientType::Consumer, id).await);
        assert_eq!(code(client.ack(&given[0]).await), Code::NotFound);
    }
}

#[tokio::test]
async fn an_operator_moves_a_subscription_under_its_consumer() {
    let server = Server::start().await;
    let client = server.client().await;
    client.publish(TOPIC, &["1", "2"]).await;
    let mut stream = client.consume(Exclusive, TOPIC, "c").await;
    receive(&mut stream, 2).await;
    let admin = server.broker.admin().unwrap();
    let topic = TOPIC.parse().unwrap();
    admin
        .seek(&topic, "subscription", danube_wasm_broker::SeekTo::Earliest)
        .await
        .unwrap();
    let again = receive(&mut stream, 2).await;
    assert_eq!(texts(&again), ["1", "2"]);
    for message in &again {
        client.ack(message).await.unwrap();
    }
    assert_eq!(lag(&server.broker).await, 0);
}
