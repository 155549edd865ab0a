//! What the broker's registry said is there without the broker, as it was said last, and nothing else is.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{
    Broker, ErrorKind, RegisteredSchema, Registry, Result, SchemaRef,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_broker_spool::Spool;
use support::*;

const ONE: &str = r#"{"type":"integer"}"#;
const TWO: &str = r#"{"type":"number"}"#;

async fn register(spool: &Spool, definition: &str) -> RegisteredSchema {
    let registered = spool.registry().register("orders", "json_schema", definition).await;
    registered.unwrap()
}

#[tokio::test]
async fn what_the_registry_said_is_there_after_a_restart_without_the_broker() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open(&remote, options(directory.path())).await;
    assert_eq!(spool.last_seen().latest("orders").await.unwrap(), None);
    let (one, two) = (register(&spool, ONE).await, register(&spool, TWO).await);
    spool.close().await.unwrap();
    drop(spool);

    remote.fail(|faults| faults.down = true);
    let spool = open(&remote, options(directory.path())).await;
    let seen = spool.last_seen();
    assert_eq!(seen.latest("orders").await.unwrap(), Some(two.clone()));
    assert_eq!(seen.versions("orders").await.unwrap(), [one.clone(), two]);
    assert_eq!(seen.get(one.reference).await.unwrap(), Some(one.clone()));
    assert_eq!(seen.register("orders", "json_schema", ONE).await.unwrap(), one);
    assert_eq!(seen.latest("invoices").await.unwrap(), None);
    let unknown = SchemaRef { id: 1, version: 9 };
    assert_eq!(seen.get(unknown).await.unwrap(), None);
    for (schema_type, text) in [("json_schema", "true"), ("avro", ONE)] {
        let refused = seen.register("orders", schema_type, text).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
    }
}

#[tokio::test]
async fn the_broker_is_asked_where_it_is_in_reach_and_its_errors_are_not_hidden() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open(&remote, options(directory.path())).await;
    let one = register(&spool, ONE).await;
    // Another process.
    let two = remote
        .log()
        .registry()
        .register("orders", "json_schema", TWO)
        .await
        .unwrap();
    assert_eq!(spool.last_seen().latest("orders").await.unwrap(), Some(one.clone()));
    remote.fail(|faults| faults.down = true);
    let registry = spool.registry();
    assert_eq!(
        registry.latest("orders").await.unwrap_err().kind,
        ErrorKind::Unavailable
    );
    assert_eq!(
        registry.get(one.reference).await.unwrap_err().kind,
        ErrorKind::Unavailable
    );
    remote.heal();
    assert_eq!(registry.latest("orders").await.unwrap(), Some(two.clone()));
    assert_eq!(spool.last_seen().versions("orders").await.unwrap(), [one, two]);
}

#[tokio::test]
async fn what_is_remembered_of_schemas_counts_as_no_record_and_is_written_once() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open(&remote, options(directory.path())).await;
    register(&spool, ONE).await;
    let before = spool.measure().await.unwrap();
    assert_eq!((before.records, before.refused), (0, 0));
    register(&spool, ONE).await;
    spool.registry().latest("orders").await.unwrap();
    spool.registry().versions("orders").await.unwrap();
    assert_eq!(spool.measure().await.unwrap(), before);
}

/// A broker whose registry another one has replaced.
struct Swapped(Remote, Arc<EmbeddedBroker>);

#[async_trait]
impl Broker for Swapped {
    async fn create_topic(
        &self,
        topic: &danube_wasm_model::TopicName,
        spec: danube_wasm_broker::TopicSpec,
    ) -> Result<()> {
        self.0.create_topic(topic, spec).await
    }

    async fn publisher(&self, producer: &str) -> Result<Arc<dyn danube_wasm_broker::Publisher>> {
        self.0.publisher(producer).await
    }

    async fn subscribe(
        &self,
        options: danube_wasm_broker::ConsumerOptions,
    ) -> Result<Box<dyn danube_wasm_broker::Consumer>> {
        self.0.subscribe(options).await
    }

    fn registry(&self) -> Arc<dyn Registry> {
        self.1.registry()
    }

    async fn lag(&self) -> Result<Vec<danube_wasm_broker::Lag>> {
        self.0.lag().await
    }

    async fn ready(&self) -> Result<()> {
        self.0.ready().await
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_registry_that_was_made_anew_is_remembered_as_it_is_now() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open(&remote, options(directory.path())).await;
    register(&spool, ONE).await;
    let two = register(&spool, TWO).await;
    spool.close().await.unwrap();
    drop(spool);

    let anew = tempfile::tempdir().unwrap();
    let log = EmbeddedBroker::open(anew.path(), EmbeddedOptions::default()).unwrap();
    log.registry().register("invoices", "string", "").await.unwrap();
    let swapped = Arc::new(Swapped(remote.clone(), log));
    let spool = within(async {
        loop {
            match Spool::open(swapped.clone(), options(directory.path())).await {
                Ok(spool) => break spool,
                Err(error) => assert_eq!(error.kind, ErrorKind::Conflict, "{error}"),
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(spool.registry().latest("orders").await.unwrap(), None);
    assert_eq!(spool.last_seen().versions("orders").await.unwrap(), []);
    let again = register(&spool, TWO).await;
    assert_ne!(again.reference, two.reference, "numbered anew");
    assert_eq!(spool.last_seen().versions("orders").await.unwrap(), [again]);
}
