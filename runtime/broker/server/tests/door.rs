//! The way in: tokens, TLS, addresses, options; and the way out: stopping.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::time::Duration;

use danube_wasm_broker::{Broker, embedded::EmbeddedBroker};
use danube_wasm_broker_server::{InvalidOptions, Secret, ServeError, ServerOptions, TlsIdentity, serve};
use danube_wasm_proto::api::{
    ProducerRequest, TopicLookupRequest, consumer_request::SubscriptionType::Exclusive,
    producer_service_client::ProducerServiceClient,
};
use support::*;
use tonic::{
    Code, Request,
    transport::{Certificate, Channel, ClientTlsConfig},
};

fn request(token: Option<&str>) -> Request<ProducerRequest> {
    let mut request = Request::new(ProducerRequest {
        producer_name: "p".into(),
        topic_name: TOPIC.into(),
        ..Default::default()
    });
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn every_call_needs_the_token_when_there_is_one() {
    let server = Server::with(ServerOptions {
        token: Some(Secret::new("s3cret")),
        ..ServerOptions::default()
    })
    .await;
    let client = server.client().await;
    let mut producers = client.producers.clone();
    for token in [
        None,
        Some(""),
        Some("Bearer s3cre"),
        Some("Bearer s3cret "),
        Some("s3cret"),
        Some("Bearer S3CRET"),
    ] {
        let refused = producers.create_producer(request(token)).await;
        assert_eq!(code(refused), Code::Unauthenticated, "{token:?}");
    }
    assert!(
        server.broker.partitions(&TOPIC.parse().unwrap()).is_none(),
        "nothing was done"
    );
    assert_eq!(code(client.stream(1).await), Code::Unauthenticated);
    let lookup = TopicLookupRequest {
        request_id: 1,
        topic: TOPIC.into(),
    };
    assert_eq!(
        code(client.discovery.clone().topic_partitions(lookup).await),
        Code::Unauthenticated
    );
    producers.create_producer(request(Some("Bearer s3cret"))).await.unwrap();
    assert_eq!(format!("{:?}", Secret::new("s3cret")), "Secret(…)");
}

#[tokio::test]
async fn tls_is_spoken_and_plaintext_is_not() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let server = Server::with(ServerOptions {
        tls: Some(TlsIdentity {
            certificate_pem: made.cert.pem().into_bytes(),
            key_pem: made.signing_key.serialize_pem().into_bytes(),
        }),
        ..ServerOptions::default()
    })
    .await;
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(made.cert.pem()))
        .domain_name("localhost");
    let channel = Channel::from_shared(server.url.clone())
        .unwrap()
        .tls_config(tls)
        .unwrap();
    let client = Client::of(channel.connect().await.unwrap());
    client.publish(TOPIC, &["over TLS"]).await;
    let mut stream = client.consume(Exclusive, TOPIC, "c").await;
    let given = receive(&mut stream, 1).await;
    assert_eq!(texts(&given), ["over TLS"]);
    assert_eq!(given[0].msg_id.as_ref().unwrap().broker_addr, server.url);

    let plain = Channel::from_shared(server.url.replace("https", "http"))
        .unwrap()
        .connect_lazy();
    let refused = within(ProducerServiceClient::new(plain).create_producer(request(None))).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn clients_are_sent_where_the_operator_says() {
    let server = Server::with(ServerOptions {
        advertised_url: Some("http://broker.local:7000/".into()),
        ..ServerOptions::default()
    })
    .await;
    let client = server.client().await;
    client.publish(TOPIC, &["x"]).await;
    let lookup = TopicLookupRequest {
        request_id: 1,
        topic: TOPIC.into(),
    };
    let found = client
        .discovery
        .clone()
        .topic_lookup(lookup)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(found.connect_url, "http://broker.local:7000");
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_before_anything_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let broker = EmbeddedBroker::open(directory.path(), Default::default()).unwrap();
    let refused = async |change: fn(&mut ServerOptions)| {
        let mut options = ServerOptions::default();
        change(&mut options);
        serve(broker.clone(), Vec::new(), options, std::future::pending())
            .await
            .unwrap_err()
    };
    let option = async |change| match refused(change).await {
        ServeError::Options(invalid) => invalid,
        other => panic!("{other}"),
    };
    assert_eq!(option(|o| o.unacknowledged_max = 0).await, InvalidOptions::NoWindow);
    let short = Duration::from_millis(999);
    assert_eq!(
        option(|o| o.ack_timeout = Duration::from_millis(999)).await,
        InvalidOptions::AckTimeout(short)
    );
    assert_eq!(
        option(|o| o.message_bytes_max = 4095).await,
        InvalidOptions::MessageBytes(4095)
    );
    assert_eq!(
        option(|o| o.message_bytes_max = (16 << 20) + 1).await,
        InvalidOptions::MessageBytes((16 << 20) + 1)
    );
    assert_eq!(
        option(|o| o.token = Some(Secret::new(""))).await,
        InvalidOptions::EmptyToken
    );
    for url in ["broker:6650", "https://broker:6650", "http://"] {
        let options = ServerOptions {
            advertised_url: Some(url.into()),
            ..ServerOptions::default()
        };
        let error = serve(broker.clone(), Vec::new(), options, std::future::pending())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("is no URL to advertise"), "{url}: {error}");
    }
    let tls = refused(|o| {
        o.tls = Some(TlsIdentity {
            certificate_pem: b"no".to_vec(),
            key_pem: b"no".to_vec(),
        })
    });
    assert!(matches!(tls.await, ServeError::Tls(_)));
}

#[tokio::test]
async fn stopping_ends_streams_finishes_publishes_and_returns() {
    let mut server = Server::start().await;
    let client = server.client().await;
    client.publish(TOPIC, &["before"]).await;
    let mut stream = client.consume(Exclusive, TOPIC, "c").await;
    receive(&mut stream, 1).await;
    let id = client.producer(TOPIC).await.unwrap();
    let sends: Vec<_> = (0..100)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.send(message(id, TOPIC, &n.to_string())).await })
        })
        .collect();
    let stopped = server.stop();
    let ended = ends(&mut stream).await;
    assert_eq!(ended.code(), Code::Unavailable, "{ended:?}");
    let mut confirmed = 0;
    for send in sends {
        confirmed += u64::from(send.await.unwrap().is_ok());
    }
    within(stopped).await.unwrap().unwrap();
    let topics = server.broker.admin().unwrap().topics().await.unwrap();
    let kept = topics[0].messages.unwrap();
    assert!(kept > confirmed, "{confirmed} confirmed and one before, {kept} kept");
    assert_eq!(lag(&server.broker).await, kept, "what the stream had waits again");
}

#[tokio::test]
async fn a_client_that_does_not_let_go_cannot_hold_up_stopping() {
    let mut server = Server::with(ServerOptions {
        drain_max: Duration::from_millis(50),
        ..ServerOptions::default()
    })
    .await;
    let client = server.client().await;
    // More than windows and buffers take, and nobody reads.
    let id = client.producer(TOPIC).await.unwrap();
    let large = "x".repeat(1 << 20);
    for _ in 0..4 {
        client.send(message(id, TOPIC, &large)).await.unwrap();
    }
    let _unread = client.consume(Exclusive, TOPIC, "c").await;
    within(server.stop()).await.unwrap().unwrap();
}
