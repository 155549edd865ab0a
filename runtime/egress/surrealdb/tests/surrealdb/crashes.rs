//! Stores as a crash leaves them, made by hand: SurrealKV alone loses writes of these.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use danube_wasm_model::door::Egress as _;
use serde_json::json;

use crate::common::{copy, count, disk, insert, inserts, query, write_all};

/// The log file of a store.
fn log(directory: &Path) -> PathBuf {
    let logs = std::fs::read_dir(directory.join("store/wal")).expect("a folder");
    let mut logs: Vec<PathBuf> = logs.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    logs.remove(0)
}

/// Returns a store that was killed after two rows, with `end` appended to its log.
async fn killed_store(end: &[u8]) -> tempfile::TempDir {
    let (alive, killed) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let db = disk(alive.path());
    write_all(&db, &inserts("t", 2)).await;
    copy(alive.path(), killed.path());
    db.close().await.expect("closes");
    let mut log = OpenOptions::new().append(true).open(log(killed.path())).expect("a log");
    log.write_all(end).expect("writes");
    killed
}

#[tokio::test]
async fn nothing_is_written_after_a_torn_record_or_to_an_unlinked_log() {
    let ends: [&[u8]; 4] = [b"", b"abc", &[0; 700], &[7; 700]];
    for end in ends {
        let first = killed_store(end).await;
        let db = disk(first.path());
        assert_eq!(
            count(&db, "t").await,
            2,
            "after the first crash, with {} bytes",
            end.len()
        );
        write_all(&db, &[insert("t", "third", &json!({}))]).await;
        let second = tempfile::tempdir().expect("a directory");
        copy(first.path(), second.path());
        db.close().await.expect("closes");
        let db = disk(second.path());
        assert_eq!(
            count(&db, "t").await,
            3,
            "after the second crash, with {} bytes",
            end.len()
        );
        db.close().await.expect("closes");
    }
}

#[tokio::test]
async fn a_store_that_was_closed_has_no_log_to_move() {
    let directory = tempfile::tempdir().expect("a directory");
    let db = disk(directory.path());
    write_all(&db, &inserts("t", 2)).await;
    db.close().await.expect("closes");
    let logs = std::fs::read_dir(directory.path().join("store/wal")).expect("a folder");
    assert_eq!(logs.count(), 0);
    let db = disk(directory.path());
    assert_eq!(count(&db, "t").await, 2);
    db.close().await.expect("closes");
}

#[tokio::test]
async fn long_values_stay_in_the_tables() {
    let directory = tempfile::tempdir().expect("a directory");
    let db = disk(directory.path());
    write_all(&db, &[insert("t", "long", &json!({ "text": "x".repeat(100_000) }))]).await;
    db.close().await.expect("closes");
    let values = directory.path().join("store/vlog");
    assert_eq!(std::fs::read_dir(values).map_or(0, Iterator::count), 0);
    let db = disk(directory.path());
    assert_eq!(count(&db, "t").await, 1);
    db.close().await.expect("closes");
}

#[tokio::test]
async fn a_store_that_another_program_created_with_a_value_log_is_read_and_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    let theirs = surrealdb::engine::any::connect(format!("surrealkv://{}", path.display()));
    let theirs = theirs.await.expect("opens");
    theirs.use_ns("test").use_db("test").await.expect("selects");
    let create = "CREATE t:theirs SET text = string::repeat('x', 100000)";
    theirs
        .query(create)
        .await
        .and_then(|answer| answer.check())
        .expect("writes");
    drop(theirs);
    // It closes in the background; the first write waits for that.
    let db = disk(directory.path());
    write_all(&db, &[insert("t", "ours", &json!({ "text": "y".repeat(100_000) }))]).await;
    let values = std::fs::read_dir(path.join("vlog")).expect("a folder");
    assert!(values.count() > 0, "nothing was kept apart");
    db.close().await.expect("closes");
    let db = disk(directory.path());
    let lengths = query(&db, "SELECT VALUE string::len(text) FROM t").await;
    assert_eq!(lengths, json!([100_000, 100_000]));
    db.close().await.expect("closes");
}
