//! A spool that nobody uses is looked at: how much it holds is told, and stays there.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use danube_wasm_broker::{Broker, ErrorKind};
use danube_wasm_broker_spool::count_records;
use support::*;

#[tokio::test]
async fn all_that_it_holds_for_others_is_counted_and_nothing_goes_on() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    remote.log().create_topic(&topic(), spec()).await.unwrap();
    let spool = open_with_topic(&remote, soon_held(directory.path())).await;
    let consumer = subscribe(&*spool).await;
    publish(remote.log(), &["c:1"]).await;
    remote.fail(|faults| faults.refused = vec![("a:2".into(), ErrorKind::TooLarge)]);
    publish(&*spool, &["a:1", "a:2", "b:1"]).await;
    // Two that the broker may lose, and a message that nobody has taken.
    status(&spool, |status| (status.records, status.refused) == (3, 1)).await;
    let error = count_records(directory.path()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "in use: {error}");

    drop(consumer);
    spool.close().await.unwrap();
    let accepted = remote.accepted();
    for _ in 0..2 {
        assert_eq!(count_records(directory.path()).await.unwrap(), 4);
    }
    assert_eq!(remote.accepted(), accepted);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_empty_nor_for_in_use() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("log.redb"), "no log").unwrap();
    let error = count_records(directory.path()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Incompatible, "{error}");
}
