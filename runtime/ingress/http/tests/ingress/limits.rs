//! What a connection can hold on to.

use danube_wasm_ingress_http::{BindError, HttpListener, ListenerOptions};

use crate::support::{Server, request, soon};

#[tokio::test]
async fn headers_that_do_not_end_are_answered_408() {
    let server = Server::limited(|limits| limits.header_read_ms_max = 100).await;
    let mut client = server.connect().await;
    client.send("POST /hook HTTP/1.1\r\nhost: te").await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (408, "the headers were not received in time")
    );
    client.closed().await;
}

#[tokio::test]
async fn headers_that_trickle_are_answered_408_too() {
    let server = Server::limited(|limits| limits.header_read_ms_max = 200).await;
    let mut client = server.connect().await;
    client.send("POST /hook HTTP/1.1\r\nhost: test\r\n").await;
    // Each byte alone comes in time; all of them never will.
    let trickle = async {
        while client.try_send(b"a").await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon("the connection to be closed", trickle).await;
}

#[tokio::test]
async fn the_headers_of_a_later_request_are_timed_too() {
    let server = Server::limited(|limits| limits.header_read_ms_max = 300).await;
    let mut client = server.connect().await;
    client.send(request("POST", "/hook", &[], b"{}")).await;
    assert_eq!(client.answer().await.status, 200);
    client.send("POST /hook HTTP/1.1\r\n").await;
    assert_eq!(client.answer().await.status, 408);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let server = Server::limited(|limits| limits.header_read_ms_max = 100).await;
    server.connect().await.closed().await;
    let mut client = server.connect().await;
    // The beginning of HTTP/2, perhaps.
    client.send("PRI").await;
    client.closed().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let server = Server::limited(|limits| limits.idle_ms_max = 100).await;
    let mut client = server.connect().await;
    client.send(request("POST", "/hook", &[], b"{}")).await;
    assert_eq!(client.answer().await.status, 200);
    client.closed().await;
}

#[tokio::test]
async fn a_busy_connection_is_neither_idle_nor_slow() {
    let server = Server::limited(|limits| {
        limits.idle_ms_max = 50;
        limits.header_read_ms_max = 50;
        limits.request_ms_max = 2_000;
        limits.body_read_ms_max = 1_000;
    })
    .await;
    server.inbox.shut();
    // Waits for the request's own deadline, forty times longer than an idle connection may.
    assert_eq!(server.post(&[], "{}").await.status, 503);
}

#[tokio::test]
async fn headers_are_bounded() {
    let server = Server::limited(|limits| limits.header_bytes_max = 8_192).await;
    let long = |bytes: usize| format!("x-long: {}", "a".repeat(bytes));
    assert_eq!(server.post(&[&long(7_000)], "{}").await.status, 200);
    assert_eq!(server.post(&[&long(8_192)], "{}").await.status, 431);
    let many: Vec<String> = (0..200).map(|i| format!("x-{i}: a")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(server.post(&many, "{}").await.status, 431);
    assert_eq!(server.inbox.count(), 1);
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let server = Server::limited(|limits| limits.connections_max = 1).await;
    let mut first = server.connect().await;
    first.send(request("POST", "/hook", &[], b"{}")).await;
    assert_eq!(first.answer().await.status, 200);
    let mut second = server.connect().await;
    second.send(request("POST", "/hook", &[], b"[]")).await;
    for _ in 0..100 {
        first.send(request("POST", "/hook", &[], b"{}")).await;
        assert_eq!(first.answer().await.status, 200);
    }
    assert!(
        server.inbox.events().iter().all(|event| event.payload == "{}"),
        "the second waits"
    );
    drop(first);
    assert_eq!(second.answer().await.status, 200);
}

#[tokio::test]
async fn requests_may_be_pipelined() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    let three: Vec<u8> = (1..=3)
        .flat_map(|i| request("POST", "/hook", &[&format!("webhook-id: {i}")], b"{}"))
        .collect();
    client.send(three).await;
    for i in 1..=3 {
        assert_eq!(client.answer().await.json()["id"], i.to_string());
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_a_cure() {
    let server = Server::start(|_| {}).await;
    let address = server.listener.local_addr();
    let error = HttpListener::bind(ListenerOptions::new(address))
        .await
        .err()
        .expect("the port is taken");
    let text = error.to_string();
    assert!(
        text.contains(&address.to_string()) && text.contains("another process has this port"),
        "{text}"
    );
}

#[tokio::test]
async fn limits_that_cannot_be_are_refused_before_binding() {
    let mut options = ListenerOptions::new(([127, 0, 0, 1], 0).into());
    options.limits.connections_max = 0;
    assert!(matches!(HttpListener::bind(options).await, Err(BindError::Limit(_))));
}
