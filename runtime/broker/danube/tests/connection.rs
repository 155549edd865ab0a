//! The connection below the calls: made once, closed when nobody needs it, replaced without a trace.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

use danube_wasm_broker::{Broker, BrokerError, ErrorKind, Publisher};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_model::TopicName;
use futures_util::future::{join, join_all};
use support::{Act, Wire, number, proxy::Proxy, publish, quick, record, reliable, soon, topic, until};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tonic::transport::Server;

/// A client whose calls all go through a proxy.
async fn through_a_proxy(wire: &Wire, set: impl FnOnce(&mut DanubeOptions)) -> (Proxy, Arc<Danube>) {
    let proxy = Proxy::start(wire.address).await;
    // The broker, too, says that it is behind the proxy.
    wire.state.set_url(&proxy.url());
    let mut options = quick(DanubeOptions::new([proxy.url()]));
    set(&mut options);
    (proxy, Danube::open(options).unwrap())
}

/// A topic without partitions, and a publisher.
async fn publishing(client: &Danube) -> (TopicName, Arc<dyn Publisher>) {
    let topic = topic("/default/t");
    soon(client.create_topic(&topic, reliable(0))).await.unwrap();
    (topic, client.publisher("p/source").await.unwrap())
}

#[tokio::test]
async fn calls_at_once_share_one_connection_which_is_closed_with_the_client() {
    let wire = Wire::start_as(Server::builder().max_concurrent_streams(150)).await;
    let (proxy, client) = through_a_proxy(&wire, |_| {}).await;
    // More than the broker takes at once, before it could say so.
    proxy.let_speak(false);
    wire.state.script(|call| match call.method {
        "topic_partitions" => Act::Late(Duration::from_millis(100)),
        _ => Act::Pass,
    });
    let topics: Vec<_> = (0..400).map(|n| topic(&format!("/default/t{n}"))).collect();
    let making = join_all(topics.iter().map(|topic| client.create_topic(topic, reliable(0))));
    let heard = async {
        until("some arrived", || wire.state.calls("topic_partitions").len() >= 100).await;
        proxy.let_speak(true);
    };
    let (made, ()) = soon(join(making, heard)).await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..400).map(|n| record(&topics[n % topics.len()], None, n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    assert_eq!(proxy.opened(), 1);
    assert_eq!(proxy.closed(), 0);

    drop(publisher);
    drop(client);
    until("the connection is closed", || proxy.closed() == 1).await;
}

/// Brokers behind a load balancer end connections in good order all the time (GOAWAY): calls that are under way are
/// answered, and the next ones go elsewhere. No session is lost by it.
#[tokio::test]
async fn a_connection_that_the_broker_ends_in_good_order_is_replaced_without_a_loss() {
    let wire = Wire::start_as(Server::builder().max_connection_age(Duration::from_millis(200))).await;
    let (proxy, client) = through_a_proxy(&wire, |_| {}).await;
    let (topic, publisher) = publishing(&client).await;
    let mut published = 0;
    while proxy.opened() < 5 {
        // Those with a key are under way one at a time, the others beside each other.
        let key = |n| (n % 10 == 0).then_some("k");
        let records = (published..published + 100)
            .map(|n| record(&topic, key(n), n))
            .collect();
        let fates = publish(&*publisher, records).await;
        assert!(fates.iter().all(Result::is_ok), "{fates:?}");
        published += 100;
    }
    let stored = wire.state.log("/default/t");
    let mut numbers: Vec<_> = stored.iter().map(|message| number(&message.payload)).collect();
    let keyed: Vec<_> = numbers.iter().copied().filter(|n| n % 10 == 0).collect();
    assert!(keyed.is_sorted(), "{keyed:?}");
    numbers.sort_unstable();
    assert_eq!(numbers, (0..published).collect::<Vec<_>>(), "each once");
    assert_eq!(
        wire.state.calls("create_producer").len(),
        2,
        "the topic's maker and the publisher"
    );
    until("those that were left are closed", || {
        proxy.closed() + 1 >= proxy.opened()
    })
    .await;
}

/// HTTP/2 as a broker writes it.
mod frames {
    pub const PREFACE_BYTES: usize = 24;
    pub const HEADERS: u8 = 1;
    pub const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    pub const SETTINGS_WITHOUT_A_WINDOW: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    pub const GOAWAY_BEFORE_ANY_CALL: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    pub const FIRST_REFUSED: &[u8] = &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7];
    pub const FIRST_CANCELLED: &[u8] = &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8];
    /// `:status: 200` and `grpc-status: 5`, with which the stream ends.
    pub const FIRST_NOT_FOUND: &[u8] = b"\x00\x00\x10\x01\x05\x00\x00\x00\x01\x88\x00\x0bgrpc-status\x015";
    pub const SECOND_NOT_FOUND: &[u8] = b"\x00\x00\x10\x01\x05\x00\x00\x00\x03\x88\x00\x0bgrpc-status\x015";
}

/// A client of a broker that begins with these settings and says these things, each to a call, on the first connection;
/// the next connection is a real broker's.
async fn told(settings: &'static [u8], answers: &'static [&'static [u8]], wire: &Wire) -> Arc<Danube> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let to = wire.address;
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        first.write_all(settings).await.unwrap();
        first.read_exact(&mut [0; frames::PREFACE_BYTES]).await.unwrap();
        for answer in answers {
            while next_frame(&mut first).await != frames::HEADERS {}
            first.write_all(answer).await.unwrap();
        }
        let (mut second, _) = listener.accept().await.unwrap();
        let mut broker = TcpStream::connect(to).await.unwrap();
        let _ = copy_bidirectional(&mut second, &mut broker).await;
    });
    Danube::open(quick(DanubeOptions::new([url]))).unwrap()
}

/// Reads a frame and says its type.
async fn next_frame(from: &mut TcpStream) -> u8 {
    let mut head = [0; 9];
    from.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    from.read_exact(&mut payload).await.unwrap();
    head[3]
}

async fn asks(client: &Danube) -> Result<(), BrokerError> {
    let latest = soon(client.registry().latest("s")).await?;
    assert!(latest.is_none(), "{latest:?}");
    Ok(())
}

#[tokio::test]
async fn a_call_that_the_broker_has_not_looked_at_is_made_again_and_one_that_it_may_have_is_not() {
    let wire = Wire::start().await;
    let came_through = || wire.state.calls("get_latest_schema").len();
    // It leaves: another connection is made.
    let client = told(frames::SETTINGS, &[frames::GOAWAY_BEFORE_ANY_CALL], &wire).await;
    asks(&client).await.unwrap();
    assert_eq!(came_through(), 1);
    // It has too much to do: the connection is good.
    let refused = &[frames::FIRST_REFUSED, frames::SECOND_NOT_FOUND];
    asks(&*told(frames::SETTINGS, refused, &wire).await).await.unwrap();
    assert_eq!(came_through(), 1);
    let client = told(frames::SETTINGS, &[frames::FIRST_CANCELLED], &wire).await;
    let error = asks(&client).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("the call was cut off"), "{error}");
    assert_eq!(came_through(), 1);
}

#[tokio::test]
async fn an_answer_is_heard_that_comes_before_there_is_room_for_the_message() {
    let wire = Wire::start().await;
    let answers = &[frames::FIRST_NOT_FOUND, frames::SECOND_NOT_FOUND];
    let client = told(frames::SETTINGS_WITHOUT_A_WINDOW, answers, &wire).await;
    // When the first is answered, the settings are known.
    for _ in answers {
        asks(&client).await.unwrap();
    }
    assert!(wire.state.calls("get_latest_schema").is_empty());
}

/// No call's own deadline ends it: only the ping can.
#[tokio::test]
async fn a_ping_without_an_answer_ends_the_calls_on_its_connection() {
    let wire = Wire::start().await;
    let (proxy, client) = through_a_proxy(&wire, |options| {
        options.request_timeout = Duration::from_secs(600);
        options.publish_timeout = Duration::from_secs(600);
        options.keepalive_interval = Duration::from_millis(50);
        options.keepalive_timeout = Duration::from_millis(500);
    })
    .await;
    let (topic, publisher) = publishing(&client).await;
    assert!(publish(&*publisher, vec![record(&topic, None, 0)]).await[0].is_ok());
    proxy.swallow();
    // The first is on the connection that swallows it, and is sent again through another.
    let records = (1..6).map(|n| record(&topic, None, n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    let stored = wire.state.log("/default/t");
    let numbers: BTreeSet<_> = stored.iter().map(|message| number(&message.payload)).collect();
    assert_eq!(numbers, (0..6).collect());
    assert!(proxy.opened() >= 2);
}

#[tokio::test]
async fn a_call_whose_connection_falls_silent_says_that() {
    let wire = Wire::start().await;
    let (proxy, client) = through_a_proxy(&wire, |options| {
        options.request_timeout = Duration::from_secs(600);
        options.keepalive_interval = Duration::from_millis(50);
        options.keepalive_timeout = Duration::from_millis(200);
    })
    .await;
    wire.state.script(|call| match call.method {
        "get_latest_schema" => Act::Hang,
        _ => Act::Pass,
    });
    let asking = tokio::spawn(async move { asks(&client).await });
    until("the call hangs", || !wire.state.calls("get_latest_schema").is_empty()).await;
    proxy.swallow();
    let error = soon(asking).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("a ping had no answer"), "{error}");
}

/// On a slow line the answer to a ping waits behind others: each of them says that the broker is there.
#[tokio::test]
async fn a_ping_whose_answer_is_late_ends_nothing_while_others_come() {
    let wire = Wire::start().await;
    let timeout = Duration::from_secs(4);
    let (proxy, client) = through_a_proxy(&wire, |options| {
        options.keepalive_interval = Duration::from_millis(50);
        options.keepalive_timeout = timeout;
    })
    .await;
    let (topic, publisher) = publishing(&client).await;
    assert!(publish(&*publisher, vec![record(&topic, None, 0)]).await[0].is_ok());
    proxy.hold_pongs();
    until("a ping has no answer", || proxy.pongs_held() > 0).await;
    let (asked, mut n) = (Instant::now(), 1);
    while asked.elapsed() < timeout + timeout / 4 {
        assert!(publish(&*publisher, vec![record(&topic, None, n)]).await[0].is_ok());
        n += 1;
    }
    assert_eq!((proxy.opened(), proxy.closed()), (1, 0));
    until("silence ends it", || proxy.closed() == 1).await;
}

/// A broker that refuses a message says so before it has read it, and wants no more of it.
#[tokio::test]
async fn a_refusal_that_comes_before_the_message_was_read_is_a_refusal() {
    let wire = Wire::start().await;
    let (proxy, client) = through_a_proxy(&wire, |options| options.message_bytes_max = 64 << 20).await;
    let (topic, publisher) = publishing(&client).await;
    let mut large = record(&topic, None, 0);
    // More than fits into the windows, and than is decoded there.
    large.payload = vec![0; 32 << 20].into();
    let refused = soon(publisher.publish(vec![vec![large]])).await.remove(0).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::TooLarge, "{refused}");
    assert!(publish(&*publisher, vec![record(&topic, None, 1)]).await[0].is_ok());
    assert_eq!(proxy.opened(), 1);
}

/// Calls that nobody waits for any more leave the connection as it was.
#[tokio::test]
async fn a_call_that_is_given_up_costs_the_others_nothing() {
    let wire = Wire::start().await;
    let (proxy, client) = through_a_proxy(&wire, |_| {}).await;
    let (t, publisher) = publishing(&client).await;
    let hanging = Arc::new(AtomicUsize::new(0));
    let counted = hanging.clone();
    wire.state
        .script(move |call| match call.about.starts_with("/default/hangs") {
            true => {
                counted.fetch_add(1, SeqCst);
                Act::Hang
            }
            false => Act::Pass,
        });
    let making: Vec<_> = (0..150)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move {
                client
                    .create_topic(&topic(&format!("/default/hangs{n}")), reliable(0))
                    .await
            })
        })
        .collect();
    until("all of them hang", || hanging.load(SeqCst) >= 150).await;
    for call in &making {
        call.abort();
    }
    // Most of the calls that the broker takes at once were taken: their places are free again.
    let records = (0..500).map(|n| record(&t, None, n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    assert_eq!(proxy.opened(), 1);
}
