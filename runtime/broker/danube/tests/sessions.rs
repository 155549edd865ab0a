//! Lost sessions are counted, found out when asked for, and outlived only by those that want it.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{Broker, ErrorKind, Published, Publisher, Result};
use danube_wasm_broker_danube::Danube;
use danube_wasm_model::TopicName;
use support::{Act, Wire, eventually, number, publish, record, reliable, soon, topic, until};
use tonic::Status;

/// A client that hands back what was under way.
fn handing_back(wire: &Wire) -> Arc<Danube> {
    let mut options = wire.options();
    options.resend_after_loss = false;
    // Several are under way: the harder case.
    options.in_flight_max = Some(64);
    Danube::open(options).unwrap()
}

/// A publisher that has a session on every partition.
async fn publishing(client: &Danube, topic: &TopicName, partitions: u32) -> Arc<dyn Publisher> {
    client.create_topic(topic, reliable(partitions)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..partitions.max(1) as usize)
        .map(|n| record(topic, None, n))
        .collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    publisher
}

fn lost(client: &Danube) -> u64 {
    *client.sessions().borrow()
}

fn kinds(results: Vec<Result<Published>>) -> Vec<std::result::Result<(), ErrorKind>> {
    results.into_iter().map(|r| r.map(drop).map_err(|e| e.kind)).collect()
}

fn payloads(wire: &Wire) -> Vec<usize> {
    wire.state
        .log("/default/t")
        .iter()
        .map(|m| number(&m.payload))
        .collect()
}

#[tokio::test]
async fn a_check_finds_each_session_that_the_broker_has_forgotten() {
    let (wire, topic) = (Wire::start().await, topic("/default/t"));
    let client = wire.client();
    soon(client.check_sessions()).await.unwrap();
    let publisher = publishing(&client, &topic, 3).await;
    soon(client.check_sessions()).await.unwrap();
    assert_eq!(lost(&client), 0, "all are there");
    assert_eq!(wire.state.calls("health_check").len(), 3, "each was asked for");
    wire.state.forget();
    soon(client.check_sessions()).await.unwrap();
    assert_eq!(lost(&client), 3);
    soon(client.check_sessions()).await.unwrap();
    assert_eq!(lost(&client), 3, "counted once");
    drop(publisher);
}

#[tokio::test]
async fn a_loss_is_counted_before_anything_is_published_in_the_next_session() {
    let (wire, topic) = (Wire::start().await, topic("/default/t"));
    let client = wire.client();
    let publisher = publishing(&client, &topic, 0).await;
    wire.state.forget();
    let (counted, seen) = (client.sessions(), Arc::new(parking_lot::Mutex::new(Vec::new())));
    let notes = seen.clone();
    wire.state.script(move |call| {
        notes.lock().push((call.method, *counted.borrow()));
        Act::Pass
    });
    let fates = publish(&*publisher, vec![record(&topic, Some("k"), 1)]).await;
    assert_eq!(kinds(fates), [Ok(())], "sent again");
    let sent: Vec<u64> = seen
        .lock()
        .iter()
        .filter(|(m, _)| *m == "send_message")
        .map(|(_, n)| *n)
        .collect();
    assert_eq!(sent, [0, 1]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_an_error_and_what_moved_is_lost() {
    let (wire, elsewhere, topic) = (Wire::start().await, Wire::start().await, topic("/default/t"));
    let client = wire.client();
    let publisher = publishing(&client, &topic, 0).await;
    wire.state.script(|call| match call.method {
        "health_check" => Act::Fail(Status::unavailable("busy")),
        _ => Act::Pass,
    });
    let error = soon(client.check_sessions()).await.unwrap_err();
    assert_eq!((error.kind, lost(&client)), (ErrorKind::Unavailable, 0));
    wire.state
        .moved("/default/t", &elsewhere.url(), &elsewhere.url(), false);
    soon(client.check_sessions()).await.unwrap();
    assert_eq!(lost(&client), 1, "another broker serves the topic");
    drop(publisher);
}

#[tokio::test]
async fn what_was_under_way_is_handed_back_and_never_sent_in_the_next_session() {
    let (wire, topic) = (Wire::start().await, topic("/default/t"));
    let client = handing_back(&wire);
    let publisher = publishing(&client, &topic, 0).await;
    wire.state.script(|call| match call.method {
        "send_message" => Act::Hang,
        _ => Act::Pass,
    });
    let mut records: Vec<_> = (1..10).map(|n| record(&topic, Some("k"), n)).collect();
    records.extend((10..20).map(|n| record(&topic, None, n)));
    let fates = publisher.publish(records.into_iter().map(|r| vec![r]).collect());
    until("eleven are under way", || wire.state.calls("send_message").len() == 12).await;
    wire.state.behave();
    wire.state.forget();
    soon(client.check_sessions()).await.unwrap();
    assert_eq!(lost(&client), 1);
    assert_eq!(kinds(soon(fates).await), [Err(ErrorKind::Unavailable); 19]);
    // The handle is of the time before the loss.
    let late = publish(&*publisher, vec![record(&topic, Some("k"), 20)]).await;
    assert_eq!(kinds(late), [Err(ErrorKind::Unavailable)]);
    assert_eq!(payloads(&wire), [0]);

    let again = client.publisher("p/source").await.unwrap();
    let records = (1..20).map(|n| record(&topic, Some("k"), n)).collect();
    assert_eq!(kinds(publish(&*again, records).await), [Ok(()); 19]);
    assert_eq!(payloads(&wire), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_broker_that_says_the_session_is_gone_hands_everything_back_at_once() {
    let (wire, topic) = (Wire::start().await, topic("/default/t"));
    let client = handing_back(&wire);
    let publisher = publishing(&client, &topic, 0).await;
    wire.state.forget();
    let fates = publish(&*publisher, (1..6).map(|n| record(&topic, Some("k"), n)).collect()).await;
    assert_eq!(kinds(fates), [Err(ErrorKind::Unavailable); 5]);
    assert_eq!((lost(&client), payloads(&wire)), (1, vec![0]));
}

#[tokio::test]
async fn a_second_producer_waits_for_what_the_first_one_lost_on_its_partition() {
    let (wire, topic) = (Wire::start().await, topic("/default/t"));
    let client = handing_back(&wire);
    let first = publishing(&client, &topic, 0).await;
    let second = client.publisher("p/other").await.unwrap();
    wire.state.truncate("/default/t", 0);
    wire.state.forget();
    let fates = publish(&*second, vec![record(&topic, Some("k"), 1)]).await;
    assert_eq!(kinds(fates), [Err(ErrorKind::Unavailable)], "record 0 is to come first");
    assert_eq!((lost(&client), payloads(&wire)), (1, vec![]));
    drop(first);
}

#[tokio::test]
async fn a_broker_that_is_not_there_yet_is_no_loss() {
    let (wire, topic) = (Wire::start().await, topic("/default/t"));
    let client = handing_back(&wire);
    client.create_topic(&topic, reliable(0)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let mut refusals = 3;
    wire.state.script(move |call| match call.method {
        "create_producer" if refusals > 0 => {
            refusals -= 1;
            Act::Fail(Status::unavailable("starting"))
        }
        "send_message" => Act::Late(Duration::from_millis(1)),
        _ => Act::Pass,
    });
    let fates = publish(&*publisher, (0..3).map(|n| record(&topic, Some("k"), n)).collect()).await;
    assert_eq!((kinds(fates), lost(&client)), (vec![Ok(()); 3], 0));
    let address = wire.address.to_string();
    let state = wire.stop();
    eventually("nobody answers", || async {
        client.check_sessions().await.map_or(Ok(()), |()| Err(()))
    })
    .await;
    assert_eq!(lost(&client), 0, "nobody could be asked");
    let _back = Wire::back(state, &address).await;
    eventually("asked", || client.check_sessions()).await;
    assert_eq!(lost(&client), 1);
}
