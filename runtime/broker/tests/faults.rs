//! A disk that is full, fails or loses power at any operation: nothing confirmed is lost, nothing is half there, and the
//! log recovers in this process.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

#[path = "support/disk.rs"]
mod disk;
mod support;

use std::{
    collections::{BTreeSet, HashSet},
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use danube_wasm_broker::{
    Broker, BrokerError, Consumer, ErrorKind, Message, Outgoing, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions, RetentionOptions},
};
use danube_wasm_model::SubscriptionType::Exclusive;
use danube_wasm_trials::{Row, conclude, panicked};
use disk::FaultyDisk;
use futures_util::FutureExt as _;
use rand::{SeedableRng, rngs::StdRng};
use support::*;

/// A log on a disk. The directory is for its lock only.
struct Log {
    broker: Arc<EmbeddedBroker>,
    _directory: tempfile::TempDir,
}

fn try_open_on(disk: &FaultyDisk) -> Result<Log, BrokerError> {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        disk: Arc::new(disk.clone()),
        // So few that what was acknowledged is dropped while the tests go on.
        retention: RetentionOptions {
            keep_bytes: 50_000,
            ..RetentionOptions::default()
        },
        ..Default::default()
    };
    let broker = EmbeddedBroker::open(directory.path(), options)?;
    Ok(Log {
        broker,
        _directory: directory,
    })
}

fn open_on(disk: &FaultyDisk) -> Log {
    try_open_on(disk).expect("opens")
}

/// Two records; some groups are large enough that the file must grow.
fn group(n: u32) -> Vec<Outgoing> {
    let padding = if n % 4 == 3 { 30_000 } else { 10 };
    ["a", "b"]
        .map(|half| record("key", &format!("{n}.{half}.{}", "x".repeat(padding))))
        .into()
}

/// `n.a` or `n.b`.
fn name(message: &Message) -> String {
    let text = texts(std::slice::from_ref(message))[0].to_owned();
    text.rsplit_once('.').expect("padded").0.to_owned()
}

/// Tries again until it works, as the pipeline does. Only a failing disk is an excuse.
async fn until_ok<T, F: Future<Output = Result<T, BrokerError>>>(mut attempt: impl FnMut() -> F) -> T {
    within(async {
        loop {
            match attempt().await {
                Ok(value) => return value,
                Err(error) => assert_eq!(error.kind, ErrorKind::Storage, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
}

const GROUPS: u32 = 10;
/// Groups that are left in the log by [`insistent_workload`].
const LEFT: u32 = 3;

/// Publishes and consumes through all failures, checking order and that nothing acknowledged is delivered again.
async fn insistent_workload(broker: &EmbeddedBroker) {
    let spec = TopicSpec {
        partitions: 0,
        reliable_dispatch: true,
        ..TopicSpec::default()
    };
    let topic = topic();
    until_ok(|| broker.create_topic(&topic, spec.clone())).await;
    let mut consumer = until_ok(|| broker.subscribe(consumer_options(Exclusive, "c"))).await;
    let publisher = broker.publisher("p").await.unwrap();
    let registry = broker.registry();
    until_ok(|| registry.register("subject", "string", "")).await;
    let mut seen: Vec<String> = Vec::new();
    let mut done: HashSet<_> = HashSet::new();
    for n in 0..GROUPS {
        until_ok(|| try_publish(&*publisher, group(n))).await;
        if n % 3 == 2 && n < GROUPS - LEFT {
            consume(&mut *consumer, &mut seen, &mut done, &format!("{n}.b")).await;
        }
    }
    consume(
        &mut *consumer,
        &mut seen,
        &mut done,
        &format!("{}.b", GROUPS - LEFT - 1),
    )
    .await;
    let expected: Vec<String> = (0..GROUPS - LEFT)
        .flat_map(|n| [format!("{n}.a"), format!("{n}.b")])
        .collect();
    assert_eq!(
        seen, expected,
        "the first time each was seen is in order, and nothing is missing"
    );
}

/// Receives and acknowledges up to `last`, which may be there several times.
async fn consume(
    consumer: &mut dyn Consumer,
    seen: &mut Vec<String>,
    done: &mut HashSet<danube_wasm_broker::MessageId>,
    last: &str,
) {
    while seen.last().map(String::as_str) != Some(last) {
        let message = receive(consumer, 1).await.remove(0);
        assert!(
            !done.contains(&message.message_id),
            "{} was acknowledged",
            name(&message)
        );
        if !seen.contains(&name(&message)) {
            seen.push(name(&message));
        }
        let acker = consumer.acker();
        until_ok(|| acker.ack(std::slice::from_ref(&message.message_id))).await;
        done.insert(message.message_id);
    }
}

/// Asserts that what [`insistent_workload`] wrote is there, in order; duplicates are allowed.
async fn check_left(broker: &EmbeddedBroker) {
    assert!(broker.ready().await.is_ok());
    let lag = broker.lag().await.unwrap()[0].messages as usize;
    let mut consumer = subscribe(broker, Exclusive, "c").await;
    let mut names = Vec::new();
    for message in receive(&mut *consumer, lag).await {
        if !names.contains(&name(&message)) {
            names.push(name(&message));
        }
    }
    let expected: Vec<String> = (GROUPS - LEFT..GROUPS)
        .flat_map(|n| [format!("{n}.a"), format!("{n}.b")])
        .collect();
    // A group that was reported as failed may be there before its retry.
    names.retain(|name| expected.contains(name));
    assert_eq!(names, expected);
    let schema = broker.registry().latest("subject").await.unwrap().expect("registered");
    assert_eq!(schema.reference.version, 1);
}

/// Every operation of the workload fails once, alone and as the first of several; then the power goes, and takes all
/// that was not synced.
async fn fail_every_operation(class: &str, burst: u64) {
    let disk = FaultyDisk::default();
    let log = open_on(&disk);
    let start = disk.operations();
    insistent_workload(&log.broker).await;
    let end = disk.operations();
    assert!(end - start > 50, "{} operations", end - start);
    let mut row = Row::new(class);
    for k in 0..end - start {
        row.record(format!("operation {k}"), caught(fail_operation(k, burst)).await);
    }
    conclude(row, 0);
}

async fn fail_operation(k: u64, burst: u64) {
    let disk = FaultyDisk::default();
    let log = open_on(&disk);
    let first = disk.operations() + k;
    disk.fail(first..first + burst);
    insistent_workload(&log.broker).await;
    assert!(disk.operations() >= first + burst, "all faults happened");
    let cut = disk.after_worst_power_cut();
    check_left(&log.broker).await;
    log.broker.close().await.unwrap();
    let log = open_on(&cut);
    check_left(&log.broker).await;
    log.broker.close().await.unwrap();
}

/// The verdict of a trial that panics where something does not hold.
async fn caught(trial: impl Future<Output = ()>) -> Result<(), String> {
    let caught = AssertUnwindSafe(trial).catch_unwind().await;
    caught.map_err(|panic| panicked(&*panic))
}

#[tokio::test]
async fn any_operation_fails_once() {
    fail_every_operation("log: an operation fails", 1).await;
}

#[tokio::test]
async fn any_operation_fails_and_so_do_the_next() {
    fail_every_operation("log: four operations fail", 4).await;
}

/// What a process knew when the power went.
#[derive(Default)]
struct Known {
    sent: BTreeSet<u32>,
    published: BTreeSet<u32>,
    acknowledging: HashSet<String>,
    acknowledged: HashSet<String>,
}

/// Publishes and consumes until something fails.
async fn workload_until_failure(broker: &EmbeddedBroker, known: &mut Known) -> Result<(), BrokerError> {
    broker
        .create_topic(
            &topic(),
            TopicSpec {
                partitions: 0,
                reliable_dispatch: true,
                ..TopicSpec::default()
            },
        )
        .await?;
    let mut consumer = broker.subscribe(consumer_options(Exclusive, "c")).await?;
    let publisher = broker.publisher("p").await?;
    for n in (0..12).step_by(2) {
        known.sent.extend([n, n + 1]);
        for (n, result) in (n..).zip(publisher.publish(vec![group(n), group(n + 1)]).await) {
            result?;
            known.published.insert(n);
        }
        let messages = receive(&mut *consumer, 4).await;
        // The last of them and the first: a cursor with a hole.
        let done = [messages[3].clone(), messages[0].clone()];
        known.acknowledging.extend(done.iter().map(name));
        consumer.acker().ack(&ids(&done)).await?;
        known.acknowledged.extend(done.iter().map(name));
    }
    Ok(())
}

async fn check_after_power_cut(broker: &EmbeddedBroker, known: &Known) {
    if broker.lag().await.unwrap().is_empty() {
        assert!(known.published.is_empty(), "no subscription");
        return;
    }
    let lag = broker.lag().await.unwrap()[0].messages as usize;
    let mut consumer = subscribe(broker, Exclusive, "c").await;
    let messages = receive(&mut *consumer, lag).await;
    let there: Vec<String> = messages.iter().map(name).collect();
    let accounted = |name: &String| there.contains(name) || known.acknowledging.contains(name);
    for n in &known.published {
        let halves = [format!("{n}.a"), format!("{n}.b")];
        assert!(
            halves.iter().all(accounted),
            "group {n} was confirmed and {there:?} is there"
        );
    }
    for name in &there {
        assert!(!known.acknowledged.contains(name), "{name} was acknowledged durably");
        let n: u32 = name.split_once('.').unwrap().0.parse().unwrap();
        assert!(known.sent.contains(&n), "{name} was never sent");
        let halves = [format!("{n}.a"), format!("{n}.b")];
        assert!(halves.iter().all(accounted), "group {n} is half there: {there:?}");
    }
    let mut sorted = there.clone();
    sorted.sort_by_key(|name| {
        name.split_once('.')
            .map(|(n, half)| (n.parse::<u32>().unwrap(), half.to_owned()))
    });
    assert_eq!(there, sorted, "order");
    // The log works normally.
    publish(broker, &["key:99.a.x"]).await;
    assert_eq!(name(&receive(&mut *consumer, 1).await[0]), "99.a");
}

#[tokio::test]
async fn the_power_goes_at_any_operation() {
    let disk = FaultyDisk::default();
    let log = open_on(&disk);
    workload_until_failure(&log.broker, &mut Known::default())
        .await
        .unwrap();
    let end = disk.operations();
    let mut row = Row::new("log: the power goes");
    for k in 0..end {
        for seed in 0..2 {
            row.record(
                format!("operation {k}, seed {seed}"),
                caught(power_goes_at(k, seed)).await,
            );
        }
    }
    conclude(row, 0);
}

async fn power_goes_at(k: u64, seed: u64) {
    let disk = FaultyDisk::default();
    disk.fail(k..u64::MAX);
    let mut known = Known::default();
    if let Ok(log) = try_open_on(&disk) {
        let work = workload_until_failure(&log.broker, &mut known);
        // Reading waits for a disk that will not come back.
        let _ = tokio::select! {
            biased;
            result = work => result,
            () = until_down(&log.broker) => Ok(()),
        };
        let _ = log.broker.close().await;
    }
    let cut = disk.after_power_cut(&mut StdRng::seed_from_u64(k * 2 + seed));
    let log = open_on(&cut);
    check_after_power_cut(&log.broker, &known).await;
    log.broker.close().await.unwrap();
}

async fn until_down(broker: &EmbeddedBroker) {
    while broker.ready().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn while_the_disk_is_full_publishing_says_so_and_consumers_wait() {
    let disk = FaultyDisk::default();
    let log = open_on(&disk);
    create(&*log.broker, 0).await;
    publish(&*log.broker, &["before"]).await;
    let mut consumer = subscribe(&*log.broker, Exclusive, "c").await;
    let before = receive(&mut *consumer, 1).await;
    disk.fail(disk.operations()..u64::MAX);
    let publisher = log.broker.publisher("p").await.unwrap();
    for _ in 0..3 {
        let error = try_publish(&*publisher, vec![record("", "lost")])
            .await
            .expect_err("no space");
        assert_eq!(error.kind, ErrorKind::Storage);
        assert!(error.is_transient());
    }
    assert_eq!(log.broker.ready().await.expect_err("down").kind, ErrorKind::Storage);
    let error = consumer.acker().ack(&ids(&before)).await.expect_err("no space");
    assert_eq!(error.kind, ErrorKind::Storage);
    assert_eq!(
        log.broker.registry().latest("s").await.expect_err("down").kind,
        ErrorKind::Storage
    );
    receives_nothing(&mut *consumer).await;
    disk.fail(0..0);
    until_ok(|| log.broker.ready()).await;
    until_ok(|| try_publish(&*publisher, vec![record("", "after")])).await;
    let got = receive(&mut *consumer, 1).await;
    assert!(["lost", "after"].contains(&texts(&got)[0]), "{:?}", texts(&got));
    consumer
        .acker()
        .ack(&ids(&before))
        .await
        .expect("acknowledges after all");
    log.broker.close().await.unwrap();
}

/// Messages in the log.
async fn held(broker: &EmbeddedBroker) -> u64 {
    broker.admin().unwrap().topics().await.unwrap()[0].messages.unwrap()
}

#[tokio::test]
async fn on_a_full_disk_what_is_kept_makes_room_for_what_is_new() {
    let disk = FaultyDisk::default();
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        disk: Arc::new(disk.clone()),
        ..Default::default()
    };
    let broker = EmbeddedBroker::open(directory.path(), options).unwrap();
    create(&*broker, 0).await;
    let text = "x".repeat(10_000);
    let publisher = broker.publisher("p").await.unwrap();
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    for _ in 0..20 {
        let groups = (0..20).map(|_| vec![record("", &text)]).collect();
        publisher
            .publish(groups)
            .await
            .into_iter()
            .for_each(|published| assert!(published.is_ok()));
        let messages = receive(&mut *consumer, 20).await;
        ack(&*consumer, &messages).await;
    }
    let kept = held(&broker).await;
    assert_eq!(kept, 400);
    disk.fill();
    // As much again as is there: each record is taken in the end, and none is lost.
    let mut full = 0;
    for n in 0..400 {
        let name = format!("{n}-{text}");
        within(async {
            loop {
                match try_publish(&*publisher, vec![record("", &name)]).await {
                    Ok(_) => return,
                    Err(error) => assert_eq!(error.kind, ErrorKind::Storage, "{error}"),
                }
                full += 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let messages = receive(&mut *consumer, 1).await;
        assert_eq!(texts(&messages), [name.as_str()]);
        within(async { while consumer.acker().ack(&ids(&messages)).await.is_err() {} }).await;
    }
    assert!(full > 0, "the disk was full");
    assert!(held(&broker).await < 400 + 400);
    broker.close().await.unwrap();
}
