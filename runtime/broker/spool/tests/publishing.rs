//! Publishing by way of the disk: confirmed is kept, order is kept, nothing comes twice when nothing went wrong.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use danube_wasm_broker::{Broker, ErrorKind, Outgoing, SchemaRef, TopicSpec};
use danube_wasm_broker_spool::SpoolOptions;
use support::*;

/// `n` texts of a few keys.
fn numbered(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{}:{i}", ["a", "b", "c"][i % 3])).collect()
}

/// Those of one key, in their order.
fn of_key(texts: &[String], key: &str) -> Vec<String> {
    let prefix = format!("{key}:");
    texts.iter().filter(|text| text.starts_with(&prefix)).cloned().collect()
}

async fn has_all(remote: &Remote, texts: &[String]) {
    until("the broker has all", || async {
        remote.distinct().len() == texts.len()
    })
    .await;
    for key in ["a", "b", "c"] {
        assert_eq!(
            of_key(&remote.distinct(), key),
            of_key(texts, key),
            "order of key {key}"
        );
    }
}

#[tokio::test]
async fn what_goes_well_goes_once() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    let texts = numbered(500);
    publish(&*spool, &texts).await;
    has_all(&remote, &texts).await;
    let status = status(&spool, |status| status.records == 0 && status.bytes < 1000).await;
    assert_eq!(remote.accepted().len(), texts.len(), "none twice");
    assert_eq!((status.full, status.refused, status.troubles.len()), (false, 0, 0));
}

#[tokio::test]
async fn the_broker_is_not_needed_to_confirm() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    remote.fail(|faults| faults.down = true);
    let spool = open(&remote, soon_safe(directory.path())).await;
    let spec = TopicSpec {
        partitions: 3,
        ordered: true,
        ..spec()
    };
    spool.create_topic(&topic(), spec.clone()).await.unwrap();
    let texts = numbered(30);
    publish(&*spool, &texts).await;
    spool.ready().await.unwrap();
    let said = status(&spool, |status| status.records == 30 && !status.troubles.is_empty()).await;
    assert_eq!(said.troubles["/test/topic"], "the broker is not in reach");
    assert!(said.oldest_ms.is_some() || said.unconfirmed == 0);
    assert!(remote.accepted().is_empty());

    remote.heal();
    has_all(&remote, &texts).await;
    assert_eq!(
        remote.topics(),
        [(topic(), spec)],
        "the topic came first, as it was asked for"
    );
    status(&spool, |status| status.records == 0 && status.troubles.is_empty()).await;
}

#[tokio::test]
async fn a_broker_that_hangs_holds_up_nobody() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    remote.fail(|faults| faults.hang = true);
    publish(&*spool, &["a:1", "b:1"]).await;
    spool.ready().await.unwrap();
    remote.heal();
    status(&spool, |status| status.records == 0).await;
    assert_eq!(remote.distinct().len(), 2);
}

#[tokio::test]
async fn the_broker_gets_what_was_handed_over() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, options(directory.path())).await;
    let keys = [None, Some(Bytes::new()), Some(Bytes::from_static(b"\0key"))];
    let sent: Vec<Outgoing> = (0..)
        .zip(keys)
        .map(|(i, key)| Outgoing {
            key,
            schema: (i > 0).then_some(SchemaRef { id: 7, version: i }),
            ..record(&i.to_string())
        })
        .collect();
    for record in &sent {
        try_publish(&*spool, record.clone()).await.unwrap();
    }
    until("the broker has all", || async { remote.records().len() == 3 }).await;
    let mut got = remote.records();
    got.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(got, sent);
}

#[tokio::test]
async fn order_survives_every_fault_of_the_broker() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, options(directory.path())).await;
    let texts = numbered(600);
    for (i, part) in texts.chunks(20).enumerate() {
        match i % 6 {
            0 => remote.fail(|faults| faults.slow = Duration::from_millis(1)),
            1 => remote.fail(|faults| faults.answer_lost = true),
            2 => remote.lose_session(),
            3 => remote.fail(|faults| faults.down = true),
            4 => remote.heal(),
            _ => {
                remote.flush().await;
                remote.lose_session();
            }
        }
        publish(&*spool, part).await;
    }
    remote.heal();
    has_all(&remote, &texts).await;
}

#[tokio::test]
async fn records_without_a_key_keep_their_order_where_the_topic_is_ordered() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open(&remote, options(directory.path())).await;
    let ordered = TopicSpec {
        ordered: true,
        ..spec()
    };
    spool.create_topic(&topic(), ordered).await.unwrap();
    remote.fail(|faults| faults.slow = Duration::from_millis(1));
    let texts: Vec<String> = (0..200).map(|i| i.to_string()).collect();
    publish(&*spool, &texts[..100]).await;
    remote.lose_session();
    publish(&*spool, &texts[100..]).await;
    until("the broker has all", || async { remote.distinct().len() == 200 }).await;
    assert_eq!(remote.distinct(), texts);
}

#[tokio::test]
async fn what_a_broker_forgets_is_published_again() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, options(directory.path())).await;
    spool.create_topic(&other_topic(), spec()).await.unwrap();
    let texts = numbered(90);
    publish(&*spool, &texts[..50]).await;
    let elsewhere = Outgoing {
        topic: other_topic(),
        ..record("elsewhere")
    };
    try_publish(&*spool, elsewhere).await.unwrap();
    until("it is accepted", || async { remote.distinct().len() == 51 }).await;
    remote.flush().await;
    publish(&*spool, &texts[50..]).await;
    until("it is accepted", || async { remote.distinct().len() == 91 }).await;
    remote.lose_session();
    until("it has all again", || async { remote.distinct().len() == 91 }).await;
    let all: Vec<String> = remote
        .distinct()
        .into_iter()
        .filter(|text| text != "elsewhere")
        .collect();
    assert_eq!(of_key(&all, "b"), of_key(&texts, "b"));
    assert_eq!(
        status(&spool, |status| status.unconfirmed == 91).await.records,
        91,
        "nothing is safe yet"
    );
}

/// Danube gives the places of what it lost to what comes next, and a subscription that was there already skips it.
#[tokio::test]
async fn what_a_broker_is_given_first_after_a_loss_it_is_given_once_more() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    // Nothing is safe until it is lost.
    remote.fail(|faults| faults.checks_fail = true);
    let texts = numbered(90);
    publish(&*spool, &texts).await;
    until("it is accepted", || async { remote.accepted().len() == 90 }).await;
    remote.lose_session();
    remote.heal();
    status(&spool, |status| status.records == 0).await;
    let accepted = remote.accepted();
    assert_eq!(accepted.len(), 180, "twice, and then it is safe");
    let once_more = &accepted[90..];
    for key in ["a", "b", "c"] {
        assert_eq!(of_key(once_more, key), of_key(&texts, key), "order of key {key}");
    }
    // No doubt is left.
    publish(&*spool, &["a:90"]).await;
    status(&spool, |status| status.records == 0).await;
    assert_eq!(remote.accepted().len(), 181);
}

#[tokio::test]
async fn a_new_session_begins_with_what_the_old_one_lost() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, options(directory.path())).await;
    publish(&*spool, &["a:1"]).await;
    until("it is accepted", || async { remote.accepted() == ["a:1"] }).await;
    remote.fail(|faults| faults.hang = true);
    // For another producer the broker is asked for another handle, and does not answer.
    let publisher = spool.publisher("another").await.unwrap();
    within(publisher.publish(vec![vec![record("a:2")]]))
        .await
        .remove(0)
        .unwrap();
    until("it is asked", || async { remote.is_hanging() }).await;
    remote.lose_session();
    remote.heal();
    until("it has both", || async { remote.distinct().len() == 2 }).await;
    assert_eq!(remote.distinct(), ["a:1", "a:2"]);
}

#[tokio::test]
async fn an_error_is_reason_enough_to_publish_other_topics_again() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, options(directory.path())).await;
    spool.create_topic(&other_topic(), spec()).await.unwrap();
    let elsewhere = Outgoing {
        topic: other_topic(),
        ..record("elsewhere")
    };
    try_publish(&*spool, elsewhere).await.unwrap();
    until("it is accepted", || async { remote.accepted().len() == 1 }).await;
    remote.fail(|faults| faults.refused = vec![("a:1".into(), ErrorKind::Unavailable)]);
    publish(&*spool, &["a:1"]).await;
    until("it came again", || async {
        remote.accepted() == ["elsewhere", "elsewhere"]
    })
    .await;
    // One outage, one time.
    publish(&*spool, &["b:1"]).await;
    remote.heal();
    status(&spool, |status| status.unconfirmed == 3).await;
    let times = remote.accepted().iter().filter(|text| *text == "elsewhere").count();
    assert!(times <= 3, "{times} times");
}

#[tokio::test]
async fn nothing_is_dropped_before_the_session_is_known_to_have_lasted() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    remote.fail(|faults| faults.checks_fail = true);
    publish(&*spool, &["a:1"]).await;
    status(&spool, |status| status.unconfirmed == 1).await;
    // The flush time has passed many times over when the session turns out to be lost.
    tokio::time::sleep(Duration::from_millis(50)).await;
    remote.lose_session();
    until("it came again", || async { remote.accepted() == ["a:1"] }).await;
    remote.heal();
    status(&spool, |status| status.records == 0).await;
}

#[tokio::test]
async fn a_restart_publishes_again_what_may_not_be_safe() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let texts = numbered(60);
    let spool = open_with_topic(&remote, options(directory.path())).await;
    publish(&*spool, &texts[..30]).await;
    until("it is accepted", || async { remote.distinct().len() == 30 }).await;
    remote.fail(|faults| faults.down = true);
    publish(&*spool, &texts[30..]).await;
    drop(spool);
    // The broker starts again meanwhile.
    remote.lose_session();
    remote.heal();
    let spool = open(&remote, options(directory.path())).await;
    has_all(&remote, &texts).await;
    assert_eq!(status(&spool, |status| status.unconfirmed == 60).await.records, 60);
}

#[tokio::test]
async fn a_restart_does_not_publish_again_what_is_safe() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    publish(&*spool, &["a:1", "a:2"]).await;
    status(&spool, |status| status.records == 0).await;
    spool.close().await.unwrap();
    drop(spool);
    let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
    publish(&*spool, &["a:3"]).await;
    until("the third came", || async { remote.accepted().len() >= 3 }).await;
    assert_eq!(remote.accepted(), ["a:1", "a:2", "a:3"]);
}

#[tokio::test]
async fn stopping_at_any_moment_loses_nothing() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let texts = numbered(300);
    for (i, part) in texts.chunks(30).enumerate() {
        let spool = open_with_topic(&remote, soon_safe(directory.path())).await;
        remote.fail(|faults| faults.slow = Duration::from_micros(100 * i as u64));
        publish(&*spool, part).await;
        tokio::time::sleep(Duration::from_millis(i as u64)).await;
    }
    remote.heal();
    let spool = open(&remote, soon_safe(directory.path())).await;
    has_all(&remote, &texts).await;
    status(&spool, |status| status.records == 0).await;
}

#[tokio::test]
async fn a_full_spool_says_so_and_goes_on_when_it_has_room() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let options = SpoolOptions {
        bytes_max: 50_000,
        ..soon_safe(directory.path())
    };
    let spool = open_with_topic(&remote, options).await;
    remote.fail(|faults| faults.down = true);
    let mut confirmed = 0;
    let refusal = loop {
        let large = Outgoing {
            payload: vec![b'x'; 1000].into(),
            ..record(&format!("a:{confirmed}"))
        };
        match try_publish(&*spool, large).await {
            Ok(_) => confirmed += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refusal.kind, ErrorKind::Storage);
    assert!(refusal.message.contains("is full: it holds"), "{refusal}");
    assert!(refusal.message.contains("of at most 50000 bytes"), "{refusal}");
    assert!((20..=50).contains(&confirmed), "{confirmed} records of 1 KB");
    assert_eq!(spool.ready().await.unwrap_err().kind, ErrorKind::Storage);
    let full = status(&spool, |status| status.full).await;
    assert!(full.bytes > 25_000 && full.bytes <= full.bytes_max, "{full:?}");

    remote.heal();
    status(&spool, |status| {
        !status.full && status.records == 0 && status.bytes < 25_000
    })
    .await;
    spool.ready().await.unwrap();
    publish(&*spool, &["a:last"]).await;
    until("all came", || async {
        remote.distinct().last().is_some_and(|last| last == "a:last")
    })
    .await;
    let ids: std::collections::HashSet<_> = remote.records().into_iter().map(|record| record.id).collect();
    assert_eq!(ids.len(), confirmed + 1);
}

#[tokio::test]
async fn a_record_that_nobody_would_take_is_refused_at_once() {
    let (directory, remote) = (tempfile::tempdir().unwrap(), Remote::new());
    let options = SpoolOptions {
        record_bytes_max: 10_000,
        ..options(directory.path())
    };
    let spool = open_with_topic(&remote, options).await;
    let large = Outgoing {
        payload: vec![0; 10_000].into(),
        ..record("a:1")
    };
    let error = try_publish(&*spool, large).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(error.message.contains("the broker takes 10000"), "{error}");
    let elsewhere = Outgoing {
        topic: other_topic(),
        ..record("a:1")
    };
    assert_eq!(
        try_publish(&*spool, elsewhere).await.unwrap_err().kind,
        ErrorKind::NotFound
    );
    let own = Outgoing {
        topic: "/danube-wasm-spool/catalog".parse().unwrap(),
        ..record("a:1")
    };
    assert_eq!(
        try_publish(&*spool, own.clone()).await.unwrap_err().kind,
        ErrorKind::NotFound
    );
    assert_eq!(
        spool.create_topic(&own.topic, spec()).await.unwrap_err().kind,
        ErrorKind::Denied
    );
}
