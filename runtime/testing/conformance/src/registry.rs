//! The schema registry, and messages that name their schemas.

use danube_wasm_broker::{ErrorKind, Outgoing, SchemaRef};
use danube_wasm_model::SubscriptionType::Exclusive;

use crate::{
    Harness,
    test_case::{TestCase, consume, publish_group, unique, within},
};

const FIRST: &str = r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#;
const EVOLVED: &str =
    r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}},"required":["a"]}"#;
const INCOMPATIBLE: &str = r#"{"type":"object","properties":{"a":{"type":"number"}},"required":["a"]}"#;

/// The same text is the same version; another is a new one, of the same subject.
pub async fn versions_are_registered_and_found(harness: &dyn Harness) {
    let broker = harness.open().await;
    let registry = broker.registry();
    let subject = unique("conformance");
    assert_eq!(within(registry.latest(&subject)).await.expect("answers"), None);
    assert_eq!(within(registry.versions(&subject)).await.expect("answers"), []);
    let register = |text| within(registry.register(&subject, "json_schema", text));
    let first = register(FIRST).await.expect("registers");
    assert_eq!((first.reference.version, first.subject.as_str()), (1, subject.as_str()));
    assert_eq!(
        (first.schema_type.as_str(), first.definition.as_str()),
        ("json_schema", FIRST)
    );
    assert_eq!(register(FIRST).await.expect("is there"), first);
    let second = register(EVOLVED).await.expect("registers");
    assert_eq!((second.reference.id, second.reference.version), (first.reference.id, 2));
    assert_eq!(
        register(FIRST).await.expect("is there"),
        first,
        "also when it is not the newest"
    );

    let elsewhere = harness.open().await;
    let registry = elsewhere.registry();
    assert_eq!(
        within(registry.latest(&subject)).await.expect("answers"),
        Some(second.clone())
    );
    let versions = within(registry.versions(&subject)).await.expect("answers");
    assert_eq!(versions, [first.clone(), second.clone()]);
    assert_eq!(
        within(registry.get(first.reference)).await.expect("answers"),
        Some(first.clone())
    );
    assert_eq!(
        within(registry.get(second.reference)).await.expect("answers"),
        Some(second)
    );
    let missing = SchemaRef {
        version: 3,
        ..first.reference
    };
    assert_eq!(within(registry.get(missing)).await.expect("answers"), None);
}

/// Texts come back as they were given, primitive types without one.
pub async fn types_keep_their_texts(harness: &dyn Harness) {
    let broker = harness.open().await;
    let registry = broker.registry();
    let avro = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;
    let proto = "syntax = \"proto3\";\nmessage M { string a = 1; }\n";
    let types = [
        ("json_schema", FIRST),
        ("avro", avro),
        ("protobuf", proto),
        ("string", ""),
        ("number", ""),
        ("bytes", ""),
    ];
    for (schema_type, text) in types {
        let subject = unique(&format!("conformance-{schema_type}"));
        let registered = within(registry.register(&subject, schema_type, text))
            .await
            .expect(schema_type);
        let found = within(registry.latest(&subject))
            .await
            .expect("answers")
            .expect("is there");
        assert_eq!(found, registered);
        assert_eq!(
            (found.schema_type.as_str(), found.definition.as_str()),
            (schema_type, text)
        );
    }
}

/// And what is there stays as it is.
pub async fn an_incompatible_version_is_refused(harness: &dyn Harness) {
    let (broker, can) = (harness.open().await, harness.capabilities());
    let registry = broker.registry();
    let subject = unique("conformance");
    within(registry.register(&subject, "json_schema", FIRST))
        .await
        .expect("registers");
    let refused = within(registry.register(&subject, "json_schema", INCOMPATIBLE)).await;
    let versions = within(registry.versions(&subject)).await.expect("answers").len();
    match refused {
        Err(error) => {
            assert!(can.refuses_incompatible, "{error}");
            assert_eq!((error.kind, versions), (ErrorKind::Conflict, 1), "{error}");
        }
        Ok(registered) => {
            assert!(!can.refuses_incompatible, "{registered:?}");
            assert_eq!((registered.reference.version, versions), (2, 2));
        }
    }
}

/// Messages of several versions lie in one topic, and each leads to its own.
pub async fn messages_name_their_versions(harness: &dyn Harness) {
    let case = TestCase::with_topic(harness, 0).await;
    let registry = case.broker.registry();
    let subject = unique("conformance");
    let mut consumer = case.subscribe(Exclusive, "c").await;
    let publisher = case.publisher().await;
    let mut sent = Vec::new();
    for text in [FIRST, EVOLVED, FIRST] {
        let schema = within(registry.register(&subject, "json_schema", text))
            .await
            .expect("registers");
        let record = Outgoing {
            payload: r#"{"a":"x"}"#.into(),
            schema: Some(schema.reference),
            ..case.record("", &sent.len().to_string())
        };
        publish_group(&*publisher, vec![record]).await.expect("published");
        sent.push(schema);
    }
    let messages = consume(&mut *consumer, sent.len()).await;
    for (message, schema) in messages.iter().zip(&sent) {
        assert_eq!(message.schema, Some(schema.reference));
        let found = within(registry.get(schema.reference))
            .await
            .expect("answers")
            .expect("is there");
        assert_eq!(found.definition, schema.definition);
    }
}
