//! Mistakes in a file, each by name and with its cure.

use danube_wasm_connector::SinkConnector as _;
use danube_wasm_egress_clickhouse::ClickHouseSink;

use crate::support::{config, read, text};

fn wrong(keys: &str, mapping: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    match read(dir.path(), &text("http://clickhouse.example:8123", "d", keys, mapping)) {
        Err(wrong) => wrong,
        Ok(config) => panic!("it is right: {config:?}"),
    }
}

#[test]
fn keys_that_do_not_fit_are_named() {
    for (keys, says) in [
        ("username = \"a:b\"", "holds a `:`"),
        ("password = \"x\"", "`password` needs `username`"),
        ("username = \"a\"\ntoken = \"b\"", "both given"),
        ("compression = \"lz4\"", "compression"),
        ("settings = { async_insert = 1 }", "the sink sets it"),
        ("settings = { \"a b\" = 1 }", "no setting's name"),
        ("settings = { x = [1] }", "no text, number or boolean"),
        ("request_timeout_ms = 1", "request_timeout_ms"),
        ("tls = { cert_file = \"absent.pem\" }", "`cert_file` needs `key_file`"),
        ("usernam = \"a\"", "username"),
    ] {
        let said = wrong(keys, "");
        assert!(said.contains(says), "{keys}: {said}");
    }
    for (mapping, says) in [
        ("unknown_fields = \"keep\"", "column:NAME"),
        ("unknown_fields = \"column:\"", "column:NAME"),
        ("missing_fields = \"null\"", "missing_fields"),
        ("epoch = \"ns\"", "epoch"),
        ("dedup = \"lookup\"", "add `id_column`"),
        ("columns = [{ pointer = \"x\", column = \"y\" }]", "JSON pointer"),
        ("columns = [{ pointer = \"/x\" }]", "column"),
        ("id_pointer = \"/id\"\nid_from = \"key\"", "id_from"),
    ] {
        let said = wrong("", mapping);
        assert!(said.contains(says), "{mapping}: {said}");
    }
}

#[test]
fn a_table_is_written_to_in_one_way() {
    let other = |mapping: &str| {
        format!(
            "[[sinks.clickhouse.topic_mappings]]\ntopic = \"/test/b\"\nsubscription = \"b\"\ntable = \"t\"\n{mapping}"
        )
    };
    let said = wrong("", &format!("id_column = \"id\"\n{}", other("id_column = \"uid\"")));
    assert!(
        said.contains("another mapping writes to the table `t` in another way"),
        "{said}"
    );
    config(&text(
        "http://c.example",
        "d",
        "",
        &format!("id_column = \"id\"\n{}", other("id_column = \"id\"")),
    ));
}

#[test]
fn urls_that_are_none_are_named_without_what_they_hold() {
    let dir = tempfile::tempdir().expect("a directory");
    for url in ["tcp://c.example:9000", "http://user:p4ss@c.example", "c.example:8123"] {
        let said = read(dir.path(), &text(url, "d", "", "")).expect_err("refused");
        assert!(said.contains("url"), "{said}");
    }
}

#[test]
fn batches_are_large_and_a_trickle_is_collected() {
    let config = config(&text("http://c.example", "d", "", ""));
    let batch = config.topic_mappings[0].batch;
    assert_eq!((batch.messages_max, batch.bytes_max), (10_000, 8 << 20));
    assert_eq!(batch.idle, batch.linger);
}

#[test]
fn the_built_in_component_is_told_which_attributes_to_include() {
    let told = |keys: &str| {
        let config = config(&text("http://c.example", "d", "", keys));
        ClickHouseSink::guest_settings(&config)["topic_mappings"][0]["include_attributes"].clone()
    };
    assert_eq!(told(""), serde_json::Value::Null);
    assert_eq!(told("include_attributes = [\"*\"]"), serde_json::json!(["*"]));
    let event = "webhook.header.x-github-event";
    let fields = told(&format!("include_attributes = {{ event = \"{event}\" }}"));
    assert_eq!(fields, serde_json::json!({ "event": event }));
}
