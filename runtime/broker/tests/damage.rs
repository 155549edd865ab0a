//! A log's file that is not as it was left: it is refused with a reason, or gives what was published, and never a panic, a
//! wait without end, or anything else.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use danube_wasm_broker::{
    Broker, BrokerError, ErrorKind,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::SubscriptionType::Exclusive;
use redb::{Database, TableDefinition};
use support::*;

const PAGE_BYTES: usize = 4096;
const HEADS: TableDefinition<'_, u64, (u64, u64, u64, u64)> = TableDefinition::new("heads");
const TOPICS: TableDefinition<'_, &str, (u32, u64)> = TableDefinition::new("topics");
const MESSAGES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("messages");
const CURSORS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("cursors");
const SUBJECTS: TableDefinition<'_, &str, (u64, u32)> = TableDefinition::new("subjects");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

const TEXTS: [&str; 3] = ["a", "b", "c"];

fn file(directory: &Path) -> PathBuf {
    directory.join("log.redb")
}

/// A log that was closed, with three messages and a subscription.
async fn closed_log() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    drop(subscribe(&*broker, Exclusive, "c").await);
    publish(&*broker, &TEXTS).await;
    broker.registry().register("subject", "string", "").await.unwrap();
    broker.close().await.unwrap();
    directory
}

/// Changes rows of a closed log.
fn change(directory: &Path, f: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(file(directory)).unwrap();
    let transaction = database.begin_write().unwrap();
    f(&transaction);
    transaction.commit().unwrap();
}

fn refusal(directory: &Path) -> BrokerError {
    let opened = EmbeddedBroker::open(directory, EmbeddedOptions::default());
    opened.err().expect("the log is refused")
}

#[tokio::test]
async fn a_message_missing_at_the_end_is_an_error_and_no_wait() {
    let directory = closed_log().await;
    change(directory.path(), |transaction| {
        let mut messages = transaction.open_table(MESSAGES).unwrap();
        assert!(messages.remove((1, 2)).unwrap().is_some());
    });
    let broker = open(directory.path());
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let mut error = None;
    while error.is_none() {
        error = within(consumer.receive(10)).await.err();
    }
    let error = error.unwrap();
    assert_eq!(error.kind, ErrorKind::Incompatible);
    assert!(error.message.contains("message 2 of /test/topic is missing"), "{error}");
}

#[tokio::test]
async fn a_page_that_changed_after_a_clean_shutdown_is_found_when_the_log_opens() {
    let directory = closed_log().await;
    let whole = fs::read(file(directory.path())).unwrap();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(PAGE_BYTES / 4) {
        let page = at / PAGE_BYTES * PAGE_BYTES;
        if whole[page..].iter().take(PAGE_BYTES).all(|byte| *byte == 0) {
            continue;
        }
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(file(directory.path()), damaged).unwrap();
        match EmbeddedBroker::open(directory.path(), EmbeddedOptions::default()) {
            Ok(broker) => {
                let lag = broker.lag().await.unwrap();
                let kept = lag.first().map_or(0, |lag| lag.messages as usize);
                if kept > 0 {
                    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
                    assert_eq!(texts(&receive(&mut *consumer, kept).await), TEXTS[..kept], "byte {at}");
                }
                broker.close().await.unwrap();
            }
            Err(error) => {
                assert!(!error.message.is_empty());
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "some damage cannot be undone");
}

#[tokio::test]
async fn numbers_that_were_never_counted_are_damage() {
    type Damage = fn(&redb::WriteTransaction);
    let damages: [(&str, Damage); 5] = [
        ("is said to hold messages 3 to 1", |t| {
            drop(t.open_table(HEADS).unwrap().insert(1, (3, 1, 1, 1)).unwrap());
        }),
        ("is said to hold messages 0 to 18446744073709551615", |t| {
            drop(t.open_table(HEADS).unwrap().insert(1, (0, u64::MAX, 1, 1)).unwrap());
        }),
        ("from number 18446744073709551615 on", |t| {
            drop(
                t.open_table(TOPICS)
                    .unwrap()
                    .insert("/test/other", (3, u64::MAX))
                    .unwrap(),
            );
        }),
        ("belongs to two topics", |t| {
            drop(t.open_table(TOPICS).unwrap().insert("/test/other", (0, 1)).unwrap());
        }),
        (
            "has acknowledged message 8 of /test/topic, which was never published",
            |t| {
                let cursor: &[u8] = &[1, 9, 0];
                drop(t.open_table(CURSORS).unwrap().insert((1, 0), cursor).unwrap());
            },
        ),
    ];
    for (says, damage) in damages {
        let directory = closed_log().await;
        change(directory.path(), damage);
        let error = refusal(directory.path());
        assert_eq!(error.kind, ErrorKind::Incompatible);
        assert!(error.message.contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_number_that_cannot_be_counted_on_refuses_what_needs_the_next() {
    let directory = closed_log().await;
    change(directory.path(), |transaction| {
        let mut meta = transaction.open_table(META).unwrap();
        meta.insert("next-partition", u64::MAX).unwrap();
    });
    let broker = open(directory.path());
    let more = "/test/more".parse().unwrap();
    let error = broker.create_topic(&more, Default::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Incompatible);
    assert!(error.message.contains("`next-partition` is said to be"), "{error}");
    // The other partitions work normally.
    publish(&*broker, &["d"]).await;
}

#[tokio::test]
async fn a_subject_that_claims_versions_which_are_not_there_has_those_that_are() {
    let directory = closed_log().await;
    change(directory.path(), |transaction| {
        let mut subjects = transaction.open_table(SUBJECTS).unwrap();
        subjects.insert("subject", (1, u32::MAX)).unwrap();
    });
    let broker = open(directory.path());
    let registry = broker.registry();
    assert_eq!(within(registry.versions("subject")).await.unwrap().len(), 1);
    let known = within(registry.register("subject", "string", "")).await.unwrap();
    assert_eq!(known.reference.version, 1);
    let error = within(registry.register("subject", "bytes", "")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
}
