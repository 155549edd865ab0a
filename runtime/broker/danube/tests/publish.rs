//! Publishing, over a real socket, to a broker that misbehaves.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use danube_wasm_broker::{Broker, DEAD_LETTER_HEADROOM_BYTES, ErrorKind, Outgoing, Publisher, TopicSpec};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use support::{Act, Wire, number, publish, quick, record, reliable, soon, topic};
use tonic::Status;

#[tokio::test]
async fn keys_go_to_their_partitions_and_the_rest_in_turn() {
    let wire = Wire::start().await;
    let client = wire.client();
    let topic = topic("/default/t");
    client.create_topic(&topic, reliable(3)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let mut records: Vec<_> = (0..30)
        .map(|n| record(&topic, Some(&format!("key-{}", n % 5)), n))
        .collect();
    records.extend((30..36).map(|n| record(&topic, None, n)));
    for result in publish(&*publisher, records).await {
        assert!(!result.unwrap().durable, "Danube answers before its disk has it");
    }
    assert_eq!(client.is_durable(&topic), Some(false));
    let mut places: HashMap<String, usize> = HashMap::new();
    for partition in 0..3 {
        let name = format!("/default/t-part-{partition}");
        let log = wire.state.log(&name);
        assert_eq!(log.iter().filter(|m| m.routing_key.is_none()).count(), 2, "in turn");
        for message in log {
            assert_eq!(message.producer_name, "p/source");
            assert_eq!(message.attributes["colour"], "blue");
            assert!(message.attributes["x-danube-wasm-id"].starts_with("p/c:"));
            if let Some(key) = message.routing_key {
                assert_eq!(
                    *places.entry(key).or_insert(partition),
                    partition,
                    "one partition a key"
                );
            }
        }
        let producers = wire
            .state
            .with(&name, |t| t.producers.keys().cloned().collect::<Vec<_>>())
            .unwrap();
        assert!(producers.contains(&format!("p/source-{partition}")), "{producers:?}");
    }
}

#[tokio::test]
async fn one_of_a_key_is_under_way_at_a_time_and_others_beside_it() {
    let wire = Wire::start().await;
    wire.state.be_own();
    let topic = topic("/default/t");
    let client = wire.client();
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let mut calls = 0_u64;
    wire.state.script(move |call| {
        // Answers that come in any order.
        calls += 1;
        match call.method {
            "send_message" => Act::Late(Duration::from_millis(calls * 7 % 13)),
            _ => Act::Pass,
        }
    });
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..200)
        .map(|n| record(&topic, Some(&format!("key-{}", n % 8)), n))
        .collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    let (overlapped, beside) = wire
        .state
        .with("/default/t", |t| (t.overlapped, t.overlap_max))
        .unwrap();
    assert!(!overlapped, "two records of one key were under way at once");
    assert!(beside > 1, "records of other keys waited");
    in_order_by_key(&wire);
}

#[tokio::test]
async fn an_ordered_topic_keeps_the_order_of_everything() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let client = wire.client();
    let spec = TopicSpec {
        ordered: true,
        ..reliable(0)
    };
    client.create_topic(&topic, spec).await.unwrap();
    let mut calls = 0_u64;
    wire.state.script(move |_| {
        calls += 1;
        Act::Late(Duration::from_millis(calls % 3))
    });
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..60).map(|n| record(&topic, None, n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    let order: Vec<usize> = wire
        .state
        .log("/default/t")
        .iter()
        .map(|m| number(&m.payload))
        .collect();
    assert_eq!(order, (0..60).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_in_flight_is_bounded() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let mut options = wire.options();
    options.in_flight_max = Some(4);
    let client = Danube::open(options).unwrap();
    client.create_topic(&topic, reliable(0)).await.unwrap();
    wire.state.script(|_| Act::Late(Duration::from_millis(2)));
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..50).map(|n| record(&topic, None, n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    assert_eq!(wire.state.with("/default/t", |t| t.overlap_max), Some(4));
}

/// Danube (0.15) mixes up what is sent side by side, and a subscription that reads it from the log then ends for good.
#[tokio::test]
async fn on_danube_one_message_of_a_partition_is_in_flight_whoever_publishes_it() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let options = wire.options();
    let behind_a_spool = DanubeOptions {
        resend_after_loss: false,
        ..options.clone()
    };
    let clients = [Danube::open(options).unwrap(), Danube::open(behind_a_spool).unwrap()];
    clients[0].create_topic(&topic, reliable(0)).await.unwrap();
    wire.state.script(|_| Act::Late(Duration::from_millis(2)));
    let mut fates = Vec::new();
    for (n, client) in clients.iter().enumerate() {
        for name in ["p/source", "p/dead-letters"] {
            let publisher = client.publisher(name).await.unwrap();
            let records = (0..20).map(|i| vec![record(&topic, None, 100 * n + i)]).collect();
            fates.push(publisher.publish(records));
        }
    }
    for results in soon(futures_util::future::join_all(fates)).await {
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }
    assert_eq!(wire.state.log("/default/t").len(), 80);
    assert_eq!(wire.state.with("/default/t", |t| t.overlap_max), Some(1));
}

#[tokio::test]
async fn danube_wasms_own_broker_has_many_in_flight() {
    let wire = Wire::start().await;
    wire.state.be_own();
    let topic = topic("/default/t");
    let client = wire.client();
    client.create_topic(&topic, reliable(0)).await.unwrap();
    wire.state.script(|_| Act::Late(Duration::from_millis(20)));
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..200).map(|n| record(&topic, None, n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    assert_eq!(wire.state.with("/default/t", |t| t.overlap_max), Some(64));
}

/// What the broker says when it has forgotten a producer, is elsewhere, moves the topic, or has trouble.
#[tokio::test]
async fn every_loss_is_overcome_in_order() {
    type Loss = fn() -> Status;
    let losses: [(&str, Loss); 7] = [
        ("forgotten", || {
            Status::not_found("The producer with id 1 does not exist")
        }),
        ("elsewhere", || {
            Status::unavailable("The topic exists but is served by another broker, redo the Lookup request")
        }),
        ("draining", || {
            Status::permission_denied("Unable to publish the message: Topic t is draining or closed; retry")
        }),
        ("detached", || {
            Status::permission_denied("Unable to publish the message: the producer with id 1 is not attached to topic")
        }),
        ("gone", || {
            Status::permission_denied("Unable to publish the message: Topic t not found in registry")
        }),
        ("late", || Status::deadline_exceeded("too late")),
        ("busy", || Status::resource_exhausted("too many")),
    ];
    for (name, loss) in losses {
        let wire = Wire::start().await;
        let topic = topic("/default/t");
        let client = wire.client();
        client.create_topic(&topic, reliable(0)).await.unwrap();
        let mut sends = 0;
        wire.state.script(move |call| {
            sends += usize::from(call.method == "send_message");
            match call.method {
                "send_message" if sends % 5 == 3 => Act::Fail(loss()),
                _ => Act::Pass,
            }
        });
        let publisher = client.publisher("p/source").await.unwrap();
        let records = (0..40)
            .map(|n| record(&topic, Some(&format!("key-{}", n % 3)), n))
            .collect();
        let results = publish(&*publisher, records).await;
        assert!(results.iter().all(Result::is_ok), "{name}: {results:?}");
        in_order_by_key(&wire);
        assert!(
            wire.state.calls("create_producer").len() > 2,
            "{name}: no session was rebuilt"
        );
        soon(client.ready()).await.unwrap();
    }
}

#[tokio::test]
async fn a_broker_that_restarts_is_waited_for_while_readiness_is_false() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let client = wire.client();
    client.create_topic(&topic, reliable(2)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    assert!(publish(&*publisher, vec![record(&topic, Some("k"), 0)]).await[0].is_ok());
    client.ready().await.unwrap();
    let address = wire.address.to_string();
    let state = wire.stop();
    let fate = publisher.publish((1..20).map(|n| vec![record(&topic, Some("k"), n)]).collect());
    support::eventually("not ready", || async {
        match client.ready().await {
            Err(why) if why.kind == ErrorKind::Unavailable => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let wire = Wire::back(state, &address).await;
    assert!(soon(fate).await.iter().all(Result::is_ok));
    in_order_by_key(&wire);
    support::eventually("ready", || client.ready()).await;
}

#[tokio::test]
async fn without_a_broker_records_fail_at_their_deadline_and_the_client_lives() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let mut options = wire.options();
    options.publish_timeout = Duration::from_millis(200);
    let client = Danube::open(options).unwrap();
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let address = wire.address.to_string();
    let state = wire.stop();
    for result in publish(&*publisher, (0..5).map(|n| record(&topic, Some("k"), n)).collect()).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.message.contains("nothing listens at"), "{error}");
    }
    let wire = Wire::back(state, &address).await;
    taken(&*publisher, record(&topic, Some("k"), 5)).await;
    assert_eq!(
        stored(&wire),
        [5].into(),
        "what failed is published behind its sender's back"
    );
}

#[tokio::test]
async fn an_outage_that_outlasted_one_record_fails_the_next_at_once_and_the_first_after_it_is_taken() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let (_client, publisher) = publisher_with(&wire, |options| options.publish_timeout = Duration::from_secs(2)).await;
    let address = wire.address.to_string();
    let state = wire.stop();
    // One after another, and so many that they could not each wait.
    let all_fail = async {
        for n in 1..=100 {
            let error = publish(&*publisher, vec![record(&topic, Some("k"), n)]).await[0]
                .clone()
                .unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unavailable);
            assert!(error.message.contains("took nothing within 2000 ms: "), "{error}");
        }
    };
    soon(all_fail).await;
    let wire = Wire::back(state, &address).await;
    taken(&*publisher, record(&topic, Some("k"), 101)).await;
    assert_eq!(
        stored(&wire),
        [0, 101].into(),
        "what failed is published behind its sender's back"
    );
}

#[tokio::test]
async fn a_record_that_waited_too_long_behind_others_costs_no_session() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let (_client, publisher) = publisher_with(&wire, |options| options.publish_timeout = Duration::from_secs(3)).await;
    wire.state.script(|call| match call.method {
        "send_message" => Act::Late(Duration::from_millis(100)),
        _ => Act::Pass,
    });
    let sessions = wire.state.calls("create_producer").len();
    let records = (1..50).map(|n| record(&topic, Some("k"), n)).collect();
    let results = publish(&*publisher, records).await;
    assert!(results.first().unwrap().is_ok());
    let error = results.last().unwrap().as_ref().unwrap_err();
    assert!(error.message.contains("waited 3000 ms behind others"), "{error}");
    assert_eq!(wire.state.calls("create_producer").len(), sessions);
}

#[tokio::test]
async fn a_call_that_hangs_costs_its_record_and_not_those_behind_it() {
    const DEADLINE: Duration = Duration::from_secs(6);
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let (_client, publisher) = publisher_with(&wire, |options| {
        // So that a call's own time is not what ends it: no test waits for that.
        options.request_timeout = Duration::from_secs(600);
        options.publish_timeout = DEADLINE;
        options.in_flight_max = Some(1);
    })
    .await;
    let mut hangs = true;
    wire.state.script(move |call| match call.method {
        "send_message" if std::mem::take(&mut hangs) => Act::Hang,
        _ => Act::Pass,
    });
    let first = publisher.publish(vec![vec![record(&topic, Some("a"), 1)]]);
    // The second has half of its time left when that of the first is over.
    tokio::time::sleep(DEADLINE / 2).await;
    let second = publisher.publish(vec![vec![record(&topic, Some("b"), 2)]]);
    let error = soon(first).await.remove(0).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("no answer within"), "{error}");
    soon(second).await.remove(0).unwrap();
    assert_eq!(stored(&wire), [0, 2].into());
}

#[tokio::test]
async fn a_broker_that_swallows_everything_is_left_for_one_that_answers() {
    let (hole, wire) = (Wire::start().await, Wire::start().await);
    let topic = topic("/default/t");
    let mut options = quick(DanubeOptions::new([hole.url(), wire.url()]));
    options.request_timeout = Duration::from_millis(100);
    hole.state.script(|_| Act::Hang);
    let client = Danube::open(options).unwrap();
    soon(client.create_topic(&topic, reliable(0))).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    // The broker falls silent in the middle, then speaks again.
    let mut swallowed = 0;
    wire.state.script(move |call| {
        swallowed += usize::from(call.method == "send_message");
        match swallowed {
            3..6 if call.method == "send_message" => Act::Hang,
            _ => Act::Pass,
        }
    });
    let records = (0..10)
        .map(|n| record(&topic, Some(&format!("{}", n % 2)), n))
        .collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    in_order_by_key(&wire);
}

#[tokio::test]
async fn what_follows_a_failed_record_of_its_key_does_not_overtake_it() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let client = wire.client();
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let mut refused = false;
    wire.state.script(move |call| match call.method {
        "send_message" if !std::mem::replace(&mut refused, true) => Act::Fail(Status::permission_denied(
            "Unable to publish the message: Payload validation failed: no",
        )),
        _ => Act::Pass,
    });
    let publisher = client.publisher("p/source").await.unwrap();
    let results = publish(&*publisher, (0..4).map(|n| record(&topic, Some("k"), n)).collect()).await;
    let kinds: Vec<_> = results.iter().map(|r| r.as_ref().unwrap_err().kind).collect();
    assert_eq!(kinds[0], ErrorKind::Denied);
    assert!(
        kinds[1..].iter().all(|kind| *kind == ErrorKind::Unavailable),
        "{kinds:?}"
    );
    assert_eq!(wire.state.log("/default/t").len(), 0);
    let again = publish(&*publisher, (1..4).map(|n| record(&topic, Some("k"), n)).collect()).await;
    assert!(again.iter().all(Result::is_ok));
    in_order_by_key(&wire);
}

#[tokio::test]
async fn a_redirect_is_followed_and_a_proxy_told_which_broker_is_meant() {
    let (seed, owner) = (Wire::start().await, Wire::start().await);
    let topic = topic("/default/t");
    seed.state
        .moved("/default/t", &owner.url(), "http://broker-7:6650", true);
    let client = seed.client();
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let mut guest = record(&topic, Some("k"), 1);
    guest.attributes.push(("x-danube-internal-broker".into(), "me".into()));
    assert!(publish(&*publisher, vec![guest]).await[0].is_ok());
    assert_eq!(seed.state.calls("send_message").len(), 0);
    let sent = owner.state.calls("send_message");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].header("x-danube-broker-url"), Some("http://broker-7:6650"));
    assert_eq!(
        sent[0].header("x-danube-internal-broker"),
        None,
        "a record's attribute became metadata"
    );
    assert!(
        seed.state
            .calls("topic_lookup")
            .iter()
            .all(|call| call.header("x-danube-broker-url").is_none())
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_sent() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let client = wire.client();
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let letters_limit = 4 * 1024 * 1024 - 4 * 1024;
    let limit = letters_limit - DEAD_LETTER_HEADROOM_BYTES;
    let mut fits = record(&topic, None, 0);
    fits.payload = vec![0; limit - 1024].into();
    let mut over = fits.clone();
    // Attributes count.
    over.attributes.push(("note".into(), "x".repeat(1024)));
    let results = soon(publisher.publish(vec![vec![fits], vec![record(&topic, None, 1), over]])).await;
    assert!(results[0].is_ok(), "{results:?}");
    let error = results[1].as_ref().unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(error.message.contains("make it smaller"), "{error}");
    assert_eq!(
        wire.state.calls("send_message").len(),
        1,
        "a group with one record too large was sent in part"
    );

    // A dead letter is its input and what is known about it.
    let letters = topic.dead_letters_of(&danube_wasm_model::ConnectorId::try_new("p", "sink").unwrap());
    client.create_topic(&letters, reliable(0)).await.unwrap();
    let mut letter = record(&letters, None, 2);
    for (bytes, taken) in [(letters_limit - 1024, true), (letters_limit, false)] {
        letter.payload = vec![0; bytes].into();
        let result = soon(publisher.publish(vec![vec![letter.clone()]])).await;
        assert_eq!(result[0].is_ok(), taken, "{result:?}");
    }
}

#[tokio::test]
async fn what_danube_wasms_own_broker_has_is_durable_however_it_is_dispatched() {
    let wire = Wire::start().await;
    wire.state.be_own();
    let client = wire.client();
    let publisher = client.publisher("p/source").await.unwrap();
    let topics = [topic("/default/t"), topic("/default/u")];
    assert_eq!(client.is_durable(&topics[0]), None, "nobody was asked yet");
    for (topic, spec) in topics.iter().zip([reliable(0), TopicSpec::default()]) {
        client.create_topic(topic, spec).await.unwrap();
        let results = publish(&*publisher, vec![record(topic, None, 1)]).await;
        assert!(results[0].as_ref().unwrap().durable);
        assert_eq!(client.is_durable(topic), Some(true));
    }
}

#[tokio::test]
async fn a_topic_that_somebody_else_made_is_published_to_as_it_is_found() {
    let wire = Wire::start().await;
    for partition in 0..2 {
        wire.state
            .create_producer(&format!("/default/t-part-{partition}"), "other", false, None)
            .unwrap();
    }
    wire.state.list_foreign(&["/default/tea"]);
    let client = wire.client();
    let publisher = client.publisher("p/source").await.unwrap();
    let known = topic("/default/t");
    let results = publish(&*publisher, (0..4).map(|n| record(&known, None, n)).collect()).await;
    assert!(
        results.iter().all(|r| r.as_ref().is_ok_and(|p| !p.durable)),
        "{results:?}"
    );
    assert_eq!(wire.state.log("/default/t-part-1").len(), 2);
    let unknown = topic("/default/unknown");
    let error = publish(&*publisher, vec![record(&unknown, None, 0)])
        .await
        .remove(0)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn keys_that_are_no_text_arrive_as_they_were() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let client = wire.client();
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let options = support::consumer_options(&topic, danube_wasm_model::SubscriptionType::Exclusive);
    let mut consumer = soon(client.subscribe(options)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let mut binary = record(&topic, None, 0);
    binary.key = Some(vec![0xff, 0x00].into());
    let (id, attributes) = (binary.id.clone(), binary.attributes.clone());
    assert!(publish(&*publisher, vec![binary]).await[0].is_ok());
    let message = support::receive(&mut *consumer, 1).await.remove(0);
    assert_eq!(message.key.as_deref(), Some(&[0xff, 0x00][..]));
    assert_eq!((message.id, message.attributes), (id, attributes));
}

#[tokio::test]
async fn closing_ends_what_waits() {
    let wire = Wire::start().await;
    let topic = topic("/default/t");
    let client = wire.client();
    client.create_topic(&topic, reliable(0)).await.unwrap();
    wire.state.script(|call| {
        if call.method == "send_message" {
            Act::Hang
        } else {
            Act::Pass
        }
    });
    let publisher = client.publisher("p/source").await.unwrap();
    let fate = publisher.publish((0..3).map(|n| vec![record(&topic, Some("k"), n)]).collect());
    client.close().await.unwrap();
    for result in soon(fate).await {
        assert_eq!(result.unwrap_err().kind, ErrorKind::Closed);
    }
    assert_eq!(client.ready().await.unwrap_err().kind, ErrorKind::Closed);
    assert_eq!(
        publish(&*publisher, vec![record(&topic, None, 9)]).await[0]
            .as_ref()
            .unwrap_err()
            .kind,
        ErrorKind::Closed
    );
}

/// A publisher of which record 0 is in the topic. It lives as long as its client.
async fn publisher_with(wire: &Wire, set: impl FnOnce(&mut DanubeOptions)) -> (Arc<Danube>, Arc<dyn Publisher>) {
    let mut options = wire.options();
    set(&mut options);
    let client = Danube::open(options).unwrap();
    let topic = topic("/default/t");
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    publish(&*publisher, vec![record(&topic, Some("k"), 0)])
        .await
        .remove(0)
        .unwrap();
    (client, publisher)
}

/// Hands the record over again until it is taken.
async fn taken(publisher: &dyn Publisher, record: Outgoing) {
    support::eventually("a record is taken", || async {
        publish(publisher, vec![record.clone()]).await.remove(0)
    })
    .await;
}

/// The numbers of what is in the topic.
fn stored(wire: &Wire) -> BTreeSet<usize> {
    let log = wire.state.log("/default/t");
    log.iter().map(|message| number(&message.payload)).collect()
}

/// First occurrences of each key are in the order in which they were handed over.
fn in_order_by_key(wire: &Wire) {
    let mut newest: HashMap<String, usize> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for message in wire
        .state
        .log("/default/t")
        .iter()
        .chain(&wire.state.log("/default/t-part-0"))
    {
        let (key, n) = (
            message.routing_key.clone().unwrap_or_default(),
            number(&message.payload),
        );
        if seen.insert(n) {
            let before = newest.insert(key.clone(), n);
            assert!(before.is_none_or(|before| before < n), "{key}: {n} after {before:?}");
        }
    }
}
