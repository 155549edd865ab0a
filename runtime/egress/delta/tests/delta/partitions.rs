//! Tables with partitions.

use danube_wasm_model::door::Egress as _;
use serde_json::{Value, json};

use crate::support::{append, insert, one, reader, refused, sink, try_write, unfit};

const KEYS: &str = r#"
create = true
field_mappings = [
    { pointer = "/n", column = "n", type = "long" },
    { pointer = "/at", column = "at", type = "timestamp" },
    { pointer = "/kind", column = "kind", type = "string" },
]
partition = [{ column = "day", date_of = "/at" }, { column = "kind" }]
"#;

#[tokio::test]
async fn rows_go_to_the_partition_of_their_values_whatever_these_are() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("a table").display().to_string();
    let sink = sink(&one(&url, KEYS));
    let kinds = [
        json!("plain"),
        Value::Null,
        json!("a/b=c d~%25"),
        json!("ä\u{1f600}"),
        json!(" "),
        json!(".."),
    ];
    let writes: Vec<_> = kinds
        .iter()
        .enumerate()
        .flat_map(|(n, kind)| {
            let body = json!({"n": n, "kind": kind, "at": "2024-01-31T23:30:00-02:00"});
            let without = json!({"n": n + 100, "kind": kind});
            [
                insert(&n.to_string(), &body.to_string()),
                insert(&format!("{n}-"), &without.to_string()),
            ]
        })
        .collect();
    append(&sink, &writes).await;
    sink.close().await.expect("it closes");
    if !reader::is_installed() {
        return;
    }
    let read = reader::read(&url);
    assert_eq!(
        read.files.len(),
        kinds.len() * 2,
        "a file for each partition: {:?}",
        read.files
    );
    assert!(
        read.files
            .iter()
            .any(|file| file.contains("day=__HIVE_DEFAULT_PARTITION__")),
        "{:?}",
        read.files
    );
    for (n, kind) in kinds.iter().enumerate() {
        let of = |n: usize| read.rows.iter().find(|row| row["n"] == n).expect("a row");
        assert_eq!((&of(n)["kind"], &of(n)["day"]), (kind, &json!("2024-02-01")));
        assert_eq!((&of(n + 100)["kind"], &of(n + 100)["day"]), (kind, &Value::Null));
    }
}

#[tokio::test]
async fn an_empty_text_is_not_made_null_in_a_partition() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    let sink = sink(&one(&url, KEYS));
    assert!(
        refused(&sink, "{\"kind\":\"\"}")
            .await
            .contains("column `kind` makes partitions")
    );
}

#[tokio::test]
async fn more_partitions_than_a_commit_takes_are_several_commits() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    let sink = sink(&one(&url, KEYS));
    let writes: Vec<_> = (0..130)
        .map(|n| insert(&n.to_string(), &format!("{{\"n\":{n},\"kind\":\"{n}\"}}")))
        .collect();
    append(&sink, &writes).await;
    assert_eq!(append(&sink, &writes).await.unchanged, 130);
    if reader::is_installed() {
        let read = reader::read(&url);
        assert_eq!((read.numbers(), read.version), (Vec::from_iter(0..130), 2));
    }
}

#[tokio::test]
async fn a_table_keeps_the_partitions_that_it_was_made_with() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    append(&sink(&one(&url, KEYS)), &[insert("1", "{\"n\":1}")]).await;
    let other = KEYS.replace(", { column = \"kind\" }", "");
    let message = unfit(try_write(&sink(&one(&url, &other)), &[insert("2", "{}")]).await);
    assert!(
        message.contains("partitioned by `day`, `kind`") && message.contains("the file says `day`"),
        "{message}"
    );
}
