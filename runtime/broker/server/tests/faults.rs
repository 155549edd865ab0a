//! A disk that is full under the served log.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

#[path = "../../tests/support/disk.rs"]
mod disk;
mod support;

use std::sync::Arc;

use danube_wasm_broker::embedded::{EmbeddedBroker, EmbeddedOptions};
use danube_wasm_proto::{api::consumer_request::SubscriptionType::Exclusive, registry::RegisterSchemaRequest};
use disk::FaultyDisk;
use support::*;
use tonic::Code;

#[tokio::test]
async fn a_full_disk_is_told_so_that_clients_try_again_and_is_over_when_it_is_over() {
    let disk = FaultyDisk::default();
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        disk: Arc::new(disk.clone()),
        ..Default::default()
    };
    let server = Server::of(
        EmbeddedBroker::open(directory.path(), options).unwrap(),
        Default::default(),
    )
    .await;
    let client = server.client().await;
    client.publish(TOPIC, &["before"]).await;
    let id = client.producer(TOPIC).await.unwrap();
    let mut stream = client.consume(Exclusive, TOPIC, "c").await;
    let before = receive(&mut stream, 1).await.remove(0);

    disk.fail(disk.operations()..u64::MAX);
    let refused = client.send(message(id, TOPIC, "lost")).await.unwrap_err();
    assert_eq!(
        refused.code(),
        Code::ResourceExhausted,
        "which Danube's clients try again"
    );
    assert!(refused.message().contains("the log in"), "{refused:?}");
    assert_eq!(code(client.ack(&before).await), Code::ResourceExhausted);
    assert_eq!(code(client.producer("/test/new").await), Code::ResourceExhausted);
    let schema = RegisterSchemaRequest {
        subject: "s".into(),
        schema_type: "string".into(),
        ..Default::default()
    };
    assert_eq!(
        code(client.registry.clone().register_schema(schema.clone()).await),
        Code::ResourceExhausted
    );

    disk.fail(0..0);
    within(async {
        while let Err(status) = client.send(message(id, TOPIC, "after")).await {
            assert_eq!(status.code(), Code::ResourceExhausted);
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.ack(&before).await.unwrap();
    client.registry.clone().register_schema(schema).await.unwrap();
    // A send that was refused may be there nevertheless.
    let next = receive(&mut stream, 1).await.remove(0);
    assert!(["lost", "after"].contains(&texts(std::slice::from_ref(&next))[0]));
}
