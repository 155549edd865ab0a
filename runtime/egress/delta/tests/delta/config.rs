//! Mistakes in a file, each by name and with its cure.

use danube_wasm_connector::SinkConnector as _;
use danube_wasm_egress_delta::DeltaSink;

use crate::support::{COLUMNS, config, one, read, with_storage};

fn wrong(text: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    match read(dir.path(), text) {
        Err(wrong) => wrong,
        Ok(config) => panic!("it is right: {config:?}"),
    }
}

#[test]
fn keys_that_do_not_fit_each_other_are_named() {
    let mapping = |of: &str| format!("field_mappings = [{{ pointer = \"/n\", column = \"n\", type = \"{of}\" }}]\n");
    let long = mapping("long");
    for (keys, says) in [
        ("create = true".to_owned(), "`create` needs `field_mappings`"),
        (mapping("uint64"), "a type is one of string, long"),
        (mapping("decimal(39,2)"), "decimal(P,S)"),
        (
            format!("{long}rest_column = \"x\"\nunknown_fields = \"drop\""),
            "`rest_column` is where fields without a column go",
        ),
        (
            format!("{long}partition = [{{ column = \"day\" }}]"),
            "column `day` of `partition` has no field",
        ),
        (
            long.replace(" }]", " }, { pointer = \"/m\", column = \"N\", type = \"long\" }]"),
            "two columns are named `n`",
        ),
        (format!("{long}target_file_bytes = 5"), "target_file_bytes"),
        (format!("{long}write_mode = \"overwrite\""), "write_mode"),
    ] {
        let message = wrong(&one("/tmp/table", &keys));
        assert!(message.contains(says), "{keys}: {message}");
    }
}

#[test]
fn stores_that_cannot_be_are_named() {
    for (url, storage, says) in [
        ("s3://bucket", "", "it has no path"),
        ("ftp://host/x", "", "none of `s3`"),
        (
            "s3://bucket/x",
            "storage = { aws_regin = \"x\" }",
            "`storage` cannot have `aws_regin`",
        ),
        (
            "s3://bucket/x",
            "storage = { AWS_S3_ALLOW_UNSAFE_RENAME = true }",
            "commits are kept apart by conditional writes",
        ),
        (
            "s3://bucket/x",
            "storage = { AWS_S3_LOCKING_PROVIDER = \"dynamodb\" }",
            "commits are kept apart by conditional writes",
        ),
        (
            "s3://bucket/x",
            "storage = { aws_endpoint = \"http://minio:9000\" }",
            "is reached without TLS",
        ),
        (
            "/tmp/table",
            "storage = { aws_region = \"x\" }",
            "a folder of this machine has no options",
        ),
    ] {
        let message = wrong(&with_storage(url, COLUMNS, storage));
        assert!(message.contains(says), "{url} {storage}: {message}");
    }
}

#[test]
fn tables_are_those_of_the_sink_and_none_is_there_twice() {
    let mapping = one("/tmp/table", "").replace("table = \"a\"", "table = \"b\"");
    assert!(wrong(&mapping).contains("this sink has no table `b`"));
    let twice = one("/tmp/table", "") + "[[sinks.delta.tables]]\nname = \"b\"\nurl = \"/tmp/table/\"\n";
    assert!(wrong(&twice).contains("tables `a` and `b` are one"));
}

#[test]
fn documents_with_ids_go_to_tables_of_changes() {
    let text = one("/tmp/table", COLUMNS) + "id_pointer = \"/id\"\n";
    assert!(wrong(&text).contains("table `a` takes only inserts"));
}

#[test]
fn the_built_in_component_is_told_which_attributes_to_include() {
    let told = |keys: &str| {
        let config =
            config(&one("/tmp/table", COLUMNS).replace("table = \"a\"\n", &format!("table = \"a\"\n{keys}\n")));
        DeltaSink::guest_settings(&config)["topic_mappings"][0]["include_attributes"].clone()
    };
    assert_eq!(told(""), serde_json::Value::Null);
    assert_eq!(told("include_attributes = [\"*\"]"), serde_json::json!(["*"]));
    let event = "webhook.header.x-github-event";
    let fields = told(&format!("include_attributes = {{ event = \"{event}\" }}"));
    assert_eq!(fields, serde_json::json!({ "event": event }));
}
