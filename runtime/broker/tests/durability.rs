//! What survives the process: positions, messages, schemas; and who may open a log.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use danube_wasm_broker::{
    Broker, ConsumerOptions, ErrorKind,
    embedded::{EmbeddedBroker, EmbeddedOptions, RetentionOptions},
};
use danube_wasm_model::SubscriptionType::{Exclusive, KeyShared, Shared};
use support::*;

#[tokio::test]
async fn acknowledgements_out_of_order_survive() {
    for kind in [Exclusive, Shared, KeyShared] {
        let directory = tempfile::tempdir().unwrap();
        let broker = open_with_topic(directory.path(), 0).await;
        publish(&*broker, &["0", "1", "2", "3", "4", "5", "6"]).await;
        let mut consumer = subscribe(&*broker, kind, "c").await;
        let messages = receive(&mut *consumer, 7).await;
        ack(&*consumer, &messages[5..6]).await;
        ack(&*consumer, &messages[..1]).await;
        ack(&*consumer, &messages[2..4]).await;
        broker.close().await.unwrap();

        let broker = open(directory.path());
        assert_eq!(broker.lag().await.unwrap()[0].messages, 3);
        let mut consumer = subscribe(&*broker, kind, "c").await;
        assert_eq!(texts(&receive(&mut *consumer, 3).await), ["1", "4", "6"], "{kind:?}");
        broker.close().await.unwrap();
    }
}

#[tokio::test]
async fn offsets_go_on_after_everything_was_acknowledged_and_trimmed() {
    let directory = tempfile::tempdir().unwrap();
    let broker = EmbeddedBroker::open(directory.path(), keeping_nothing()).unwrap();
    create(&*broker, 0).await;
    publish(&*broker, &["a", "b"]).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let messages = receive(&mut *consumer, 2).await;
    ack(&*consumer, &messages).await;
    // A subscription from the earliest finds nothing: it was trimmed with the acknowledgement.
    let options = ConsumerOptions {
        subscription: "late".into(),
        ..consumer_options(Exclusive, "c")
    };
    let mut late = broker.subscribe(options).await.unwrap();
    receives_nothing(&mut *late).await;
    broker.close().await.unwrap();

    let broker = EmbeddedBroker::open(directory.path(), keeping_nothing()).unwrap();
    publish(&*broker, &["c"]).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let more = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&more), ["c"]);
    assert!(more[0].message_id.offset > messages[1].message_id.offset);
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_message_stays_until_every_subscription_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    let other = ConsumerOptions {
        subscription: "other".into(),
        ..consumer_options(Shared, "c")
    };
    let mut slow = broker.subscribe(other).await.unwrap();
    let mut fast = subscribe(&*broker, Shared, "c").await;
    publish(&*broker, &["a", "b"]).await;
    let messages = receive(&mut *fast, 2).await;
    ack(&*fast, &messages).await;
    assert_eq!(texts(&receive(&mut *slow, 2).await), ["a", "b"]);
}

fn retention(retention: RetentionOptions, clock: &Arc<AtomicU64>) -> EmbeddedOptions {
    let clock = clock.clone();
    EmbeddedOptions {
        retention,
        clock: Arc::new(move || clock.load(Ordering::SeqCst)),
        ..Default::default()
    }
}

/// Until a new subscription would begin with `first`.
async fn until_earliest_is(broker: &EmbeddedBroker, first: &str) {
    let deadline = Instant::now() + DEADLINE;
    for attempt in 0.. {
        // Each from the earliest message that is kept.
        let subscription = format!("probe-{attempt}");
        let options = ConsumerOptions {
            subscription,
            ..consumer_options(Shared, "probe")
        };
        let mut consumer = broker.subscribe(options).await.unwrap();
        if texts(&receive(&mut *consumer, 1).await) == [first] {
            return;
        }
        assert!(Instant::now() < deadline, "the oldest message is not {first}");
    }
}

#[tokio::test]
async fn messages_over_the_age_are_dropped_and_their_subscription_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(1_000_000));
    let options = RetentionOptions {
        age: Some(Duration::from_secs(100)),
        check_interval: Duration::ZERO,
        ..Default::default()
    };
    let broker = EmbeddedBroker::open(directory.path(), retention(options, &clock)).unwrap();
    create(&*broker, 0).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    publish(&*broker, &["old", "older"]).await;
    let held = receive(&mut *consumer, 1).await;
    clock.fetch_add(100_000, Ordering::SeqCst);
    publish(&*broker, &["new"]).await;
    until_earliest_is(&broker, "old").await;
    clock.fetch_add(1, Ordering::SeqCst);
    until_earliest_is(&broker, "new").await;
    assert_eq!(texts(&receive(&mut *consumer, 1).await), ["new"]);
    // What it held is gone; to acknowledge it is no error.
    ack(&*consumer, &held).await;
    let lag = broker.lag().await.unwrap();
    assert_eq!(
        lag.iter()
            .find(|l| l.subscription == "subscription")
            .map(|l| l.messages),
        Some(1)
    );
    broker.close().await.unwrap();

    let broker = open(directory.path());
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    assert_eq!(texts(&receive(&mut *consumer, 1).await), ["new"]);
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_partition_over_its_bytes_drops_its_oldest() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(1));
    let options = RetentionOptions {
        bytes: Some(4000),
        check_interval: Duration::ZERO,
        ..Default::default()
    };
    let broker = EmbeddedBroker::open(directory.path(), retention(options, &clock)).unwrap();
    create(&*broker, 0).await;
    let long = |n: usize| format!("{n}{}", "x".repeat(990));
    let records: Vec<String> = (0..10).map(long).collect();
    publish(&*broker, &records.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // Id and payload are alike, so each has a little over 2,000 bytes: one fits.
    until_earliest_is(&broker, &long(9)).await;
}

#[tokio::test]
async fn a_topic_without_subscriptions_keeps_its_messages_for_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(1_000_000));
    let options = RetentionOptions {
        unsubscribed_age: Some(Duration::from_secs(60)),
        check_interval: Duration::ZERO,
        ..Default::default()
    };
    let broker = EmbeddedBroker::open(directory.path(), retention(options.clone(), &clock)).unwrap();
    create(&*broker, 0).await;
    publish(&*broker, &["old"]).await;
    for (later_ms, earliest) in [(60_000, "old"), (1, "new")] {
        broker.close().await.unwrap();
        clock.fetch_add(later_ms, Ordering::SeqCst);
        let broker = EmbeddedBroker::open(directory.path(), retention(options.clone(), &clock)).unwrap();
        // The first transaction after opening looks at everything.
        publish(&*broker, &["new"]).await;
        broker.close().await.unwrap();
        // A look at a copy, because a subscription would change what is kept.
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(directory.path().join("log.redb"), copy.path().join("log.redb")).unwrap();
        let forever = RetentionOptions {
            unsubscribed_age: None,
            ..Default::default()
        };
        let broker = EmbeddedBroker::open(copy.path(), retention(forever, &clock)).unwrap();
        let mut consumer = subscribe(&*broker, Shared, "c").await;
        assert_eq!(texts(&receive(&mut *consumer, 1).await), [earliest]);
        broker.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_newer_log_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    broker.close().await.unwrap();
    let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    let database = redb::Database::open(directory.path().join("log.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(meta).unwrap().insert("format", 99).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default())
        .err()
        .expect("newer");
    assert_eq!(error.kind, ErrorKind::Incompatible);
    assert!(
        error.message.contains("format 99") && error.message.contains("use the version that wrote it"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_not_a_log_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("log.redb");
    std::fs::write(&file, "somebody's notes").unwrap();
    let error = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default())
        .err()
        .expect("not a log");
    assert_eq!(error.kind, ErrorKind::Incompatible);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "somebody's notes");
    // Another program's database.
    std::fs::remove_file(&file).unwrap();
    let table: redb::TableDefinition<'_, u64, u64> = redb::TableDefinition::new("theirs");
    let database = redb::Database::create(&file).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(table).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default())
        .err()
        .expect("not a log");
    assert_eq!(error.kind, ErrorKind::Incompatible);
    assert!(error.message.contains("not a log of danube-wasm"), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = EmbeddedBroker::open(&file.join("log"), EmbeddedOptions::default())
        .err()
        .expect("not a directory");
    assert!(error.message.contains("must be a directory"), "{error}");
}

#[tokio::test]
async fn a_closed_log_says_so_and_can_be_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    let publisher = broker.publisher("p").await.unwrap();
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let last = publisher.publish(vec![vec![record("", "last")]]);
    let (closed, waiting) = tokio::join!(broker.close(), async {
        // Either it gets the last message or it hears that the log is closed; it never hangs.
        within(consumer.receive(1)).await
    });
    closed.unwrap();
    assert!(waiting.is_ok() || waiting.is_err_and(|e| e.kind == ErrorKind::Closed));
    assert!(last.await[0].is_ok(), "handed over before the close");
    assert_eq!(
        within(consumer.receive(1)).await.expect_err("closed").kind,
        ErrorKind::Closed
    );
    assert_eq!(
        try_publish(&*publisher, vec![record("", "x")])
            .await
            .expect_err("closed")
            .kind,
        ErrorKind::Closed
    );
    assert_eq!(broker.ready().await.expect_err("closed").kind, ErrorKind::Closed);
    assert_eq!(broker.lag().await.expect_err("closed").kind, ErrorKind::Closed);
    broker.close().await.expect("closing twice is no error");

    let broker = open(directory.path());
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    assert_eq!(texts(&receive(&mut *consumer, 1).await), ["last"]);
    broker.close().await.unwrap();
}

#[tokio::test]
async fn schemas_have_versions_that_survive() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open(directory.path());
    let registry = broker.registry();
    assert_eq!(registry.latest("payment").await.unwrap(), None);
    assert_eq!(registry.versions("payment").await.unwrap(), []);
    let (a, b) = tokio::join!(
        registry.register("payment", "json_schema", "{}"),
        registry.register("payment", "json_schema", "{}")
    );
    let first = a.unwrap();
    assert_eq!(first, b.unwrap(), "registered twice at once");
    let second = registry.register("payment", "json_schema", "true").await.unwrap();
    let number = registry.register("amount", "number", "").await.unwrap();
    assert_eq!((first.reference.version, second.reference.version), (1, 2));
    assert_eq!(first.reference.id, second.reference.id);
    assert_ne!(first.reference.id, number.reference.id);
    assert_eq!(
        registry.register("payment", "json_schema", "{}").await.unwrap(),
        first,
        "an old version again"
    );
    let third = registry.register("payment", "string", "{}").await.unwrap();
    assert_eq!(third.reference.version, 3, "another type is another version");
    broker.close().await.unwrap();
    assert_eq!(
        registry.latest("payment").await.expect_err("closed").kind,
        ErrorKind::Closed
    );

    let broker = open(directory.path());
    let registry = broker.registry();
    assert_eq!(
        registry.versions("payment").await.unwrap(),
        [first.clone(), second, third.clone()]
    );
    assert_eq!(registry.latest("payment").await.unwrap(), Some(third));
    assert_eq!(registry.get(first.reference).await.unwrap(), Some(first));
    assert_eq!(
        registry
            .get(danube_wasm_broker::SchemaRef { id: 99, version: 1 })
            .await
            .unwrap(),
        None
    );
    let error = registry
        .register("big", "json_schema", &"x".repeat(2 << 20))
        .await
        .expect_err("too large");
    assert_eq!(error.kind, ErrorKind::TooLarge);
    broker.close().await.unwrap();
}

const CHILD_DIRECTORY: &str = "DANUBE_WASM_TEST_LOG";
const CHILD_RUN: &str = "DANUBE_WASM_TEST_RUN";

/// Not a test: the process that [`start_child`] starts. It publishes groups of two, acknowledges every
/// second message it receives, backwards, and says what it is about to do and what is durable.
#[tokio::test]
async fn child() {
    let Some(directory) = std::env::var_os(CHILD_DIRECTORY) else {
        return;
    };
    let run = std::env::var(CHILD_RUN).unwrap();
    let broker = open_with_topic(Path::new(&directory), 2).await;
    let publisher = broker.publisher("child").await.unwrap();
    let mut consumer = subscribe(&*broker, Shared, "child").await;
    for start in (0u64..).step_by(8) {
        let names: Vec<String> = (start..start + 8).map(|n| format!("{run}-{n}")).collect();
        let groups = names
            .iter()
            .map(|name| halves(name).map(|text| record("", &text)).into());
        for (name, result) in names.iter().zip(publisher.publish(groups.collect()).await) {
            result.unwrap();
            println!("\npublished {name}");
        }
        let messages = consumer.receive(16).await.unwrap();
        let done: Vec<_> = messages.into_iter().rev().step_by(2).collect();
        texts(&done).iter().for_each(|text| println!("\nacknowledging {text}"));
        ack(&*consumer, &done).await;
        texts(&done).iter().for_each(|text| println!("\nacknowledged {text}"));
    }
}

/// The two messages of a group.
fn halves(group: &str) -> [String; 2] {
    [format!("{group}.0"), format!("{group}.1")]
}

fn start_child(directory: &Path, run: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .envs([(CHILD_DIRECTORY, directory.as_os_str()), (CHILD_RUN, run.as_ref())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn what_was_durable_is_there_after_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut said: Vec<String> = Vec::new();
    for (run, lines_before_kill) in [("a", 60), ("b", 150), ("c", 333)] {
        let mut child = start_child(directory.path(), run);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let enough = said.len() + lines_before_kill;
        while said.len() < enough {
            said.push(lines.next().expect("the child goes on").unwrap());
        }
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        said.extend(lines.map_while(Result::ok));
        let words = |word: &str| -> HashSet<&str> { said.iter().filter_map(|line| line.strip_prefix(word)).collect() };
        let published = words("published ");
        let (acknowledging, acknowledged) = (words("acknowledging "), words("acknowledged "));

        let broker = open(directory.path());
        let lag = broker.lag().await.unwrap()[0].messages as usize;
        let mut consumer = subscribe(&*broker, Shared, "child").await;
        let rest = receive(&mut *consumer, lag).await;
        let there: HashSet<&str> = texts(&rest).into_iter().collect();
        assert_eq!(there.len(), lag, "nothing is there twice");
        for group in &published {
            for text in halves(group) {
                assert!(
                    there.contains(&*text) || acknowledging.contains(&*text),
                    "{text} is lost"
                );
            }
        }
        assert_eq!(
            there.intersection(&acknowledged).next(),
            None,
            "acknowledged, and delivered again"
        );
        for text in &there {
            let (group, _) = text.split_once('.').unwrap();
            for half in halves(group) {
                assert!(
                    there.contains(&*half) || acknowledging.contains(&*half),
                    "{group} is half there"
                );
            }
        }
        let owed = published.len() * 2 - acknowledged.len();
        println!("run {run}: {owed} owed at the kill, {lag} there");
        assert!(owed > 0, "a run with nothing owed shows nothing");
        drop(consumer);
        broker.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start_child(directory.path(), "a");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().expect("the child goes on").unwrap().contains("published") {}
    let error = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default())
        .err()
        .expect("in use");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        error.message.contains("in use by another process: stop that one"),
        "{error}"
    );
    // Its lock ended with it.
    open(directory.path()).close().await.unwrap();
}

#[tokio::test]
async fn a_second_broker_of_this_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open(directory.path());
    let error = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default())
        .err()
        .expect("in use");
    assert_eq!(error.kind, ErrorKind::Conflict);
    broker.close().await.unwrap();
    open(directory.path()).close().await.unwrap();
}
