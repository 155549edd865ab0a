//! Records of one key, one after the other.

use std::{collections::BTreeMap, time::Duration};

use danube_wasm_egress_http::HttpEgress;
use danube_wasm_model::door::{EgressError, Write};
use danube_wasm_testkit::until;
use tokio::sync::watch;

use crate::support::{
    DEADLINE, finish, inserts, one, report,
    server::{Reply, Server},
    sink, try_write,
};

/// `n` records of so many keys, in turn.
fn keyed(n: usize, keys: usize) -> Vec<Write> {
    let key = |(place, write): (usize, Write)| Write {
        key: Some(format!("k{}", place % keys).into()),
        body: format!("{{\"n\":{place}}}").into(),
        ..write
    };
    inserts(n).into_iter().enumerate().map(key).collect()
}

fn number(body: &str) -> usize {
    serde_json::from_str::<serde_json::Value>(body).expect("JSON")["n"]
        .as_u64()
        .expect("a number") as usize
}

/// That each key's records were taken once and in order; `taken` are the bodies with a 200.
fn in_order(taken: &[String], n: usize, keys: usize) {
    assert_eq!(taken.len(), n, "each once");
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    for number in taken.iter().map(|body| number(body)) {
        let before = last.insert(number % keys, number);
        assert!(before < Some(number), "{number} came after {before:?}");
    }
}

#[tokio::test]
async fn records_of_a_key_are_in_order_while_requests_fail() {
    // Of the requests, every third is refused for now: in turn for another key.
    let server = Server::start(|nth, _| if nth % 3 == 2 { 503.into() } else { 200.into() }).await;
    let sink = sink(&one(&server.url("/"), ""));
    assert!(finish(&sink, keyed(60, 7)).await.is_empty());
    let taken = server.bodies().into_iter().enumerate().filter(|(nth, _)| nth % 3 != 2);
    let taken: Vec<_> = taken.map(|(_, body)| body).collect();
    in_order(&taken, 60, 7);
}

/// As [`finish`], of an endpoint that is held now and then: the pipeline writes everything again that it was not told of.
async fn finish_held(sink: &HttpEgress, mut writes: Vec<Write>) {
    let until = tokio::time::Instant::now() + DEADLINE;
    while !writes.is_empty() {
        assert!(tokio::time::Instant::now() < until, "{} writes are left", writes.len());
        match try_write(sink, &writes).await {
            Ok(report) => {
                assert_eq!(report.refused, [], "no dead letter");
                let mut places: Vec<_> = report.later.into_iter().flat_map(|later| later.places).collect();
                places.sort_unstable();
                writes = places.into_iter().map(|place| writes[place].clone()).collect();
            }
            Err(EgressError::Unfit { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// vectordotdev/vector#10870, #13414, #26221: one of several servers behind an address was new and answered so. What it was sent
/// was given up, and the next success was committed past it.
#[tokio::test]
async fn records_that_meet_a_404_between_those_that_are_taken_are_taken_later_and_in_order() {
    for status in [401, 403, 404] {
        let server = Server::start(move |nth, _| if nth % 3 == 1 { status.into() } else { 200.into() }).await;
        let sink = sink(&one(&server.url("/"), ""));
        finish_held(&sink, keyed(21, 7)).await;
        let taken = server.bodies().into_iter().enumerate().filter(|(nth, _)| nth % 3 != 1);
        let taken: Vec<_> = taken.map(|(_, body)| body).collect();
        in_order(&taken, 21, 7);
    }
}

#[tokio::test]
async fn a_key_whose_record_waits_sends_nothing_while_other_keys_go_on() {
    let (tell, told) = watch::channel(false);
    let server = Server::start(move |_, seen| match number(seen.text()) {
        0 => Reply::After(told.clone(), Box::new(200.into())),
        _ => 200.into(),
    })
    .await;
    let sink = std::sync::Arc::new(sink(&one(&server.url("/"), "")));
    let writing = tokio::spawn({
        let sink = sink.clone();
        async move { report(&sink, &keyed(9, 3)).await }
    });
    until("the other keys are done", || (server.bodies().len() == 7).then_some(())).await;
    assert!(
        server
            .bodies()
            .iter()
            .map(|body| number(body))
            .all(|n| n == 0 || n % 3 != 0)
    );
    tell.send_replace(true);
    assert_eq!(writing.await.expect("done"), Default::default());
    in_order(&server.bodies(), 9, 3);
}

#[tokio::test]
async fn a_refused_record_lets_those_of_its_key_go_on() {
    let server = Server::start(|_, seen| {
        if number(seen.text()) == 3 {
            422.into()
        } else {
            200.into()
        }
    })
    .await;
    let sink = sink(&one(&server.url("/"), ""));
    let report = report(&sink, &keyed(9, 3)).await;
    assert_eq!((report.refused.len(), report.later.len()), (1, 0));
    in_order(&server.bodies(), 9, 3);
}

#[tokio::test]
async fn records_of_a_key_are_in_order_within_requests_and_between_them() {
    let server = Server::start(|nth, _| if nth % 3 == 1 { 500.into() } else { 200.into() }).await;
    let sink = sink(&one(&server.url("/"), "batch = \"ndjson\"\nrequest_records = 4"));
    assert!(finish(&sink, keyed(60, 7)).await.is_empty());
    let taken = server.bodies().into_iter().enumerate().filter(|(nth, _)| nth % 3 != 1);
    let taken: Vec<_> = taken
        .flat_map(|(_, body)| body.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    in_order(&taken, 60, 7);
}
