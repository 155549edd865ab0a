//! Connecting to one of several addresses.

use std::{net::SocketAddr, time::Duration};

use danube_wasm_egress_dial::{DialError, DialPolicy, Dialer, Phase};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::support::{
    ALLOWED, DEADLINE,
    certs::trusting,
    dns::{ScriptedResolver, SilentResolver},
    ip,
    server::{Answer, Server},
    soon,
};
use danube_wasm_test_certs::Authority;

fn open(dns: ScriptedResolver) -> Dialer {
    Dialer::with_resolver(DialPolicy::everything(), dns)
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let server = Server::start(ALLOWED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default().answering("shop.example", &["127.0.0.3", "127.0.0.4", ALLOWED]);
    let stream = open(dns)
        .connect("shop.example", server.port(), DEADLINE)
        .await
        .unwrap();
    assert_eq!(stream.peer_addr().unwrap(), server.address);
    assert!(stream.nodelay().unwrap());
}

/// Listens at `host` with a full queue, so that the kernel does not answer.
async fn unresponsive_listener(host: &str, port: u16) -> (TcpListener, JoinSet<std::io::Result<TcpStream>>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(ip(host), port)).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling: JoinSet<_> = (0..8).map(|_| TcpStream::connect(address)).collect();
    let first = soon("the queue to fill", filling.join_next()).await;
    let first = first.unwrap().unwrap().unwrap();
    filling.spawn(async move {
        let _kept = first;
        std::future::pending().await
    });
    (listener, filling)
}

#[tokio::test]
async fn an_address_that_drops_packets_does_not_use_up_the_deadline() {
    let server = Server::start(ALLOWED, |_| Answer::ok()).await;
    let _swallowing = unresponsive_listener("127.0.0.5", server.port()).await;
    let dns = ScriptedResolver::default().answering("shop.example", &["127.0.0.5", ALLOWED]);
    let stream = open(dns)
        .connect("shop.example", server.port(), DEADLINE)
        .await
        .unwrap();
    assert_eq!(stream.peer_addr().unwrap(), server.address);
}

#[tokio::test]
async fn if_no_address_accepts_the_error_of_each_is_listed() {
    let closed = Server::start(ALLOWED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default().answering("shop.example", &["127.0.0.3", "127.0.0.4"]);
    let error = open(dns)
        .connect("shop.example", closed.port(), DEADLINE)
        .await
        .expect_err("refused");
    let DialError::Connect { attempts, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(attempts.len(), 2);
    assert!(error.is_transient());
    let message = error.to_string();
    for part in ["`shop.example`", "127.0.0.3:", "127.0.0.4:", "refused"] {
        assert!(message.contains(part), "{message}");
    }
}

async fn phase_at_timeout<T: std::fmt::Debug>(dial: impl Future<Output = Result<T, DialError>>) -> Phase {
    let error = soon("the timeout", dial).await.expect_err("a timeout");
    assert!(error.is_transient());
    match error {
        DialError::Timeout { phase, .. } => phase,
        other => panic!("no timeout: {other:?}"),
    }
}

#[tokio::test]
async fn a_timeout_names_its_phase() {
    let short = Duration::from_millis(50);
    let silent = Dialer::with_resolver(DialPolicy::everything(), SilentResolver);
    let dial = silent.connect("shop.example", 80, short);
    assert_eq!(phase_at_timeout(dial).await, Phase::Resolving);

    let (listener, _filling) = unresponsive_listener("127.0.0.6", 0).await;
    let dial = silent.connect("127.0.0.6", listener.local_addr().unwrap().port(), short);
    assert_eq!(phase_at_timeout(dial).await, Phase::Connecting);

    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, tls) = (mute.local_addr().unwrap().port(), trusting(&Authority::new(), None));
    let dial = silent.connect_tls(ALLOWED, port, &tls, short);
    assert_eq!(phase_at_timeout(dial).await, Phase::Securing);
}

#[tokio::test]
async fn a_timeout_beyond_the_clock_is_no_timeout() {
    let server = Server::start(ALLOWED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default();
    assert!(open(dns).connect(ALLOWED, server.port(), Duration::MAX).await.is_ok());
}
