//! Stores that a crash has left, made by hand: what SurrealKV does with them by itself loses writes.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use danube_wasm_model::door::Egress as _;
use serde_json::json;

use crate::common::{ask, copy, count, done, insert, inserts, on_disk};

/// The log of a store.
fn log(directory: &Path) -> PathBuf {
    let logs = std::fs::read_dir(directory.join("store/wal")).expect("a folder");
    let mut logs: Vec<PathBuf> = logs.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    logs.remove(0)
}

/// Two rows in a store that was killed, and this at the end of its log.
async fn killed_with(end: &[u8]) -> tempfile::TempDir {
    let (alive, killed) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let db = on_disk(alive.path());
    done(&db, &inserts("t", 2)).await;
    copy(alive.path(), killed.path());
    db.close().await.expect("closes");
    let mut log = OpenOptions::new().append(true).open(log(killed.path())).expect("a log");
    log.write_all(end).expect("writes");
    killed
}

#[tokio::test]
async fn nothing_is_written_behind_a_tear_or_to_a_log_without_a_name() {
    let ends: [&[u8]; 4] = [b"", b"abc", &[0; 700], &[7; 700]];
    for end in ends {
        let first = killed_with(end).await;
        let db = on_disk(first.path());
        assert_eq!(
            count(&db, "t").await,
            2,
            "after the first crash, with {} bytes",
            end.len()
        );
        done(&db, &[insert("t", "third", &json!({}))]).await;
        let second = tempfile::tempdir().expect("a directory");
        copy(first.path(), second.path());
        db.close().await.expect("closes");
        let db = on_disk(second.path());
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
    let db = on_disk(directory.path());
    done(&db, &inserts("t", 2)).await;
    db.close().await.expect("closes");
    let logs = std::fs::read_dir(directory.path().join("store/wal")).expect("a folder");
    assert_eq!(logs.count(), 0);
    let db = on_disk(directory.path());
    assert_eq!(count(&db, "t").await, 2);
    db.close().await.expect("closes");
}

#[tokio::test]
async fn long_values_stay_in_the_tables() {
    let directory = tempfile::tempdir().expect("a directory");
    let db = on_disk(directory.path());
    done(&db, &[insert("t", "long", &json!({ "text": "x".repeat(100_000) }))]).await;
    db.close().await.expect("closes");
    let values = directory.path().join("store/vlog");
    assert_eq!(std::fs::read_dir(values).map_or(0, Iterator::count), 0);
    let db = on_disk(directory.path());
    assert_eq!(count(&db, "t").await, 1);
    db.close().await.expect("closes");
}

#[tokio::test]
async fn a_store_of_somebody_else_that_keeps_long_values_apart_is_read_and_written() {
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
    // It closes when it likes; the first write waits for that.
    let db = on_disk(directory.path());
    done(&db, &[insert("t", "ours", &json!({ "text": "y".repeat(100_000) }))]).await;
    let values = std::fs::read_dir(path.join("vlog")).expect("a folder");
    assert!(values.count() > 0, "nothing was kept apart");
    db.close().await.expect("closes");
    let db = on_disk(directory.path());
    let lengths = ask(&db, "SELECT VALUE string::len(text) FROM t").await;
    assert_eq!(lengths, json!([100_000, 100_000]));
    db.close().await.expect("closes");
}
