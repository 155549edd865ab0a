//! Danube Connect's files of its Delta Lake sink, as they are.

use std::collections::BTreeMap;

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Registry, SinkConnector as _};
use danube_wasm_egress_delta::{Delta, DeltaSink};

const FILE: &str = r#"
connector_name = "delta-sink"
danube_service_url = "http://danube-broker:6650"

[processing]
batch_size = 500
metrics_port = 9090

[deltalake]
storage_backend = "s3"
s3_region = "us-east-1"
s3_endpoint = "http://minio:9000"
s3_allow_http = true

[[deltalake.routes]]
from = "/events/payments"
subscription = "delta-payments"
to = "s3://lake/payments"
expected_schema_subject = "payments-v1"
include_danube_metadata = true
write_mode = "append"
field_mappings = [
    { json_path = "id", column = "id", data_type = "Utf8", nullable = false },
    { json_path = "customer.age", column = "age", data_type = "UInt8" },
    { json_path = "at", column = "at", data_type = "Timestamp" },
]

[[deltalake.routes]]
from = "/events/refunds"
subscription = "delta-refunds"
to = "s3://lake/refunds"
field_mappings = [{ json_path = "amount", column = "amount", data_type = "UInt64" }]
"#;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Delta, String> {
    let dir = tempfile::tempdir().expect("a directory");
    let builtin = Builtin {
        name: "document-sink",
        component: &[],
    };
    let registry = Registry::default().with_sink::<DeltaSink>(builtin);
    let env: BTreeMap<_, _> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let loaded = Loader::new(&registry, &env).load_text(&dir.path().join("connector.toml"), text.to_owned());
    let loaded = loaded.map_err(|wrong| wrong.to_string())?;
    let sink = &loaded.pipeline.sinks[0];
    assert!(
        sink.buffer.is_some(),
        "a Danube cluster hands out few messages at a time"
    );
    Ok(sink.connector.downcast::<DeltaSink>().expect("its kind").clone())
}

#[test]
fn a_file_is_read_as_it_is() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let delta = load(FILE, &variables).unwrap_or_else(|wrong| panic!("{wrong}"));
    let option = |name: &str| {
        let mut found = delta.storage.iter().filter(|(of, _)| of == name);
        found.next().map(|(_, value)| value.expose().to_owned())
    };
    assert_eq!(
        option("aws_region").as_deref(),
        Some("eu-west-1"),
        "the variable overrides the file"
    );
    assert_eq!(option("aws_endpoint").as_deref(), Some("http://minio:9000"));
    assert_eq!(option("aws_allow_http").as_deref(), Some("true"));
    assert_eq!(option("aws_secret_access_key").as_deref(), Some("secret"));

    let payments = &delta.tables[0];
    assert_eq!(payments.url.to_string(), "s3://lake/payments");
    assert!(payments.create && payments.has_metadata);
    let columns: Vec<_> = payments
        .field_mappings
        .iter()
        .map(|field| {
            (
                field.pointer.as_str(),
                field.column.as_str(),
                field.of.to_string(),
                field.nullable,
            )
        })
        .collect();
    assert_eq!(
        columns,
        [
            ("/id", "id", "string".to_owned(), false),
            ("/customer/age", "age", "short".to_owned(), true),
            ("/at", "at", "timestamp".to_owned(), true),
        ]
    );
    let mappings = DeltaSink::mappings(&delta);
    assert_eq!(mappings[0].consumer.topic.as_str(), "/events/payments");
    assert_eq!(
        mappings[0].consumer.expected_schema_subject.as_deref(),
        Some("payments-v1")
    );
    assert_eq!(
        (mappings[0].batch.messages_max, mappings[1].batch.messages_max),
        (500, 500)
    );
    assert_eq!(mappings[1].targets, [delta.tables[1].name.clone()]);
}

#[test]
fn what_cannot_be_kept_is_an_error_with_a_cure() {
    for (from, to, says) in [
        (
            "write_mode = \"append\"",
            "write_mode = \"overwrite\"",
            "would replace the table with each batch",
        ),
        ("storage_backend = \"s3\"\n", "", "needs `storage_backend`"),
        ("to = \"s3://lake/refunds\"\n", "", "needs `to`"),
        ("json_path = \"amount\", ", "", "json_path"),
        ("\"UInt64\"", "\"Decimal\"", "a type is one of string, long"),
        ("s3_region", "s3_regoin", "s3_regoin"),
    ] {
        let text = FILE.replace(from, to);
        let message = load(&text, &[]).expect_err(says);
        assert!(message.contains(says), "{from}: {message}");
    }
}
