//! Requests that could be read in two ways, and those that are none.

use crate::support::{Server, request};

/// `lines` without their ends, between a request line with a host and the end of the headers.
fn head(lines: &[&str]) -> String {
    let mut head = "POST /hook HTTP/1.1\r\nhost: test\r\n".to_owned();
    lines.iter().for_each(|line| head += &format!("{line}\r\n"));
    head + "\r\n"
}

#[tokio::test]
async fn what_is_not_http_is_told_so_in_json() {
    let server = Server::limited(|limits| limits.header_bytes_max = 8_192).await;
    let long = format!("x-long: {}", "a".repeat(10_000));
    let endless = "a".repeat(66_000);
    for (bytes, status, error) in [
        ("hello\r\n\r\n".to_owned(), 400, "this is not an HTTP/1.1 request"),
        (head(&["content-length: -1"]), 400, "this is not an HTTP/1.1 request"),
        (head(&[&long]), 431, "the headers are too many or too long"),
        (format!("POST /{endless}"), 431, "the headers are too many or too long"),
    ] {
        let mut client = server.connect().await;
        client.send(&bytes).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.error().as_str()), (status, error));
        assert_eq!(answer.header("connection"), Some("close"));
        client.closed().await;
    }
}

#[tokio::test]
async fn a_target_that_is_too_long_is_told_so_in_json() {
    let server = Server::limited(|limits| limits.header_bytes_max = 256 << 10).await;
    let answer = server
        .send("POST", &format!("/{}", "a".repeat(70_000)), &[], "{}")
        .await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (414, "the target of the request is too long")
    );
}

#[tokio::test]
async fn a_refusal_behind_an_answer_is_told_in_json_too() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    client.send(request("POST", "/hook", &[], b"{}")).await;
    assert_eq!(client.answer().await.status, 200);
    client.send("what is this\r\n\r\n").await;
    assert_eq!(client.answer().await.error(), "this is not an HTTP/1.1 request");
    client.closed().await;
}

/// The server has not read all of it, and closing a socket with unread bytes would reset it.
#[tokio::test]
async fn a_sender_of_headers_without_end_is_not_reset() {
    let server = Server::start(|_| {}).await;
    let mut client = server.connect().await;
    client
        .send(format!("POST /hook HTTP/1.1\r\nx-long: {}", "a".repeat(200 << 10)))
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (431, Some("close")));
    client.closed().await;
    // A reset would make one of these fail, and could have overtaken the answer on its way.
    for _ in 0..100 {
        client.send([b'a'; 1_000]).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_host_and_no_more() {
    let server = Server::start(|_| {}).await;
    for (lines, error) in [
        ("", "header host is missing"),
        ("host: a\r\nhost: a\r\n", "header host is there twice"),
        ("host: a b\r\n", "header host is not a host"),
        ("host: user@a\r\n", "header host is not a host"),
    ] {
        let mut client = server.connect().await;
        client
            .send(format!("POST /hook HTTP/1.1\r\n{lines}content-length: 2\r\n\r\n{{}}"))
            .await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.error().as_str()), (400, error));
        assert_eq!(answer.header("connection"), Some("close"));
        client.closed().await;
    }
    let mut client = server.connect().await;
    client.send("POST /hook HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}").await;
    assert_eq!(client.answer().await.status, 200, "HTTP/1.0 has no such header");
    assert_eq!(server.inbox.count(), 1);
}

/// The protocol library undoes the last coding only, and would hand the rest on as the body.
#[tokio::test]
async fn transfer_codings_that_are_not_read_are_refused() {
    let server = Server::start(|_| {}).await;
    for lines in [
        &["transfer-encoding: gzip, chunked"][..],
        &["transfer-encoding: identity", "transfer-encoding: chunked"],
        &["transfer-encoding: chunked", "transfer-encoding: chunked"],
    ] {
        let mut client = server.connect().await;
        client.send(head(lines) + "2\r\n{}\r\n0\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (501, Some("close")));
        assert!(answer.error().contains("transfer-encoding is not read here"));
        client.closed().await;
    }
    assert_eq!(server.inbox.count(), 0);
}

/// RFC 9112, section 6.3, lets a server read the chunks, but it must not read on behind them.
#[tokio::test]
async fn a_length_beside_chunks_is_ignored_and_the_connection_closed() {
    let server = Server::start(|_| {}).await;
    let hidden = request("POST", "/hook", &[], b"\"hidden\"");
    for lines in [
        ["content-length: 6", "transfer-encoding: chunked"],
        ["transfer-encoding: chunked", "content-length: 6"],
    ] {
        let mut client = server.connect().await;
        let first = head(&lines) + "2\r\n{}\r\n0\r\n\r\n";
        client.send([first.as_bytes(), &hidden].concat()).await;
        assert_eq!(client.answer().await.status, 200);
        assert!(client.try_answer().await.is_none(), "nothing behind it is read");
    }
    assert!(server.inbox.events().iter().all(|event| event.payload == "{}"));
    assert_eq!(server.inbox.count(), 2);
}

#[tokio::test]
async fn an_event_id_that_is_there_twice_is_refused() {
    let server = Server::start(|_| {}).await;
    let answer = server.post(&["webhook-id: a", "webhook-id: b"], "{}").await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "the event id in header webhook-id is there twice")
    );
    assert_eq!(server.inbox.count(), 0);
}
