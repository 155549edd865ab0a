//! Consuming, over a real socket, from a broker that misbehaves.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{Broker, Consumer, ErrorKind, MessageId, TopicSpec};
use danube_wasm_broker_danube::Danube;
use danube_wasm_model::SubscriptionType;
use support::{
    Act, Wire, consumer_options, consuming, numbers, publish, receive, record, reliable, soon, topic, until,
};
use tonic::Status;

fn ids(messages: &[danube_wasm_broker::Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.message_id).collect()
}

/// Nothing is given out, although what the broker sent has arrived: a message published after it is the next.
async fn nothing_before_the_next(client: &Arc<Danube>, consumer: &mut dyn Consumer, next: usize) {
    let publisher = client.publisher("p/later").await.unwrap();
    let later = record(&topic("/default/t"), Some("later"), next);
    assert!(publish(&*publisher, vec![later]).await[0].is_ok());
    let messages = receive(consumer, 1).await;
    assert_eq!(numbers(&messages), [next], "something was given out twice");
}

#[tokio::test]
async fn messages_arrive_whole_and_acknowledgements_return_when_they_are_confirmed() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (topic, mut consumer) = consuming(&wire, &client, 5).await;
    let messages = receive(&mut *consumer, 5).await;
    assert_eq!(numbers(&messages), [0, 1, 2, 3, 4]);
    let first = &messages[0];
    assert_eq!((&first.topic, first.key.as_deref()), (&topic, Some(&b"k"[..])));
    assert_eq!(first.attributes, [("colour".to_owned(), "blue".to_owned())]);
    assert_eq!(
        (first.id.as_str(), &*first.producer, first.redeliveries),
        ("p/c:0.0", "p/source", 0)
    );
    assert!(first.publish_time_ms > 1_600_000_000_000);
    soon(consumer.acker().ack(&ids(&messages))).await.unwrap();
    assert_eq!(wire.state.acked("/default/t"), [0, 1, 2, 3, 4]);
    let subscribe = wire.state.calls("subscribe");
    assert_eq!(subscribe[0].header("x-danube-wasm-start"), Some("earliest"));
}

#[tokio::test]
async fn foreign_topics_that_share_the_prefix_are_not_consumed() {
    let wire = Wire::start().await;
    let client = wire.client();
    let wanted = topic("/default/t");
    client.create_topic(&wanted, reliable(2)).await.unwrap();
    client
        .create_topic(&topic("/default/t-archive"), reliable(0))
        .await
        .unwrap();
    client.create_topic(&topic("/default/t2"), reliable(1)).await.unwrap();
    let _consumer = soon(client.subscribe(consumer_options(&wanted, SubscriptionType::Shared)))
        .await
        .unwrap();
    let mut subscribed: Vec<_> = wire
        .state
        .calls("subscribe")
        .into_iter()
        .map(|call| call.about)
        .collect();
    subscribed.sort();
    assert_eq!(subscribed, ["/default/t-part-0", "/default/t-part-1"]);
}

#[tokio::test]
async fn a_topic_that_is_being_made_is_subscribed_to_when_all_its_partitions_are_there() {
    let wire = Wire::start().await;
    let mut options = wire.options();
    // Nothing that is found later than the subscription is found by this test.
    options.discovery_interval = Duration::from_secs(3600);
    let client = Danube::open(options).unwrap();
    let topic = topic("/default/t");
    let make = |state: &support::State, n| {
        let name = format!("/default/t-part-{n}");
        state.create_producer(&name, "maker", true, None).unwrap();
    };
    make(&wire.state, 2);
    // The next is made when the consumer has looked and not found it, as a maker does that is as slow.
    let (state, mut left) = (wire.state.clone(), vec![0, 1]);
    wire.state.script(move |call| {
        if call.method == "topic_partitions"
            && let Some(n) = left.pop()
        {
            let state = state.clone();
            tokio::spawn(async move { make(&state, n) });
        }
        Act::Pass
    });
    let mut consumer = soon(client.subscribe(consumer_options(&topic, SubscriptionType::Shared)))
        .await
        .unwrap();
    let publisher = wire.client().publisher("p/source").await.unwrap();
    let records = (0..6).map(|n| record(&topic, None, n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    let messages = receive(&mut *consumer, 6).await;
    let mut partitions: Vec<u64> = messages.iter().map(|m| m.message_id.partition).collect();
    partitions.sort_unstable();
    partitions.dedup();
    assert_eq!(partitions.len(), 3);
}

#[tokio::test]
async fn a_topic_that_was_left_half_made_is_consumed_as_it_is() {
    let wire = Wire::start().await;
    let mut options = wire.options();
    options.assign_timeout = Duration::from_millis(1);
    let client = Danube::open(options).unwrap();
    for n in [1, 3] {
        let name = format!("/default/t-part-{n}");
        wire.state.create_producer(&name, "maker", true, None).unwrap();
    }
    let options = consumer_options(&topic("/default/t"), SubscriptionType::Shared);
    let _consumer = soon(client.subscribe(options)).await.unwrap();
    let mut subscribed: Vec<_> = wire.state.calls("subscribe").into_iter().map(|c| c.about).collect();
    subscribed.sort();
    assert_eq!(subscribed, ["/default/t-part-1", "/default/t-part-3"]);
}

#[tokio::test]
async fn partitions_that_are_added_are_found() {
    let wire = Wire::start().await;
    let client = wire.client();
    let topic = topic("/default/t");
    client.create_topic(&topic, reliable(1)).await.unwrap();
    let mut consumer = soon(client.subscribe(consumer_options(&topic, SubscriptionType::Shared)))
        .await
        .unwrap();
    wire.state
        .create_producer("/default/t-part-1", "somebody", true, None)
        .unwrap();
    until("the new partition is subscribed to", || {
        wire.state
            .with("/default/t-part-1", |t| t.subscriptions.contains_key("sub"))
            == Some(true)
    })
    .await;
    let other = wire.client();
    let publisher = other.publisher("p/source").await.unwrap();
    let records = (0..4).map(|n| record(&topic, None, n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    let messages = receive(&mut *consumer, 4).await;
    let mut partitions: Vec<u64> = messages.iter().map(|m| m.message_id.partition).collect();
    partitions.sort_unstable();
    partitions.dedup();
    assert_eq!(partitions.len(), 2, "each partition has a number of its own");
    soon(consumer.acker().ack(&ids(&messages))).await.unwrap();
    assert_eq!(
        (
            wire.state.acked("/default/t-part-0").len(),
            wire.state.acked("/default/t-part-1").len()
        ),
        (2, 2)
    );
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_said_to_be() {
    let wire = Wire::start().await;
    let client = wire.client();
    client
        .create_topic(&topic("/default/t-archive"), reliable(0))
        .await
        .unwrap();
    let options = consumer_options(&topic("/default/t"), SubscriptionType::Shared);
    let error = client.subscribe(options).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("does not exist yet"), "{error}");
}

/// A restart that forgets everything, an end without a word, and a broker that wants the consumer gone.
#[tokio::test]
async fn every_loss_of_a_session_is_overcome_and_nothing_in_hand_is_given_twice() {
    type Loss = fn(&Wire);
    let losses: [(&str, Loss); 3] = [
        ("restart", |wire| wire.state.forget()),
        ("end of stream", |wire| wire.state.hang_up()),
        ("not wanted", |wire| wire.state.let_consumers_go()),
    ];
    for (name, lose) in losses {
        let wire = Wire::start().await;
        let mut options = wire.options();
        options.health_interval = Duration::from_millis(20);
        let client = Danube::open(options).unwrap();
        let (_, mut consumer) = consuming(&wire, &client, 6).await;
        let first = receive(&mut *consumer, 3).await;
        let sessions = wire.state.calls("subscribe").len();
        lose(&wire);
        until(name, || wire.state.calls("receive_messages").len() > sessions).await;
        // All six come again, of which three are in hand.
        let rest = receive(&mut *consumer, 3).await;
        assert_eq!(numbers(&rest), [3, 4, 5], "{name}");
        soon(consumer.acker().ack(&ids(&first))).await.unwrap();
        soon(consumer.acker().ack(&ids(&rest))).await.unwrap();
        assert_eq!(wire.state.acked("/default/t"), [0, 1, 2, 3, 4, 5], "{name}");
        nothing_before_the_next(&client, &mut *consumer, 6).await;
    }
}

#[tokio::test]
async fn a_broker_that_is_away_is_waited_for_with_acknowledgements_in_hand() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (_, mut consumer) = consuming(&wire, &client, 4).await;
    let messages = receive(&mut *consumer, 4).await;
    let address = wire.address.to_string();
    let state = wire.stop();
    support::eventually("not ready", || async { client.ready().await.err().ok_or(()) }).await;
    let (acker, given) = (consumer.acker(), ids(&messages));
    let acking = tokio::spawn(async move { acker.ack(&given).await });
    let wire = Wire::back(state, &address).await;
    soon(acking).await.unwrap().unwrap();
    assert_eq!(wire.state.acked("/default/t"), [0, 1, 2, 3]);
    support::eventually("ready", || client.ready()).await;
    nothing_before_the_next(&client, &mut *consumer, 4).await;
}

#[tokio::test]
async fn a_redelivery_of_what_is_in_hand_is_not_given_and_the_acknowledgement_counts() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (_, mut consumer) = consuming(&wire, &client, 3).await;
    let messages = receive(&mut *consumer, 3).await;
    wire.state.redeliver("/default/t");
    wire.state.redeliver("/default/t");
    nothing_before_the_next(&client, &mut *consumer, 3).await;
    soon(consumer.acker().ack(&ids(&messages))).await.unwrap();
    assert_eq!(wire.state.acked("/default/t"), [0, 1, 2]);
}

#[tokio::test]
async fn what_was_acknowledged_and_comes_again_is_acknowledged_again_at_once() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (_, mut consumer) = consuming(&wire, &client, 3).await;
    let messages = receive(&mut *consumer, 3).await;
    soon(consumer.acker().ack(&ids(&messages))).await.unwrap();
    // The broker crashed before it had written its position down.
    wire.state
        .with("/default/t", |t| t.subscriptions.get_mut("sub").unwrap().acked.clear());
    wire.state.forget();
    until("acknowledged again", || wire.state.acked("/default/t") == [0, 1, 2]).await;
    nothing_before_the_next(&client, &mut *consumer, 3).await;
}

#[tokio::test]
async fn offsets_that_a_crashed_broker_uses_again_are_other_messages() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (topic, mut consumer) = consuming(&wire, &client, 4).await;
    let messages = receive(&mut *consumer, 4).await;
    let acker = consumer.acker();
    soon(acker.ack(&ids(&messages[..3]))).await.unwrap();
    // The last two were not on its disk.
    wire.state.truncate("/default/t", 2);
    wire.state.forget();
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (10..12).map(|n| record(&topic, Some("k"), n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    let again = receive(&mut *consumer, 2).await;
    assert_eq!(numbers(&again), [10, 11], "taken for the ones that were lost");
    // Of the message that is gone; the one that has its offset now is not done.
    soon(acker.ack(&ids(&messages[3..]))).await.unwrap();
    assert_eq!(wire.state.acked("/default/t"), [0, 1]);
    soon(acker.ack(&ids(&again))).await.unwrap();
    assert_eq!(wire.state.acked("/default/t"), [0, 1, 2, 3]);
}

#[tokio::test]
async fn what_is_given_back_comes_again_and_is_counted() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (_, mut consumer) = consuming(&wire, &client, 1).await;
    let messages = receive(&mut *consumer, 1).await;
    soon(consumer.acker().nack(&ids(&messages), Duration::from_secs(3)))
        .await
        .unwrap();
    let nacked = wire
        .state
        .with("/default/t", |t| t.subscriptions["sub"].nacked.clone())
        .unwrap();
    assert_eq!(nacked, [(0, 3000)]);
    wire.state.redeliver("/default/t");
    let again = receive(&mut *consumer, 1).await;
    assert_eq!(
        (again[0].message_id, again[0].redeliveries),
        (messages[0].message_id, 1)
    );
    soon(consumer.acker().ack(&ids(&again))).await.unwrap();
    assert_eq!(wire.state.acked("/default/t"), [0]);
}

#[tokio::test]
async fn no_more_is_given_out_than_may_be_in_hand() {
    let wire = Wire::start().await;
    let client = wire.client();
    let topic = topic("/default/t");
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let mut options = consumer_options(&topic, SubscriptionType::Shared);
    options.unacknowledged_max = 3;
    let mut consumer = soon(client.subscribe(options)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..8).map(|n| record(&topic, Some("k"), n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    let messages = receive(&mut *consumer, 3).await;
    let acker = consumer.acker();
    {
        let more = consumer.receive(10);
        tokio::pin!(more);
        // The stream was read to its end, so that what is held back is held back here.
        assert!(futures_util::poll!(&mut more).is_pending());
        soon(acker.ack(&ids(&messages[..2]))).await.unwrap();
        let more = soon(more).await.unwrap();
        assert!(!more.is_empty() && more.len() <= 2, "{}", more.len());
    }
}

#[tokio::test]
async fn acknowledgements_that_are_refused_or_lost_say_so_and_can_be_tried_again() {
    let wire = Wire::start().await;
    let mut options = wire.options();
    options.ack_timeout = Duration::from_millis(200);
    let client = Danube::open(options).unwrap();
    let (_, mut consumer) = consuming(&wire, &client, 1).await;
    let messages = receive(&mut *consumer, 1).await;
    let acker = consumer.acker();
    wire.state.script(|call| match call.method {
        "ack" => Act::Fail(Status::permission_denied(
            "no binding grants Consume on Cluster for service_account:x",
        )),
        _ => Act::Pass,
    });
    let error = soon(acker.ack(&ids(&messages))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("`Consume` on the whole cluster"), "{error}");
    wire.state.script(|call| match call.method {
        "ack" => Act::Fail(Status::internal("Error acknowledging message: Subscription not found")),
        _ => Act::Pass,
    });
    let error = soon(acker.ack(&ids(&messages))).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    wire.state.behave();
    soon(acker.ack(&ids(&messages))).await.unwrap();
    assert_eq!(wire.state.acked("/default/t"), [0]);
    let never = MessageId {
        offset: 99,
        ..messages[0].message_id
    };
    assert_eq!(acker.ack(&[never]).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn acknowledging_one_by_one_is_not_one_after_the_other() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (_, mut consumer) = consuming(&wire, &client, 40).await;
    let messages = receive(&mut *consumer, 40).await;
    // None is answered before twenty are there.
    let arrived = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = arrived.clone();
    wire.state.script(move |call| {
        if call.method == "ack" {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        match call.method {
            "ack" if counted.load(std::sync::atomic::Ordering::SeqCst) < 20 => Act::Late(Duration::from_millis(200)),
            _ => Act::Pass,
        }
    });
    let acking = tokio::spawn({
        let (acker, given) = (consumer.acker(), ids(&messages));
        async move { acker.ack(&given).await }
    });
    until("twenty under way", || {
        arrived.load(std::sync::atomic::Ordering::SeqCst) >= 20
    })
    .await;
    soon(acking).await.unwrap().unwrap();
    assert_eq!(wire.state.acked("/default/t").len(), 40);
}

#[tokio::test]
async fn another_consumer_of_an_exclusive_subscription_is_a_conflict() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (topic, _consumer) = consuming(&wire, &client, 0).await;
    let mut other = consumer_options(&topic, SubscriptionType::Exclusive);
    other.consumer = "p/other".into();
    let error = soon(client.subscribe(other)).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.contains("Use the other consumer's name"), "{error}");
}

#[tokio::test]
async fn two_of_one_name_take_turns_ever_more_slowly() {
    let wire = Wire::start().await;
    let (one, two) = (wire.client(), wire.client());
    let (topic, _first) = consuming(&wire, &one, 0).await;
    let options = consumer_options(&topic, SubscriptionType::Exclusive);
    let _second = soon(two.subscribe(options)).await.unwrap();
    // Each takes over from the other; the waits double from 5 ms to far beyond the ceiling for losses.
    until("they have fought", || wire.state.calls("subscribe").len() >= 8).await;
    let why = support::eventually("one of them says so", || async {
        match (one.ready().await, two.ready().await) {
            (Err(why), _) | (_, Err(why)) if why.message.contains("took subscription") => Ok(why),
            other => Err(other),
        }
    })
    .await;
    assert!(why.message.contains("give each running instance its own name"), "{why}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let fought = wire.state.calls("subscribe").len();
    assert!(fought < 40, "{fought} takeovers");
}

#[tokio::test]
async fn a_permission_that_is_taken_away_reaches_who_receives_and_is_asked_for_again() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (_, mut consumer) = consuming(&wire, &client, 0).await;
    wire.state.script(|call| match call.method {
        "subscribe" => Act::Fail(Status::permission_denied(
            "no binding grants Consume on Topic(\"t\") for x",
        )),
        _ => Act::Pass,
    });
    wire.state.forget();
    let error = soon(consumer.receive(1)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    wire.state.behave();
    nothing_before_the_next(&client, &mut *consumer, 0).await;
}

#[tokio::test]
async fn dropping_the_consumer_ends_its_stream_and_the_acker_still_works() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (_, mut consumer) = consuming(&wire, &client, 2).await;
    let messages = receive(&mut *consumer, 2).await;
    let acker = consumer.acker();
    drop(consumer);
    until("the stream is closed", || {
        wire.state.with("/default/t", |t| t.subscriptions["sub"].is_streaming()) == Some(false)
    })
    .await;
    soon(acker.ack(&ids(&messages))).await.unwrap();
    assert_eq!(wire.state.acked("/default/t"), [0, 1]);
}

#[tokio::test]
async fn without_reliable_dispatch_every_message_has_the_same_place_and_none_is_lost_for_it() {
    let wire = Wire::start().await;
    let client = wire.client();
    let topic = topic("/default/t");
    client.create_topic(&topic, TopicSpec::default()).await.unwrap();
    let mut consumer = soon(client.subscribe(consumer_options(&topic, SubscriptionType::Shared)))
        .await
        .unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..5).map(|n| record(&topic, Some("k"), n)).collect();
    assert!(
        publish(&*publisher, records)
            .await
            .iter()
            .all(|r| r.as_ref().is_ok_and(|p| !p.durable))
    );
    let messages = receive(&mut *consumer, 5).await;
    assert_eq!(numbers(&messages), [0, 1, 2, 3, 4]);
    let mut places = ids(&messages);
    places.dedup();
    assert_eq!(places.len(), 5);
    soon(consumer.acker().ack(&ids(&messages))).await.unwrap();
}

#[tokio::test]
async fn messages_of_other_producers_get_ids_from_their_place() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (_, mut consumer) = consuming(&wire, &client, 0).await;
    let id = wire.state.create_producer("/default/t", "foreign", true, None).unwrap();
    for n in 0..3 {
        let message = danube_wasm_proto::api::StreamMessage {
            msg_id: Some(danube_wasm_proto::api::MsgId {
                producer_id: id,
                topic_name: "/default/t".into(),
                ..Default::default()
            }),
            payload: n.to_string().into(),
            publish_time: 1_700_000_000_000,
            producer_name: "foreign".into(),
            ..Default::default()
        };
        wire.state.store(message).unwrap();
    }
    let messages = receive(&mut *consumer, 3).await;
    assert_eq!(messages[1].id.as_str(), "/default/t@1.1700000000000");
    assert_ne!(messages[0].id, messages[1].id);
    soon(consumer.acker().nack(&ids(&messages[..1]), Duration::ZERO))
        .await
        .unwrap();
    wire.state.redeliver("/default/t");
    let again = receive(&mut *consumer, 1).await;
    assert_eq!(again[0].id, messages[0].id, "the same after a redelivery");
}

#[tokio::test]
async fn closing_the_client_ends_its_consumers() {
    let wire = Wire::start().await;
    let client = wire.client();
    let (_, mut consumer) = consuming(&wire, &client, 0).await;
    let closing = client.clone();
    let (received, closed) = tokio::join!(soon(consumer.receive(1)), closing.close());
    closed.unwrap();
    assert_eq!(received.unwrap_err().kind, ErrorKind::Closed);
    until("the stream is closed", || {
        wire.state.with("/default/t", |t| t.subscriptions["sub"].is_streaming()) == Some(false)
    })
    .await;
}
