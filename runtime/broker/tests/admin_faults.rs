//! An operator's changes on a disk that fails, or loses power, at any operation: each is there as a whole or not at all,
//! and the log recovers in this process.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

#[path = "support/disk.rs"]
mod disk;
mod support;

use std::sync::Arc;

use danube_wasm_broker::{
    Broker, BrokerError, ErrorKind, Outgoing, SeekTo, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::SubscriptionType::Shared;
use disk::FaultyDisk;
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
        ..Default::default()
    };
    let broker = EmbeddedBroker::open(directory.path(), options)?;
    Ok(Log {
        broker,
        _directory: directory,
    })
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Create(u32),
    Subscribe(&'static str),
    /// One group of so many records.
    Publish(usize),
    /// So many messages of the subscription.
    Ack(&'static str, usize),
    Seek(&'static str, SeekTo),
    DeleteSubscription(&'static str),
    Grow(u32),
    DeleteTopic,
}

/// The steps, each with the state after it: partitions, and subscriptions with their lag.
const STEPS: [(Step, &str); 14] = [
    (Step::Create(2), "2"),
    (Step::Subscribe("a"), "2 a:0"),
    (Step::Subscribe("b"), "2 a:0 b:0"),
    (Step::Publish(6), "2 a:6 b:6"),
    (Step::Ack("a", 4), "2 a:2 b:6"),
    (Step::Seek("a", SeekTo::Earliest), "2 a:6 b:6"),
    (Step::Seek("b", SeekTo::PublishTimeMs(u64::MAX)), "2 a:6 b:0"),
    (Step::Seek("b", SeekTo::PublishTimeMs(0)), "2 a:6 b:6"),
    (Step::DeleteSubscription("b"), "2 a:6"),
    (Step::Grow(4), "4 a:6"),
    (Step::DeleteTopic, ""),
    (Step::Create(0), "0"),
    (Step::Subscribe("a"), "0 a:0"),
    (Step::Publish(1), "0 a:1"),
];

async fn run(broker: &EmbeddedBroker, step: Step) -> Result<(), BrokerError> {
    let admin = broker.admin().unwrap();
    let options = |subscription: &str| {
        let mut options = consumer_options(Shared, "c");
        options.subscription = subscription.to_owned();
        options
    };
    match step {
        Step::Create(partitions) => {
            let spec = TopicSpec {
                partitions,
                ..TopicSpec::default()
            };
            broker.create_topic(&topic(), spec).await
        }
        Step::Subscribe(name) => broker.subscribe(options(name)).await.map(drop),
        Step::Publish(n) => {
            let publisher = broker.publisher("p").await?;
            let group: Vec<Outgoing> = (0..n).map(|n| record(&n.to_string(), &"x".repeat(5000 * n))).collect();
            try_publish(&*publisher, group).await.map(drop)
        }
        Step::Ack(name, n) => {
            let mut consumer = broker.subscribe(options(name)).await?;
            let messages = receive(&mut *consumer, n).await;
            consumer.acker().ack(&ids(&messages)).await
        }
        Step::Seek(name, to) => admin.seek(&topic(), name, to).await.map(drop),
        Step::DeleteSubscription(name) => admin.delete_subscription(&topic(), name).await,
        Step::Grow(partitions) => broker.ensure_partitions(&topic(), partitions).await,
        Step::DeleteTopic => admin.delete_topic(&topic()).await,
    }
}

/// What is there, as [`STEPS`] writes it.
async fn state(broker: &EmbeddedBroker) -> String {
    let admin = broker.admin().unwrap();
    let topics = admin.topics().await.unwrap();
    let mut words: Vec<String> = topics.iter().map(|topic| topic.partitions.to_string()).collect();
    for subscription in admin.subscriptions().await.unwrap() {
        words.push(format!("{}:{}", subscription.subscription, subscription.lag.unwrap()));
    }
    words.join(" ")
}

/// Runs steps until one fails; how many were confirmed.
async fn run_until_failure(broker: &EmbeddedBroker) -> usize {
    for (confirmed, (step, after)) in STEPS.iter().enumerate() {
        let result = tokio::select! {
            biased;
            result = run(broker, *step) => result,
            // Reading waits for a disk that will not come back.
            () = until_down(broker) => return confirmed,
        };
        if result.is_err() {
            return confirmed;
        }
        // Another subscription may hold what one was moved back to; none of these steps loses a message.
        if broker.ready().await.is_ok() && broker.admin().unwrap().topics().await.is_ok() {
            assert_eq!(&state(broker).await, after, "after {step:?}");
        }
    }
    STEPS.len()
}

async fn until_down(broker: &EmbeddedBroker) {
    while broker.ready().await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn the_power_goes_at_any_operation() {
    let disk = FaultyDisk::default();
    let log = try_open_on(&disk).unwrap();
    assert_eq!(run_until_failure(&log.broker).await, STEPS.len());
    let end = disk.operations();
    assert!(end > 100, "{end} operations");
    for k in 0..end {
        for seed in 0..2 {
            let disk = FaultyDisk::default();
            disk.fail(k..u64::MAX);
            let mut confirmed = 0;
            if let Ok(log) = try_open_on(&disk) {
                confirmed = run_until_failure(&log.broker).await;
                let _ = log.broker.close().await;
            }
            let cut = disk.after_power_cut(&mut StdRng::seed_from_u64(k * 2 + seed));
            let log = try_open_on(&cut).expect("opens after the cut");
            let there = state(&log.broker).await;
            let before = confirmed.checked_sub(1).map_or("", |last| STEPS[last].1);
            let after = STEPS.get(confirmed).map_or(before, |next| next.1);
            assert!(
                there == before || there == after,
                "operation {k}, seed {seed}: `{there}` is neither `{before}` nor `{after}`"
            );
            // The log works normally, whichever step the fault was in.
            let left = STEPS
                .iter()
                .skip(if there == after { confirmed + 1 } else { confirmed });
            for (step, _) in left {
                run(&log.broker, *step).await.unwrap();
            }
            assert_eq!(state(&log.broker).await, STEPS[STEPS.len() - 1].1);
            log.broker.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn any_operation_fails_and_the_operator_tries_again() {
    let disk = FaultyDisk::default();
    let log = try_open_on(&disk).unwrap();
    let start = disk.operations();
    assert_eq!(run_until_failure(&log.broker).await, STEPS.len());
    let end = disk.operations();
    for k in 0..end - start {
        for burst in [1, 4] {
            let disk = FaultyDisk::default();
            let log = try_open_on(&disk).unwrap();
            let first = disk.operations() + k;
            disk.fail(first..first + burst);
            for (step, _) in STEPS {
                until_ok(&log.broker, step).await;
            }
            let there = state(&log.broker).await;
            // A publish that was reported as failed may be there nevertheless.
            assert!(["0 a:1", "0 a:2"].contains(&there.as_str()), "operation {k}: {there}");
            let cut = disk.after_worst_power_cut();
            log.broker.close().await.unwrap();
            let log = try_open_on(&cut).unwrap();
            assert_eq!(state(&log.broker).await, there, "operation {k}: after the power cut");
            log.broker.close().await.unwrap();
        }
    }
}

/// Tries until it works. What was reported as failed may have been done: then it cannot be done again.
async fn until_ok(broker: &EmbeddedBroker, step: Step) {
    within(async {
        let mut failed = false;
        loop {
            match run(broker, step).await {
                Ok(()) => return,
                Err(error) if error.kind == ErrorKind::Storage => failed = true,
                Err(error) => {
                    let deletes = matches!(step, Step::DeleteTopic | Step::DeleteSubscription(_));
                    assert!(
                        failed && deletes && error.kind == ErrorKind::NotFound,
                        "{step:?}: {error}"
                    );
                    return;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    })
    .await;
}
