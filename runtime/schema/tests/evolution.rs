//! A changed text against the newest registered version, in the registry of the embedded log.

mod support;

use std::sync::Arc;

use danube_wasm_broker::{
    Broker, Registry,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_schema::{Declaration, SchemaError, SchemaType, Schemas, Validator, VersionStrategy};
use support::declaration;
use tempfile::TempDir;

/// A registry on disk.
struct Log {
    registry: Arc<dyn Registry>,
    schemas: Schemas,
    broker: Arc<EmbeddedBroker>,
    _directory: TempDir,
}

fn open() -> Log {
    let directory = TempDir::new().expect("a directory");
    let broker = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default()).expect("a log");
    Log {
        registry: broker.registry(),
        schemas: Schemas::new(broker.registry()),
        broker,
        _directory: directory,
    }
}

impl Log {
    async fn declare(&self, schema_type: SchemaType, text: &str) -> Result<Arc<Validator>, SchemaError> {
        self.schemas.declare(declaration(schema_type, Some(text))).await
    }

    async fn versions(&self) -> usize {
        self.registry.versions("test-subject").await.expect("there").len()
    }
}

/// Of each type: a text, an equivalent one, a compatible one, an incompatible one, and the error's place.
const VERSIONS: [(SchemaType, &str, &str, &str, &str, &str); 3] = [
    (
        SchemaType::JsonSchema,
        r#"{"properties":{"n":{"type":"integer"}},"required":["n"]}"#,
        "{ \"required\": [\"n\"], \"properties\": {\"n\":{\"type\":\"integer\"}} }",
        r#"{"properties":{"n":{"type":"number"},"m":{"type":"string"}},"required":["n"]}"#,
        r#"{"properties":{"n":{"type":"number"},"m":{"type":"string"}},"required":["n","m"]}"#,
        "at `#/required`: `m` was not required before",
    ),
    (
        SchemaType::Avro,
        r#"{"type":"record","name":"A","fields":[{"name":"n","type":"int"}]}"#,
        r#"{"name":"A","type":"record","fields":[{"type":"int","name":"n"}]}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"n","type":"long"},{"name":"m","type":"int","default":0}]}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"n","type":"long"},{"name":"m","type":"string"}]}"#,
        "at `#/m`: `int` became `string`",
    ),
    (
        SchemaType::Protobuf,
        "syntax = \"proto3\";\nmessage A { int32 n = 1; }\n",
        "syntax = \"proto3\";\r\nmessage A { int32 n = 1; }  \r\n",
        "syntax = \"proto3\";\nmessage A { int64 n = 1; string m = 2; }\n",
        "syntax = \"proto3\";\nmessage A { int64 n = 1; int32 m = 2; }\n",
        "at `A.m`: `string` became `int32`",
    ),
];

#[tokio::test]
async fn a_changed_text_is_registered_if_it_is_compatible_and_refused_with_the_cure_if_not() {
    for (schema_type, one, same, two, broken, place) in VERSIONS {
        let log = open();
        let first = log.declare(schema_type, one).await.expect("registered");
        let again = log.declare(schema_type, same).await.expect("there");
        assert!(
            Arc::ptr_eq(&first, &again),
            "{schema_type}: the same text is the same version"
        );
        assert_eq!(
            log.declare(schema_type, two)
                .await
                .expect("compatible")
                .reference()
                .version,
            2
        );

        let error = log
            .declare(schema_type, broken)
            .await
            .expect_err("incompatible")
            .to_string();
        for sentence in [
            "schema subject `test-subject` of topic /test/topic",
            "not compatible with the newest registered version, 2",
            place,
            "`version_strategy = { pinned = 2 }`",
        ] {
            assert!(error.contains(sentence), "{schema_type}: {error}");
        }
        let error = log
            .declare(schema_type, one)
            .await
            .expect_err("older and narrower")
            .to_string();
        assert!(
            error.contains("`schema_file` is version 1") && error.contains("{ pinned = 1 }"),
            "{error}"
        );
        assert_eq!(log.versions().await, 2, "{schema_type}: nothing else was registered");

        let pinned = Declaration {
            version: VersionStrategy::Pinned(1),
            ..declaration(schema_type, Some(one))
        };
        assert!(Arc::ptr_eq(&first, &log.schemas.declare(pinned).await.expect("there")));
        log.broker.close().await.expect("closed");
    }
}

#[tokio::test]
async fn the_message_of_a_protobuf_text_travels_with_it() {
    let log = open();
    let text = "syntax = \"proto3\"; message A { string a = 1; } message B { string b = 1; }";
    let declared = Declaration {
        message: Some("B".to_owned()),
        ..declaration(SchemaType::Protobuf, Some(text))
    };
    declared.examine().await.expect("a schema");
    let source = log.schemas.declare(declared.clone()).await.expect("registered");
    let payload = source.encode(r#"{"b":"1"}"#.into()).expect("of B");

    // Another process, which has the registry and no configuration.
    let sink = Schemas::new(log.registry.clone())
        .by_reference(source.reference())
        .await
        .expect("there");
    assert_eq!(&sink.decode(payload).expect("readable")[..], br#"{"b":"1"}"#);

    let missing = Declaration {
        message: Some("C".to_owned()),
        ..declared.clone()
    };
    assert!(
        missing
            .examine()
            .await
            .expect_err("no C")
            .to_string()
            .contains("defines no message `C`")
    );
    let error = log.schemas.declare(missing).await.expect_err("no C").to_string();
    assert!(error.contains("defines no message `C`"), "{error}");
    let json = Declaration {
        schema_type: SchemaType::JsonSchema,
        ..declared
    };
    assert!(
        json.examine()
            .await
            .expect_err("no message")
            .to_string()
            .contains("`message` is for `protobuf`")
    );
    log.broker.close().await.expect("closed");
}

#[tokio::test]
async fn avro_and_protobuf_survive_the_registry() {
    for (schema_type, text, document) in [
        (
            SchemaType::Avro,
            r#"{"type":"record","name":"A","fields":[{"name":"n","type":["null","int"]}]}"#,
            r#"{"n":1}"#,
        ),
        (
            SchemaType::Protobuf,
            "syntax = \"proto3\"; message A { int32 n = 1; }",
            r#"{"n":1}"#,
        ),
    ] {
        let log = open();
        let source = log.declare(schema_type, text).await.expect("registered");
        let payload = source.encode(document.into()).expect("valid");
        let sink = Schemas::new(log.registry.clone())
            .by_reference(source.reference())
            .await
            .expect("there");
        assert_eq!(
            (sink.schema_type(), sink.decode(payload)),
            (schema_type, Ok(document.into()))
        );
        log.broker.close().await.expect("closed");
    }
}
