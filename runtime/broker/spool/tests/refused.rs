//! What the broker will not take blocks nothing else, is never dropped, and is said.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use danube_wasm_broker::{Broker, ErrorKind, Outgoing};
use support::*;

fn elsewhere(text: &str) -> Outgoing {
    Outgoing {
        topic: other_topic(),
        ..record(text)
    }
}

#[tokio::test]
async fn a_record_over_the_brokers_limit_is_set_aside_and_can_be_tried_again() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    remote.fail(|faults| faults.refused = vec![("a:2".into(), ErrorKind::TooLarge)]);
    publish(&*spool, &["a:1", "a:2", "a:3"]).await;
    status(&spool, |status| status.refused == 1 && status.records == 0).await;
    assert_eq!(remote.distinct(), ["a:1", "a:3"]);
    spool.close().await.unwrap();
    drop(spool);

    let spool = open(&remote, soon_safe(directory.path())).await;
    let refused = spool.refused(10).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!((&refused[0].topic, refused[0].id.as_str()), (&topic(), "a:2"));
    assert_eq!(refused[0].reason, "this record is refused");
    assert!(refused[0].time_ms > 0);
    assert_eq!(spool.retry_refused().await.unwrap(), 1);
    status(&spool, |status| status.refused == 1 && status.records == 0).await;
    remote.heal();
    assert_eq!(spool.retry_refused().await.unwrap(), 1);
    status(&spool, |status| status.refused == 0 && status.records == 0).await;
    assert_eq!(remote.distinct(), ["a:1", "a:3", "a:2"]);
    let again = remote.records().pop().unwrap();
    assert_eq!(again, record("a:2"), "as it was handed over");
}

#[tokio::test]
async fn a_record_that_is_denied_again_and_again_while_others_are_not_is_set_aside() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, options(directory.path())).await;
    remote.fail(|faults| faults.refused = vec![("a:1".into(), ErrorKind::Denied)]);
    publish(&*spool, &["a:1", "a:2", "b:1"]).await;
    status(&spool, |status| status.refused == 1 && status.unconfirmed == 2).await;
    let mut distinct = remote.distinct();
    distinct.sort();
    assert_eq!(distinct, ["a:2", "b:1"]);
}

#[tokio::test]
async fn a_topic_that_is_denied_waits_for_its_permission_and_holds_up_no_other() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    spool.create_topic(&other_topic(), spec()).await.unwrap();
    remote.fail(|faults| faults.refused_topics = vec![(topic(), ErrorKind::Denied)]);
    publish(&*spool, &["a:1", "a:2"]).await;
    try_publish(&*spool, elsewhere("b:1")).await.unwrap();
    until("the other goes on", || async { remote.accepted() == ["b:1"] }).await;
    let said = status(&spool, |status| status.records == 2 && !status.troubles.is_empty()).await;
    assert_eq!(said.troubles["/test/topic"], "this topic is refused");
    assert_eq!(said.refused, 0);
    remote.heal();
    status(&spool, |status| status.records == 0 && status.troubles.is_empty()).await;
    assert_eq!(remote.accepted(), ["b:1", "a:1", "a:2"]);
}

#[tokio::test]
async fn a_topic_that_the_broker_has_otherwise_is_refused_at_the_start() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open(&remote, options(directory.path())).await;
    remote.fail(|faults| faults.refused_topics = vec![(topic(), ErrorKind::Conflict)]);
    let error = spool.create_topic(&topic(), spec()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn a_topic_that_turns_out_to_be_otherwise_later_is_said_and_waits() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    remote.fail(|faults| faults.down = true);
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    spool.create_topic(&other_topic(), spec()).await.unwrap();
    publish(&*spool, &["a:1"]).await;
    try_publish(&*spool, elsewhere("b:1")).await.unwrap();
    remote.fail(|faults| {
        faults.down = false;
        faults.refused_topics = vec![(topic(), ErrorKind::Conflict)];
    });
    until("the other goes on", || async { remote.accepted() == ["b:1"] }).await;
    status(&spool, |status| {
        status
            .troubles
            .get("/test/topic")
            .is_some_and(|why| why == "this topic is refused")
    })
    .await;
    remote.heal();
    status(&spool, |status| status.records == 0 && status.troubles.is_empty()).await;
    assert_eq!(remote.distinct(), ["b:1", "a:1"]);
}
