//! How much, how fast and how compressed.

use std::io::Write;

use danube_wasm_ingress_http::{ContentKind, Secret, Secrets, Signature};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use hmac::{KeyInit, Mac};

use crate::support::{Records, Server, request};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn chunked(pieces: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"POST /hook HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for piece in pieces {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

async fn server(bytes_max: usize) -> Server {
    Server::start(|endpoint| {
        endpoint.body_bytes_max = bytes_max;
        endpoint.content = ContentKind::Any.into();
    })
    .await
}

#[tokio::test]
async fn at_the_limit_and_one_past_it() {
    let server = server(1_000).await;
    assert_eq!(server.post(&[], vec![b'a'; 1_000]).await.status, 200);
    assert_eq!(server.post(&[], vec![b'a'; 1_001]).await.status, 413);
    let mut client = server.connect().await;
    client.send(chunked(&[&[b'a'; 600], &[b'b'; 400]])).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(chunked(&[&[b'a'; 600], &[b'b'; 401]])).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert!(answer.error().contains("1000 bytes"));
    let events = server.inbox.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].payload, [vec![b'a'; 600], vec![b'b'; 400]].concat());
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_before_it_comes() {
    let server = server(1_000).await;
    for expect in ["", "expect: 100-continue\r\n"] {
        let mut client = server.connect().await;
        client
            .send(format!(
                "POST /hook HTTP/1.1\r\nhost: test\r\n{expect}content-length: 1001\r\n\r\n"
            ))
            .await;
        assert_eq!(client.answer().await.status, 413, "and no go-ahead before it");
    }
}

#[tokio::test]
async fn careful_senders_get_their_go_ahead() {
    let server = server(1_000).await;
    let mut client = server.connect().await;
    client
        .send("POST /hook HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 100);
    client.send("{}").await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_sender_that_goes_on_sending_is_not_reset() {
    let server = server(1_000).await;
    let mut client = server.connect().await;
    client
        .send("POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    client.closed().await;
    // A reset would make one of these fail, and could have overtaken the answer on its way.
    for _ in 0..100 {
        client.send([b'a'; 1_000]).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_body_that_stops_is_not_waited_for() {
    let server = Server::limited(|limits| limits.body_read_ms_max = 100).await;
    let mut client = server.connect().await;
    client
        .send("POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n{\"a\"")
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    assert!(answer.error().contains("body was not received in time"));
    client.closed().await;
    assert_eq!(server.inbox.count(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_event() {
    let records = Records::new();
    let observer = records.clone();
    let server = Server::start_with(|options| options.observer = observer, |_| {}).await;
    let mut client = server.connect().await;
    client
        .send("POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n{}")
        .await;
    drop(client);
    records.holds("/hook", 499, 0).await;

    let mut client = server.connect().await;
    client
        .send("POST /hook HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n")
        .await;
    assert_eq!(client.answer().await.status, 400);
    assert_eq!(server.inbox.count(), 0);
}

#[tokio::test]
async fn gzip_is_decompressed() {
    let server = Server::start(|_| {}).await;
    let body = format!(r#"{{"text":"{}"}}"#, "ab".repeat(1_000));
    assert_eq!(
        server
            .post(&["content-encoding: gzip"], gzip(body.as_bytes()))
            .await
            .status,
        200
    );
    let event = &server.inbox.events()[0];
    assert_eq!(event.payload, body);
    assert!(
        event
            .headers
            .iter()
            .all(|(name, _)| name != "content-encoding" && name != "content-length")
    );
    // Large enough to be worked on elsewhere.
    let body = serde_json::to_vec(&(0..100_000).collect::<Vec<u32>>()).unwrap();
    assert_eq!(server.post(&["content-encoding: gzip"], gzip(&body)).await.status, 200);
    assert_eq!(server.inbox.events()[1].payload, body);
    assert_eq!(server.post(&["content-encoding: gzip"], "{}").await.status, 400);
}

#[tokio::test]
async fn other_codings_are_decompressed() {
    let server = Server::start(|_| {}).await;
    let body = format!(r#"{{"text":"{}"}}"#, "ab".repeat(1_000));
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(body.as_bytes()).unwrap();
    let mut brotli = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut brotli, 4096, 9, 22);
    encoder.write_all(body.as_bytes()).unwrap();
    drop(encoder);
    for (coding, sent) in [
        ("deflate", zlib.finish().unwrap()),
        ("zstd", zstd::encode_all(body.as_bytes(), 0).unwrap()),
        ("br", brotli),
    ] {
        let answer = server.post(&[&format!("content-encoding: {coding}")], sent).await;
        assert_eq!(answer.status, 200, "{coding} {answer:?}");
        assert_eq!(server.inbox.events().pop().unwrap().payload, body);
    }
}

#[tokio::test]
async fn gzip_bombs_are_refused() {
    // By size: small for its ratio, but over the limit when decompressed.
    let server = server(10_000).await;
    let noise: Vec<u8> = (0..20_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 28) as u8)
        .collect();
    let sent = gzip(&noise);
    assert!(
        sent.len() <= 10_000,
        "{} bytes are within the limit as sent",
        sent.len()
    );
    let answer = server.post(&["content-encoding: gzip"], sent).await;
    assert_eq!(
        (answer.status, answer.error().contains("limit of 10000 bytes")),
        (413, true)
    );
    // By ratio: within the limit even when decompressed.
    let server = self::server(10 << 20).await;
    let zeros = vec![0; 8 << 20];
    let answer = server.post(&["content-encoding: gzip"], gzip(&zeros)).await;
    assert_eq!(
        (answer.status, answer.error().contains("more than 100 times")),
        (413, true)
    );
    assert_eq!(server.inbox.count(), 0);
}

#[tokio::test]
async fn other_codings_are_refused() {
    let server = Server::start(|_| {}).await;
    for coding in ["compress", "gzip, gzip", "zstd, br"] {
        let answer = server.post(&[&format!("content-encoding: {coding}")], "{}").await;
        let offered = answer.header("accept-encoding");
        let all = Some("gzip, deflate, zstd, br, identity");
        assert_eq!((answer.status, offered), (415, all), "{coding}");
    }
    assert_eq!(server.post(&["content-encoding: identity"], "{}").await.status, 200);
}

#[tokio::test]
async fn what_is_signed_is_the_body_as_sent() {
    let secrets = Secrets::try_new(vec![Secret::try_new("secret").unwrap()]).unwrap();
    let github = Signature::preset("github", &secrets).unwrap();
    let server = Server::start(|endpoint| endpoint.auth = github.into()).await;
    let sent = gzip(b"{}");
    let sign = |bytes: &[u8]| {
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"secret").unwrap();
        mac.update(bytes);
        format!(
            "x-hub-signature-256: sha256={}",
            hex::encode(mac.finalize().into_bytes())
        )
    };
    assert_eq!(
        server
            .post(&["content-encoding: gzip", &sign(&sent)], &sent)
            .await
            .status,
        200
    );
    assert_eq!(
        server
            .post(&["content-encoding: gzip", &sign(b"{}")], &sent)
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn all_bodies_together_are_bounded() {
    let server = Server::start_with(
        |options| options.limits.body_bytes_in_flight_max = 1_000,
        |endpoint| {
            endpoint.body_bytes_max = 1_000;
            endpoint.content = ContentKind::Any.into();
        },
    )
    .await;
    server.inbox.shut();
    let mut first = server.connect().await;
    first.send(request("POST", "/hook", &[], &[b'a'; 800])).await;
    server.inbox.holds(1).await;
    let answer = server.post(&[], vec![b'b'; 800]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    server.inbox.open();
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(
        server.post(&[], vec![b'c'; 800]).await.status,
        200,
        "there is room again"
    );
}
