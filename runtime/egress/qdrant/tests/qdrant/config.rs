//! Mistakes in files, and what is told of them.

use danube_wasm_connector::SinkConnector as _;
use danube_wasm_egress_qdrant::QdrantSink;

use crate::support::{config, read, text};

fn wrong(keys: &str, mapping: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    read(dir.path(), &text("http://localhost:6334", "c", keys, mapping)).expect_err("it is wrong")
}

#[test]
fn a_file_says_what_a_collection_is_or_that_it_is_there() {
    for (keys, mapping, expected) in [
        ("", "", "needs `vector_dimension`"),
        ("", "distance = \"Cosine\"", "`distance` needs `vector_dimension`"),
        ("", "vector_dimension = 2\ndistance = \"cosine\"", "Cosine"),
        ("", "vector_dimension = 65537", "65536"),
        ("", "vectors = [{ name = \"a\" }]", "needs `dimension`"),
        (
            "",
            "vectors = [{ name = \"a\", kind = \"sparse\", dimension = 2 }]",
            "for dense vectors",
        ),
        (
            "",
            "vectors = [{ name = \"a\", dimension = 2 }, { name = \"a\", dimension = 3 }]",
            "the name `a`",
        ),
        ("", "create = \"never\"\nids = \"sha\"", "native"),
        (
            "",
            "create = \"never\"\npayload_indexes = [{ field = \"x\", type = \"string\" }]",
            "keyword",
        ),
        ("tls = { ca_file = \"x\" }", "create = \"never\"", "x"),
        (
            "headers = { api-key = \"x\" }",
            "create = \"never\"",
            "cannot have `api-key`",
        ),
        (
            "embedding = { url = \"http://x/v1\", model = \"m\" }",
            "create = \"never\"",
            "needs `text_pointer`",
        ),
        ("timeout_secs = 3", "create = \"never\"", "request_timeout_ms"),
        ("server_min = \"1.14\"", "create = \"never\"", "1.15"),
        (
            "",
            "create = \"never\"\nkeep_deletes = \"c\"",
            "which the mapping writes to",
        ),
        (
            "",
            "create = \"never\"\ncollections = [\"d\"]\nkeep_deletes = \"e\"",
            "is of one collection",
        ),
        (
            "server_min = \"1.15\"",
            "create = \"never\"\nkeep_deletes = \"d\"",
            "servers before 1.16 do not",
        ),
    ] {
        let message = wrong(keys, mapping);
        assert!(message.contains(expected), "{keys} {mapping}: {message}");
    }
}

#[test]
fn urls_and_names_are_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    for (url, collection, expected) in [
        ("localhost:6334", "c", "http://HOST:6334"),
        ("http://key@host", "c", "`api_key`"),
        ("http://host", "a/b", "control characters"),
        ("http://host", "", "control characters"),
    ] {
        let message = read(dir.path(), &text(url, collection, "", "create = \"never\"")).expect_err("it is wrong");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn two_mappings_that_describe_a_collection_differently_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let second = |dimension| {
        format!(
            "vector_dimension = 2\n[[sinks.qdrant.topic_mappings]]\ntopic = \"/test/others\"\nsubscription = \"out\"\n\
             collection = \"c\"\nvector_dimension = {dimension}"
        )
    };
    read(dir.path(), &text("http://host", "c", "", &second(2))).expect("the same");
    let message = read(dir.path(), &text("http://host", "c", "", &second(3))).expect_err("different");
    assert!(
        message.contains("describes the collection `c` differently"),
        "{message}"
    );
}

#[test]
fn secrets_are_not_shown() {
    let dir = tempfile::tempdir().expect("a directory");
    let keys = "api_key = \"s3cret-1\"\nheaders = { openai-api-key = \"s3cret-2\" }\n\
        embedding = { url = \"http://x/v1\", model = \"m\", text_pointer = \"/t\", api_key = \"s3cret-3\" }";
    let read = read(dir.path(), &text("http://localhost", "c", keys, "create = \"never\"")).expect("right");
    let shown = format!("{read:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn the_built_in_component_is_told_which_attributes_to_include() {
    let told = |keys: &str| {
        let config = config(&text(
            "http://localhost:6334",
            "c",
            "",
            &format!("create = \"never\"\n{keys}"),
        ));
        QdrantSink::guest_settings(&config)["topic_mappings"][0]["include_attributes"].clone()
    };
    assert_eq!(told(""), serde_json::Value::Null);
    assert_eq!(told("include_attributes = [\"*\"]"), serde_json::json!(["*"]));
    let event = "webhook.header.x-github-event";
    let fields = told(&format!("include_attributes = {{ event = \"{event}\" }}"));
    assert_eq!(fields, serde_json::json!({ "event": event }));
}
