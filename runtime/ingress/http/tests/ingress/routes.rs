//! Routes come and go while requests are under way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use danube_wasm_ingress_http::{EndpointOptions, RouteError};

use crate::support::{Client, Server, request, soon};

#[tokio::test]
async fn many_endpoints_on_one_listener() {
    let server = Server::start(|_| {}).await;
    let paths: Vec<String> = (0..100).map(|i| format!("/hook/{i}")).collect();
    server
        .listener
        .set_routes(paths.iter().map(|path| server.endpoint(EndpointOptions::new(path))))
        .unwrap();
    for path in &paths {
        assert_eq!(server.send("POST", path, &[], "{}").await.status, 200);
    }
    let seen: Vec<String> = server
        .inbox
        .events()
        .iter()
        .map(|event| event.endpoint.to_string())
        .collect();
    assert_eq!(seen, paths);
    assert_eq!(
        server.post(&[], "{}").await.status,
        404,
        "the table was replaced, not added to"
    );
}

#[tokio::test]
async fn a_table_that_cannot_be_changes_nothing() {
    let server = Server::start(|_| {}).await;
    let twice = || server.endpoint(EndpointOptions::new("/new"));
    let error = server.listener.set_routes([twice(), twice()]).unwrap_err();
    assert_eq!(error, RouteError::Duplicate("/new".into()));
    let mut huge = EndpointOptions::new("/new");
    huge.body_bytes_max = usize::MAX;
    let error = server.listener.set_routes([server.endpoint(huge)]).unwrap_err();
    assert!(matches!(error, RouteError::BodyOverListener { .. }));
    assert_eq!(server.post(&[], "{}").await.status, 200);
}

#[tokio::test]
async fn a_request_under_way_ends_as_it_began() {
    let server = Server::start(|_| {}).await;
    server.inbox.shut();
    let mut client = server.connect().await;
    client.send(request("POST", "/hook", &[], b"{}")).await;
    server.inbox.holds(1).await;
    server.listener.set_routes([]).unwrap();
    server.inbox.open();
    assert_eq!(client.answer().await.status, 200);
    client.send(request("POST", "/hook", &[], b"{}")).await;
    assert_eq!(client.answer().await.status, 404);
}

#[tokio::test]
async fn an_endpoint_is_let_go_with_its_last_request() {
    let server = Server::start(|_| {}).await;
    let endpoint = server.endpoint(EndpointOptions::new("/hook"));
    let held = Arc::downgrade(&endpoint);
    server.listener.set_routes([endpoint]).unwrap();
    server.inbox.shut();
    let mut client = server.connect().await;
    client.send(request("POST", "/hook", &[], b"{}")).await;
    server.inbox.holds(1).await;
    server.listener.set_routes([]).unwrap();
    assert!(held.upgrade().is_some(), "a request holds it");
    server.inbox.open();
    client.answer().await;
    let let_go = async {
        while held.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    };
    soon("the endpoint to be let go", let_go).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swapping_under_load_drops_nothing() {
    let server = Server::start(|_| {}).await;
    let address = server.listener.local_addr();
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let stop = stop.clone();
            tokio::spawn(async move {
                let mut client = Client::new(tokio::net::TcpStream::connect(address).await.unwrap());
                let mut sent = 0;
                while !stop.load(Ordering::Relaxed) || sent == 0 {
                    client.send(request("POST", "/hook", &[], b"{}")).await;
                    assert_eq!(client.answer().await.status, 200);
                    sent += 1;
                }
                sent
            })
        })
        .collect();
    let mut swaps = 0;
    // Until there was something to drop.
    while swaps < 200 || server.inbox.count() < 500 {
        let other = format!("/other/{swaps}");
        let table = ["/hook", &other].map(|path| server.endpoint(EndpointOptions::new(path)));
        server.listener.set_routes(table).unwrap();
        swaps += 1;
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.expect("every answer was 200");
    }
    assert_eq!(server.inbox.count(), sent);
}
