//! HTTP/2 without TLS, as proxies speak it.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use danube_wasm_ingress_http::Drained;
use futures_util::{future::join_all, stream::repeat_with};
use http::{Request, Version};
use http_body::Body;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{
    body::Frame,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::{DEADLINE, Records, Server, soon};

async fn connect<B>(server: &Server) -> SendRequest<B>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let tcp = TcpStream::connect(server.listener.local_addr()).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tcp)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post("http://test/hook").header("content-type", "application/json");
    request.body(Full::new(body.into())).unwrap()
}

#[tokio::test]
async fn many_requests_on_one_connection() {
    let server = Server::start(|_| {}).await;
    server.inbox.shut();
    let sender = connect(&server).await;
    let requests = (0..100).map(|_| sender.clone().send_request(post("{}")));
    let requests = tokio::spawn(join_all(requests.collect::<Vec<_>>()));
    server.inbox.holds(100).await;
    server.inbox.open();
    for answer in soon("the answers", requests).await.unwrap() {
        let answer = answer.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(br#"{"status":"accepted""#));
    }
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start(|endpoint| endpoint.body_bytes_max = 1_000).await;
    let mut sender = connect(&server).await;
    let answer = soon("the answer", sender.send_request(post(vec![b'1'; 1_001])))
        .await
        .unwrap();
    assert_eq!(answer.status(), 413);
    assert!(
        answer.headers().get("connection").is_none(),
        "HTTP/2 has no such header"
    );
    let answer = soon("the answer", sender.send_request(post(vec![b'1'; 100])))
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "the connection goes on");
}

#[tokio::test]
async fn a_body_that_does_not_end_is_refused() {
    let server = Server::start(|endpoint| endpoint.body_bytes_max = 1_000_000).await;
    let mut sender = connect(&server).await;
    let piece = || Ok(Frame::data(Bytes::from_static(&[b' '; 10_000])));
    let endless = StreamBody::new(repeat_with(piece));
    let request = Request::post("http://test/hook").body(endless).unwrap();
    let answer = soon("the answer", sender.send_request(request)).await.unwrap();
    assert_eq!((answer.status().as_u16(), server.inbox.count()), (413, 0));
}

#[tokio::test]
async fn draining_answers_what_is_under_way() {
    let server = Server::start(|_| {}).await;
    server.inbox.shut();
    let mut sender = connect(&server).await;
    let answer = tokio::spawn(sender.send_request(post("{}")));
    server.inbox.holds(1).await;
    let (drained, answer) = tokio::join!(server.listener.drain(DEADLINE), async {
        let refused = async { while TcpStream::connect(server.listener.local_addr()).await.is_ok() {} };
        soon("new connections to be refused", refused).await;
        server.inbox.open();
        soon("the answer", answer).await.unwrap().expect("an answer")
    });
    assert_eq!((drained, answer.status().as_u16()), (Drained { aborted: 0 }, 200));
}

#[tokio::test]
async fn after_the_grace_streams_are_cut_too() {
    let records = Records::new();
    let observer = records.clone();
    let server = Server::start_with(|options| options.observer = observer, |_| {}).await;
    server.inbox.shut();
    let mut sender = connect(&server).await;
    let answer = tokio::spawn(sender.send_request(post("{}")));
    server.inbox.holds(1).await;
    let drained = soon("the drain", server.listener.drain(Duration::from_millis(100))).await;
    assert_eq!(drained, Drained { aborted: 1 });
    records.holds("/hook", 499, 2).await;
    soon("the end", answer).await.unwrap().expect_err("no answer");
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go_away() {
    let server = Server::limited(|limits| limits.idle_ms_max = 100).await;
    let mut sender = connect(&server).await;
    let answer = soon("the answer", sender.send_request(post("{}"))).await.unwrap();
    assert_eq!(answer.status(), 200);
    let closed = async {
        while !sender.is_closed() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the connection to be closed", closed).await;
}
