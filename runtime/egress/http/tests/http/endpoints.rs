//! Several endpoints: none pays for another.

use std::sync::Arc;

use danube_wasm_model::door::{Egress as _, EgressError, Write};
use danube_wasm_testkit::until;
use tokio::sync::watch;

use crate::support::{
    inserts, report,
    server::{Reply, Server},
    several, sink, try_write,
};

/// The same records for each of these endpoints.
fn for_each(names: &[&str], n: usize) -> Vec<Write> {
    let of = |name: &str| {
        let target: Arc<str> = name.into();
        inserts(n).into_iter().map(move |write| Write {
            target: target.clone(),
            ..write
        })
    };
    names.iter().flat_map(|name| of(name)).collect()
}

#[tokio::test]
async fn a_slow_endpoint_neither_delays_nor_repeats_the_others() {
    let (tell, told) = watch::channel(false);
    let slow = Server::start(move |_, _| Reply::After(told.clone(), Box::new(200.into()))).await;
    let quick = Server::start(|_, _| 200.into()).await;
    let text = several(&[("slow", &slow.url("/"), ""), ("quick", &quick.url("/"), "")]);
    let sink = sink(&text);
    let writes = for_each(&["slow", "quick"], 3);
    let first = report(&sink, &writes).await;
    assert_eq!(first.later.len(), 1);
    assert_eq!(first.later[0].places, [0, 1, 2], "{first:?}");
    assert!(first.later[0].message.contains("endpoint `slow`"), "{first:?}");
    // The pipeline writes those again; they are on their way already.
    report(&sink, &writes[..3]).await;
    tell.send_replace(true);
    let mut left = report(&sink, &writes[..3]).await;
    while !left.later.is_empty() {
        left = report(&sink, &writes[..3]).await;
    }
    assert_eq!((slow.seen().len(), quick.seen().len()), (3, 3), "each once");
}

#[tokio::test]
async fn an_endpoint_that_refuses_everybody_is_named_and_the_others_are_not_sent_twice() {
    let bad = Server::start(|_, _| 403.into()).await;
    let good = Server::start(|_, _| 200.into()).await;
    let sink = sink(&several(&[("bad", &bad.url("/"), ""), ("good", &good.url("/"), "")]));
    let writes = for_each(&["bad", "good"], 3);
    let Err(EgressError::Unfit { target, message }) = try_write(&sink, &writes).await else {
        panic!("not unfit");
    };
    assert_eq!(&*target, "bad");
    assert!(message.contains("403"), "{message}");
    // The pipeline holds that target, and writes the others again.
    assert_eq!(report(&sink, &writes[3..]).await, Default::default());
    assert_eq!(good.seen().len(), 3, "each once");
}

#[tokio::test]
async fn one_of_ten_endpoints_that_is_dead_holds_its_own_records_only() {
    let mut servers = Vec::new();
    for _ in 0..9 {
        servers.push(Server::start(|_, _| 200.into()).await);
    }
    let urls: Vec<_> = servers.iter().map(|server| server.url("/")).collect();
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("an address");
    let dead = format!("http://{dead}/");
    let names: Vec<_> = (0..10).map(|n| format!("e{n}")).collect();
    let urls = urls.iter().map(String::as_str).chain([&*dead]);
    let endpoints: Vec<_> = names
        .iter()
        .zip(urls)
        .map(|(name, url)| (name.as_str(), url, ""))
        .collect();
    let sink = sink(&several(&endpoints));
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let report = report(&sink, &for_each(&names, 5)).await;
    let mut places: Vec<_> = report.later.iter().flat_map(|later| later.places.clone()).collect();
    places.sort_unstable();
    assert_eq!(places, [45, 46, 47, 48, 49]);
    assert!(servers.iter().all(|server| server.seen().len() == 5));
}

#[tokio::test]
async fn only_endpoints_of_the_mappings_are_targets() {
    let server = Server::start(|_, _| 200.into()).await;
    let text = format!(
        "{}[[sinks.http.endpoints]]\nname = \"unused\"\nurl = \"{}\"\n",
        several(&[("a", &server.url("/a"), ""), ("b", &server.url("/b"), "")]),
        server.url("/unused")
    );
    let sink = sink(&text);
    let targets: Vec<_> = sink.targets().iter().map(ToString::to_string).collect();
    assert_eq!(targets, ["a", "b"]);
    let report = report(&sink, &for_each(&["b", "unused", "http://127.0.0.1/"], 1)).await;
    let refused: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!(refused, [1, 2]);
    until("the other one is there", || (server.seen().len() == 1).then_some(())).await;
    assert_eq!(server.seen()[0].path, "/b");
}
