//! What the broker will not take blocks nothing else, is never dropped, and is said.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use danube_wasm_broker::{Broker, ErrorKind, Outgoing, TopicSpec};
use support::*;

fn elsewhere(text: &str) -> Outgoing {
    Outgoing {
        topic: other_topic(),
        ..record(text)
    }
}

#[tokio::test]
async fn a_record_over_the_brokers_limit_is_set_aside_until_somebody_has_taken_it() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    remote.fail(|faults| faults.refused = vec![("a:2".into(), ErrorKind::TooLarge)]);
    publish(&*spool, &["a:1", "a:2", "a:3"]).await;
    status(&spool, |status| status.refused == 1 && status.records == 0).await;
    assert_eq!(remote.distinct(), ["a:1", "a:3"]);
    spool.close().await.unwrap();
    drop(spool);

    let spool = open(&remote, soon_safe(directory.path())).await;
    for _ in 0..2 {
        let refused = spool.refused(10).await.unwrap();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].record, record("a:2"), "as it was handed over");
        assert_eq!(refused[0].reason, "this record is refused");
        assert!(refused[0].time_ms > 0);
    }
    let refused = spool.refused(10).await.unwrap();
    spool.remove_refused(&[refused[0].place]).await.unwrap();
    status(&spool, |status| status.refused == 0 && status.records == 0).await;
    assert_eq!(spool.refused(10).await.unwrap(), []);
    assert_eq!(remote.distinct(), ["a:1", "a:3"]);
}

#[tokio::test]
async fn what_the_broker_will_not_keep_is_not_called_durable() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, options(directory.path())).await;
    let unreliable = TopicSpec {
        reliable_dispatch: false,
        ..spec()
    };
    spool.create_topic(&other_topic(), unreliable).await.unwrap();
    let publisher = spool.publisher("p/source").await.unwrap();
    for (group, durable) in [
        (vec![record("a:1")], spec().reliable_dispatch),
        (vec![elsewhere("b:1")], false),
        (vec![record("a:2"), elsewhere("b:2")], false),
    ] {
        let published = publisher.publish(vec![group]).await.pop().unwrap().unwrap();
        assert_eq!(published.durable, durable);
    }
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
