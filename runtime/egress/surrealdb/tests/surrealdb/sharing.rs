//! Stores shared by egresses, and when their files are released.

use std::time::Duration;

use danube_wasm_egress_surrealdb::Connections;
use danube_wasm_model::door::{Egress as _, EgressError};
use serde_json::json;

use crate::common::{connections, count, disk, insert, inserts, memory, options, query, write_all};

#[tokio::test]
async fn two_sinks_share_one_store_on_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = connections()
        .connect(options("surrealkv://./store", directory.path()))
        .await
        .expect("opens");
    let spelled = options("surrealkv://x/../store/", directory.path());
    let second = connections().connect(spelled).await.expect("shares");
    write_all(&first, &inserts("t", 2)).await;
    assert_eq!(count(&second, "t").await, 2);

    first.close().await.expect("closes");
    write_all(&second, &[insert("t", "more", &json!({}))]).await;
    assert!(matches!(
        first.write(&inserts("t", 1)).await,
        Err(EgressError::Transient { .. })
    ));
    second.close().await.expect("closes");

    let third = connections()
        .connect(options("surrealkv://store", directory.path()))
        .await
        .expect("is free");
    assert_eq!(count(&third, "t").await, 3);
    third.close().await.expect("closes");
}

#[tokio::test]
async fn databases_of_one_store_are_separate() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = disk(directory.path());
    let mut elsewhere = options("surrealkv://store", directory.path());
    elsewhere.database = "else; where`".to_owned();
    let there = connections().egress(elsewhere);
    write_all(&here, &inserts("t", 2)).await;
    write_all(&there, &inserts("t", 3)).await;
    assert_eq!((count(&here, "t").await, count(&there, "t").await), (2, 3));
    here.close().await.expect("closes");
    there.close().await.expect("closes");
}

#[tokio::test]
async fn a_dropped_store_can_be_reopened() {
    let directory = tempfile::tempdir().expect("a directory");
    for round in 1..=3 {
        let db = disk(directory.path());
        write_all(&db, &[insert("t", &round.to_string(), &json!({}))]).await;
        assert_eq!(count(&db, "t").await, round);
    }
}

#[tokio::test]
async fn a_database_in_memory_is_shared_only_within_its_connections() {
    let connections = Connections::new();
    let base = std::path::Path::new("/");
    let (first, second) = (
        connections.egress(options("mem://", base)),
        connections.egress(options("mem://", base)),
    );
    write_all(&first, &inserts("t", 1)).await;
    assert_eq!(count(&second, "t").await, 1);
    let stranger = memory();
    query(&stranger, "DEFINE TABLE t").await;
    assert_eq!(count(&stranger, "t").await, 0);
}

#[tokio::test]
async fn a_store_that_another_owner_has_open_is_a_transient_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    std::fs::create_dir_all(&path).expect("creates");
    let lock = std::fs::File::create(path.join("LOCK")).expect("creates");
    lock.lock().expect("locks");
    let mut options = options("surrealkv://store", directory.path());
    options.connect_timeout = Duration::from_millis(300);
    let db = Connections::new().egress(options);
    let error = db.ready().await.expect_err("locked");
    assert!(
        matches!(&error, EgressError::Transient { message, .. } if message.contains("open, and only one can")),
        "{error}"
    );
    drop(lock);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while db.ready().await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the store stays locked");
    }
    write_all(&db, &inserts("t", 1)).await;
    db.close().await.expect("closes");
}
