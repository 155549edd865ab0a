//! Stopping.

use std::time::Duration;

use danube_wasm_ingress_http::Drained;
use tokio::net::TcpStream;

use crate::support::{Client, DEADLINE, Server, request, soon};

#[tokio::test]
async fn what_is_under_way_is_answered_and_its_connection_closed() {
    let server = Server::start(|_| {}).await;
    server.inbox.shut();
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut client = server.connect().await;
        client.send(request("POST", "/hook", &[], b"{}")).await;
        clients.push(client);
    }
    server.inbox.holds(10).await;
    let address = server.listener.local_addr();
    let (drained, ()) = tokio::join!(server.listener.drain(DEADLINE), async {
        let refused = async { while TcpStream::connect(address).await.is_ok() {} };
        soon("new connections to be refused", refused).await;
        server.inbox.open();
        for client in &mut clients {
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
            client.closed().await;
        }
    });
    assert_eq!(drained, Drained { aborted: 0 });
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = Server::start(|_| {}).await;
    let mut used = server.connect().await;
    used.send(request("POST", "/hook", &[], b"{}")).await;
    assert_eq!(used.answer().await.status, 200);
    let mut fresh = server.connect().await;
    let drained = soon("the drain", server.listener.drain(DEADLINE)).await;
    assert_eq!(drained, Drained { aborted: 0 });
    used.closed().await;
    fresh.closed().await;
}

/// A connection without a request gets a moment for one that is on its way. On a machine that is slow enough the moment
/// may pass first; then the connection is closed, and the next try is another chance.
#[tokio::test]
async fn a_request_on_a_kept_connection_is_told_to_go_elsewhere() {
    for _ in 0..50 {
        let server = Server::start(|_| {}).await;
        let mut client = server.connect().await;
        client.send(request("POST", "/hook", &[], b"{}")).await;
        assert_eq!(client.answer().await.status, 200);
        let (drained, answer) = tokio::join!(server.listener.drain(DEADLINE), async {
            client.try_send(&request("POST", "/hook", &[], b"{}")).await;
            client.try_answer().await
        });
        assert_eq!((drained, server.inbox.count()), (Drained { aborted: 0 }, 1));
        if let Some(answer) = answer {
            assert_eq!((answer.status, answer.header("connection")), (503, Some("close")));
            assert_eq!(answer.header("retry-after"), Some("5"));
            client.closed().await;
            return;
        }
    }
    panic!("never was a request answered");
}

#[tokio::test]
async fn after_the_grace_connections_are_cut() {
    let server = Server::start(|_| {}).await;
    server.inbox.shut();
    let mut client = server.connect().await;
    client.send(request("POST", "/hook", &[], b"{}")).await;
    server.inbox.holds(1).await;
    let drained = soon("the drain", server.listener.drain(Duration::from_millis(100))).await;
    assert_eq!(drained, Drained { aborted: 1 });
    assert!(client.try_answer().await.is_none());
}

#[tokio::test]
async fn dropping_the_listener_cuts_everything() {
    let Server { listener, inbox } = Server::start(|_| {}).await;
    inbox.shut();
    let address = listener.local_addr();
    let mut client = Client::new(TcpStream::connect(address).await.unwrap());
    client.send(request("POST", "/hook", &[], b"{}")).await;
    inbox.holds(1).await;
    drop(listener);
    assert!(client.try_answer().await.is_none());
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    soon("the port to be free", refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_under_load_answers_every_event_that_was_offered() {
    let server = Server::start(|_| {}).await;
    let address = server.listener.local_addr();
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            tokio::spawn(async move {
                let mut accepted = 0;
                // Half of them keep their connection, half open one for each request.
                while let Ok(tcp) = TcpStream::connect(address).await {
                    let mut client = Client::new(tcp);
                    loop {
                        client.try_send(&request("POST", "/hook", &[], b"{}")).await;
                        let Some(answer) = client.try_answer().await else { break };
                        match answer.status {
                            200 => accepted += 1,
                            503 => {}
                            status => panic!("answered {status}"),
                        }
                        if sender % 2 == 0 || answer.header("connection") == Some("close") {
                            break;
                        }
                    }
                }
                accepted
            })
        })
        .collect();
    server.inbox.holds(500).await;
    let drained = soon("the drain", server.listener.drain(DEADLINE)).await;
    assert_eq!(drained, Drained { aborted: 0 });
    let mut accepted = 0;
    for sender in senders {
        accepted += soon("the sender", sender).await.expect("200 and 503 only");
    }
    assert_eq!(accepted, server.inbox.count());
}
