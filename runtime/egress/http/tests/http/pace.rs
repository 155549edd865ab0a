//! How many requests there are at a time.

use std::sync::Arc;

use danube_wasm_egress_http::HttpEgress;
use danube_wasm_testkit::until;
use tokio::{sync::watch, task::JoinHandle};

use crate::support::{
    finish, inserts, one, report,
    server::{Reply, Server},
    sink,
};

/// A receiver that answers when it is told to, and a sink with so many requests at most.
async fn silent(keys: &str) -> (watch::Sender<bool>, Server, Arc<HttpEgress>) {
    let (tell, told) = watch::channel(false);
    let server = Server::start(move |_, _| Reply::After(told.clone(), Box::new(200.into()))).await;
    let sink = Arc::new(sink(&one(&server.url("/"), keys)));
    (tell, server, sink)
}

fn writing(sink: &Arc<HttpEgress>, n: usize) -> JoinHandle<()> {
    let sink = sink.clone();
    tokio::spawn(async move { assert_eq!(report(&sink, &inserts(n)).await, Default::default()) })
}

#[tokio::test]
async fn there_are_never_more_requests_than_the_file_allows() {
    let (tell, server, sink) = silent("max_in_flight = 3").await;
    let writing = writing(&sink, 20);
    until("there are three", || (server.busy() == 3).then_some(())).await;
    tell.send_replace(true);
    writing.await.expect("done");
    assert_eq!((server.busy_max(), server.seen().len()), (3, 20));
}

#[tokio::test]
async fn a_new_endpoint_begins_with_some_and_gets_more_while_it_answers() {
    let (tell, server, sink) = silent("max_in_flight = 32").await;
    let first = writing(&sink, 100);
    until("there are eight", || (server.busy() == 8).then_some(())).await;
    tell.send_replace(true);
    first.await.expect("done");
    // Each round of answers is one more.
    finish(&sink, inserts(2000)).await;
    tell.send_replace(false);
    let second = writing(&sink, 100);
    until("there are more than eight", || (server.busy() > 8).then_some(())).await;
    tell.send_replace(true);
    second.await.expect("done");
    assert!(server.busy_max() <= 32, "{}", server.busy_max());
}

#[tokio::test]
async fn an_endpoint_that_asks_for_less_gets_less() {
    let (tell, told) = watch::channel(true);
    let server = Server::start(move |nth, _| match nth {
        0 => 429.into(),
        _ => Reply::After(told.clone(), Box::new(200.into())),
    })
    .await;
    let sink = Arc::new(sink(&one(&server.url("/"), "max_in_flight = 16")));
    assert!(finish(&sink, inserts(1)).await.is_empty());
    tell.send_replace(false);
    let writing = writing(&sink, 100);
    until("there are four", || (server.busy() == 4).then_some(())).await;
    let seen = server.seen().len();
    tell.send_replace(true);
    writing.await.expect("done");
    assert_eq!(seen, 6, "429, 200, and half of eight");
}
