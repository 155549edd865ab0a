//! The schema registry, as Danube's brokers speak it.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use danube_wasm_broker::{Broker, ErrorKind, SchemaRef};
use danube_wasm_broker_danube::{Danube, DanubeOptions, Tls};
use support::{Act, Wire, soon};
use tonic::Status;

#[tokio::test]
async fn definitions_come_back_as_they_were_registered() {
    let wire = Wire::start().await;
    let registry = wire.client().registry();
    assert_eq!(soon(registry.latest("payments")).await.unwrap(), None);
    assert_eq!(soon(registry.versions("payments")).await.unwrap(), []);
    let (one, two) = (r#"{"type":"object"}"#, r#"{"type":"object","required":[]}"#);
    let first = soon(registry.register("payments", "json_schema", one)).await.unwrap();
    let second = soon(registry.register("payments", "json_schema", two)).await.unwrap();
    assert_eq!((first.reference.version, second.reference.version), (1, 2));
    assert_eq!(soon(registry.latest("payments")).await.unwrap().as_ref(), Some(&second));
    assert_eq!(
        soon(registry.get(first.reference)).await.unwrap().as_ref(),
        Some(&first)
    );
    assert_eq!(soon(registry.versions("payments")).await.unwrap(), [first, second]);
    let unknown = SchemaRef { id: 99, version: 1 };
    assert_eq!(soon(registry.get(unknown)).await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_registered_is_told_from_trouble() {
    let wire = Wire::start().await;
    let registry = wire.client().registry();
    let answer = |text: &'static str| {
        wire.state.script(move |call| match call.method {
            "register_schema" => Act::Fail(Status::internal(format!("Failed to register schema: {text}"))),
            _ => Act::Pass,
        });
    };
    answer("Schema is not compatible with subject 'payments' (mode: Backward): field `amount` was removed");
    let error = soon(registry.register("payments", "json_schema", "{}"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.contains("field `amount` was removed"), "{error}");
    answer("Timed out waiting for local schema metadata for subject 'payments' to reach version 2");
    let error = soon(registry.register("payments", "json_schema", "{}"))
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
    wire.state.script(|_| {
        Act::Fail(Status::permission_denied(
            "no binding grants ManageSchema on Cluster for x:y",
        ))
    });
    let error = soon(registry.get(SchemaRef { id: 7, version: 1 })).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("`ManageSchema` on the whole cluster"), "{error}");
}

/// It may be renewed: who reads messages waits for that, and sets none of them aside.
#[tokio::test]
async fn a_token_that_has_expired_is_trouble_and_no_answer_about_the_schema() {
    let wire = Wire::start().await;
    let registry = wire.client().registry();
    wire.state
        .script(|_| Act::Fail(Status::unauthenticated("Invalid token: ExpiredSignature")));
    let reference = SchemaRef { id: 7, version: 1 };
    let errors = [
        soon(registry.get(reference)).await.unwrap_err(),
        soon(registry.latest("payments")).await.unwrap_err(),
        soon(registry.versions("payments")).await.unwrap_err(),
        soon(registry.register("payments", "json_schema", "{}"))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_transient(), "{error}");
        assert!(error.message.contains("get a token that has not expired"), "{error}");
    }
}

/// As the token above: the file may be put right.
#[tokio::test]
async fn an_authority_that_cannot_be_read_is_trouble_and_no_answer_about_the_schema() {
    // Something that takes the connection: the file is read when there is one.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = support::quick(DanubeOptions::new([format!(
        "https://{}",
        listener.local_addr().unwrap()
    )]));
    let file = std::env::temp_dir().join("danube-wasm-no-such-authority.pem");
    options.tls = Some(Tls {
        ca_file: Some(file),
        identity: None,
    });
    let registry = Danube::open(options).unwrap().registry();
    let error = soon(registry.get(SchemaRef { id: 7, version: 1 })).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.message.contains("no-such-authority.pem"), "{error}");
}

#[tokio::test]
async fn messages_carry_the_schema_they_were_encoded_by() {
    let wire = Wire::start().await;
    let client = wire.client();
    let topic = support::topic("/default/t");
    let spec = danube_wasm_broker::TopicSpec {
        schema_subject: Some("payments".into()),
        ..support::reliable(0)
    };
    soon(client.create_topic(&topic, spec)).await.unwrap();
    assert_eq!(
        wire.state.with("/default/t", |t| t.subject.clone()).unwrap().as_deref(),
        Some("payments")
    );
    let options = support::consumer_options(&topic, danube_wasm_model::SubscriptionType::Exclusive);
    let mut consumer = soon(client.subscribe(options)).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let mut record = support::record(&topic, None, 0);
    record.schema = Some(SchemaRef { id: 7, version: 3 });
    assert!(support::publish(&*publisher, vec![record]).await[0].is_ok());
    let message = support::receive(&mut *consumer, 1).await.remove(0);
    assert_eq!(message.schema, Some(SchemaRef { id: 7, version: 3 }));
}
