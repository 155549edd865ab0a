//! Helpers of the tests: stores, writes and queries.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use danube_wasm_egress_surrealdb::{Connections, SurrealEgress, SurrealOptions, SurrealUrl};
use danube_wasm_model::{
    door::{Egress as _, Write, WriteReport},
    message::Operation,
};
use serde_json::{Value, json};

/// Returns an egress to a new database in memory.
pub(crate) fn memory() -> Arc<SurrealEgress> {
    Connections::new().egress(options("mem://", Path::new("/")))
}

/// The connections of all tests in this process, because a store can be open only once.
pub(crate) fn connections() -> &'static Connections {
    static CONNECTIONS: LazyLock<Connections> = LazyLock::new(Connections::new);
    &CONNECTIONS
}

/// Returns an egress to a store in this directory.
pub(crate) fn disk(directory: &Path) -> Arc<SurrealEgress> {
    connections().egress(options("surrealkv://store", directory))
}

pub(crate) fn options(url: &str, base: &Path) -> SurrealOptions {
    SurrealOptions::new(SurrealUrl::parse(url, base).expect("an address"), "test", "test")
}

pub(crate) fn write(operation: Operation, table: &str, id: &str, order: u64, body: &Value) -> Write {
    Write {
        target: table.into(),
        id: id.to_owned(),
        operation,
        order,
        record: None,
        body: body.to_string().into(),
        types: None,
        key: None,
        redelivered: true,
    }
}

pub(crate) fn insert(table: &str, id: &str, body: &Value) -> Write {
    write(Operation::Insert, table, id, 0, body)
}

/// `n` plain inserts `0`, `1`, … of `{ "n": i }`.
pub(crate) fn inserts(table: &str, n: usize) -> Vec<Write> {
    (0..n)
        .map(|i| insert(table, &i.to_string(), &json!({ "n": i })))
        .collect()
}

pub(crate) async fn write_all(egress: &SurrealEgress, writes: &[Write]) -> WriteReport {
    egress.write(writes).await.expect("the database takes writes")
}

/// Runs SurrealQL that must succeed and returns the result of its last statement.
pub(crate) async fn query(egress: &SurrealEgress, surql: &str) -> Value {
    let mut answers = egress.query(surql, true).await.expect(surql);
    for answer in &answers {
        assert!(answer.get("error").is_none(), "{surql}: {answer}");
    }
    answers.pop().expect("a statement")
}

pub(crate) async fn count(egress: &SurrealEgress, table: &str) -> u64 {
    let answer = query(
        egress,
        &format!("RETURN count(SELECT VALUE id FROM type::table('{table}'))"),
    )
    .await;
    answer.as_u64().expect("a count")
}

/// Copies the files of an open store as `kill -9` would leave them.
pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&to).expect("a directory");
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copies");
        }
    }
}
