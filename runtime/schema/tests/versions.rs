//! Declarations against what is registered, the cache, and the types other than JSON Schema.

mod support;

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use danube_wasm_broker::{Registry, SchemaRef};
use danube_wasm_schema::{Declaration, SchemaError, SchemaType, Schemas, VersionStrategy, examine};
use support::{InMemory, declaration};

const ONE: &str = r#"{"type":"integer"}"#;
const ONE_SPACED: &str = "{ \"type\" : \"integer\" }\n";
const TWO: &str = r#"{"type":"number"}"#;

fn json(definition: Option<&str>, auto_register: bool, version: VersionStrategy) -> Declaration {
    Declaration {
        auto_register,
        version,
        ..declaration(SchemaType::JsonSchema, definition)
    }
}

async fn refused(schemas: &Schemas, declaration: Declaration, sentence: &str) {
    let error = schemas.declare(declaration.clone()).await.expect_err("refused");
    assert!(matches!(error, SchemaError::Declaration { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("`test-subject` of topic /test/topic") && text.contains(sentence),
        "{declaration:?}: {text}"
    );
}

#[tokio::test]
async fn latest_registers_what_is_new_and_nothing_twice() {
    let registry = Arc::new(InMemory::default());
    let schemas = Schemas::new(registry.clone());
    let latest = VersionStrategy::Latest;
    refused(
        &schemas,
        json(Some(ONE), false, latest),
        "it is not registered, and `auto_register` is false",
    )
    .await;
    refused(&schemas, json(None, true, latest), "give its text as `schema_file`").await;

    let one = schemas
        .declare(json(Some(ONE), true, latest))
        .await
        .expect("registered");
    assert_eq!(
        (one.reference().version, &*one.label(), one.subject()),
        (1, "test-subject@1", "test-subject")
    );
    for same in [Some(ONE), Some(ONE_SPACED), None] {
        let again = schemas.declare(json(same, true, latest)).await.expect("there");
        assert!(Arc::ptr_eq(&one, &again), "compiled once");
    }
    refused(
        &schemas,
        json(Some(TWO), false, latest),
        "differs from the newest registered version, 1",
    )
    .await;

    let two = schemas
        .declare(json(Some(TWO), true, latest))
        .await
        .expect("registered");
    assert_eq!(
        two.reference(),
        SchemaRef {
            id: one.reference().id,
            version: 2
        }
    );
    assert!(two.check(b"1.5").is_ok() && one.check(b"1.5").is_err());
    assert_eq!(
        schemas
            .declare(json(None, false, latest))
            .await
            .expect("there")
            .reference()
            .version,
        2
    );
    assert_eq!(registry.versions("test-subject").await.expect("there").len(), 2);
}

#[tokio::test]
async fn pinned_is_that_version_and_minimum_at_least_it() {
    let schemas = Schemas::new(Arc::new(InMemory::default()));
    let pinned = VersionStrategy::Pinned;
    refused(
        &schemas,
        json(Some(ONE), true, pinned(2)),
        "pinned = 2 }`, but it is not registered",
    )
    .await;
    let one = schemas
        .declare(json(Some(ONE), true, pinned(1)))
        .await
        .expect("the first is registered");
    schemas
        .declare(json(Some(TWO), true, VersionStrategy::Latest))
        .await
        .expect("registered");

    for text in [None, Some(ONE_SPACED)] {
        let again = schemas.declare(json(text, true, pinned(1))).await.expect("there");
        assert!(Arc::ptr_eq(&one, &again));
    }
    refused(
        &schemas,
        json(Some(TWO), true, pinned(1)),
        "differs from the pinned version, 1",
    )
    .await;
    refused(&schemas, json(None, true, pinned(3)), "its newest version is 2").await;
    refused(&schemas, json(None, true, pinned(0)), "its newest version is 2").await;

    let minimum = VersionStrategy::Minimum;
    assert_eq!(
        schemas
            .declare(json(None, false, minimum(2)))
            .await
            .expect("there")
            .reference()
            .version,
        2
    );
    refused(
        &schemas,
        json(Some(TWO), true, minimum(3)),
        "minimum = 3 }`, but this would be version 2",
    )
    .await;
    let three = json(Some(r#"{"type":["number","string"]}"#), true, minimum(3));
    assert_eq!(
        schemas
            .declare(three)
            .await
            .expect("it becomes version 3")
            .reference()
            .version,
        3
    );
}

#[tokio::test]
async fn a_subject_keeps_its_type() {
    let schemas = Schemas::new(Arc::new(InMemory::default()));
    schemas
        .declare(json(Some(ONE), true, VersionStrategy::Latest))
        .await
        .expect("registered");
    refused(
        &schemas,
        declaration(SchemaType::String, None),
        "registered with type `json_schema`",
    )
    .await;
}

#[tokio::test]
async fn a_broken_schema_is_never_registered() {
    let registry = Arc::new(InMemory::default());
    let schemas = Schemas::new(registry.clone());
    let broken = json(Some(r#"{"type":7}"#), true, VersionStrategy::Latest);
    assert!(matches!(
        schemas.declare(broken).await,
        Err(SchemaError::Refused { .. })
    ));
    assert_eq!(registry.versions("test-subject").await.expect("there"), vec![]);
    assert!(examine("s", SchemaType::JsonSchema, r#"{"type":7}"#).await.is_err());
    assert!(
        examine("s", SchemaType::String, ONE)
            .await
            .expect_err("no text")
            .to_string()
            .contains("has no text")
    );
}

#[tokio::test]
async fn a_message_is_read_by_the_version_it_names_fetched_once() {
    let registry = Arc::new(InMemory::default());
    let reference = registry
        .register("other", "json_schema", ONE)
        .await
        .expect("registered")
        .reference;
    let xml = registry
        .register("xml", "xml", "{}")
        .await
        .expect("registered")
        .reference;
    let schemas = Schemas::new(registry.clone());
    let (a, b) = (
        schemas.by_reference(reference).await,
        schemas.by_reference(reference).await,
    );
    let (a, b) = (a.expect("there"), b.expect("there"));
    assert!(Arc::ptr_eq(&a, &b));
    assert_eq!(registry.gets.load(Ordering::Relaxed), 1);
    assert_eq!(&*a.label(), "other@1");

    let missing = SchemaRef { id: 9, version: 9 };
    let error = schemas.by_reference(missing).await.expect_err("unknown");
    assert_eq!(
        (error.to_string().as_str(), error.is_transient()),
        ("schema number 9, version 9, is not in the registry", false)
    );
    let error = schemas.by_reference(xml).await.expect_err("later");
    assert!(error.to_string().contains("`xml` is not a schema type") && !error.is_transient());
    registry.away.store(true, Ordering::Relaxed);
    assert!(schemas.by_reference(missing).await.expect_err("away").is_transient());
    assert!(
        schemas.by_reference(reference).await.is_ok(),
        "known ones need no registry"
    );
}

#[tokio::test]
async fn components_see_json_whatever_the_wire_holds() {
    let good: [(SchemaType, &str, &[u8]); 5] = [
        (SchemaType::String, r#""a \"b\"\n\u00e4""#, "a \"b\"\nä".as_bytes()),
        (SchemaType::Number, "42", b"42"),
        (SchemaType::Number, "-1.5e3", b"-1.5e3"),
        (SchemaType::Bytes, r#"{"data":"AP8=","size":2}"#, &[0, 255]),
        (SchemaType::Bytes, r#"{"data":"","size":0}"#, &[]),
    ];
    for (schema_type, seen, wire) in good {
        let schemas = Schemas::new(Arc::new(InMemory::default()));
        let validator = schemas
            .declare(declaration(schema_type, None))
            .await
            .expect("needs no text");
        assert_eq!(validator.check(seen.as_bytes()), Ok(()), "{seen}");
        let encoded = validator.encode(seen.into()).expect("valid");
        assert_eq!(encoded, wire, "{seen}");
        let decoded = validator.decode(encoded).expect("valid");
        let value = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(&decoded), value(seen.as_bytes()), "{seen}");
    }
}

#[tokio::test]
async fn what_is_not_of_its_type_is_refused_in_both_directions() {
    for (schema_type, seen, path, message) in [
        (SchemaType::String, "1", "", "a JSON string is expected"),
        (SchemaType::Number, "\"1\"", "", "a JSON number is expected"),
        (SchemaType::Number, "1e999", "", "changes when it is read"),
        (SchemaType::Bytes, r#"{"data":"A"}"#, "/data", "this is not base64"),
        (
            SchemaType::Bytes,
            r#"{"data":"AP8=","size":3}"#,
            "/size",
            "this is not the number of bytes",
        ),
        (SchemaType::Bytes, r#"{"data":"","other":1}"#, "", "is expected"),
    ] {
        let schemas = Schemas::new(Arc::new(InMemory::default()));
        let validator = schemas
            .declare(declaration(schema_type, None))
            .await
            .expect("needs no text");
        let found = validator.encode(seen.into()).expect_err(seen);
        assert!(
            found[0].path == path && found[0].message.contains(message),
            "{seen}: {found:?}"
        );
    }
    for (schema_type, text, wire) in [
        (SchemaType::String, None, &b"\xff"[..]),
        (SchemaType::Number, None, b"x"),
        (SchemaType::JsonSchema, Some(ONE), b"{\"a\":1,\"a\":2}"),
    ] {
        let schemas = Schemas::new(Arc::new(InMemory::default()));
        let validator = schemas.declare(declaration(schema_type, text)).await.expect("good");
        assert!(validator.decode(Bytes::from_static(wire)).is_err(), "{schema_type}");
    }
}
