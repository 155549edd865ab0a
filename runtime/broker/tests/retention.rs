//! What every subscription has acknowledged stays for a while, within bytes, and can be read again.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use danube_wasm_broker::{
    Admin, Broker, Consumer, ConsumerOptions, SeekReport, SeekTo, StartAt, TopicInfo,
    embedded::{EmbeddedBroker, EmbeddedOptions, RetentionOptions},
};
use danube_wasm_model::SubscriptionType::{Exclusive, Shared};
use rand::{Rng, SeedableRng, rngs::StdRng};
use support::*;

const START_MS: u64 = 1_700_000_000_000;

/// A log whose clock the test sets.
struct Log {
    directory: tempfile::TempDir,
    clock: Arc<AtomicU64>,
    retention: RetentionOptions,
}

impl Log {
    fn new(keep_secs: u64, keep_bytes: u64) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(AtomicU64::new(START_MS)),
            retention: RetentionOptions {
                keep: Duration::from_secs(keep_secs),
                keep_bytes,
                check_interval: Duration::ZERO,
                ..RetentionOptions::default()
            },
        }
    }

    fn open(&self) -> Arc<EmbeddedBroker> {
        let clock = self.clock.clone();
        let options = EmbeddedOptions {
            retention: self.retention.clone(),
            clock: Arc::new(move || clock.load(Ordering::SeqCst)),
            ..EmbeddedOptions::default()
        };
        EmbeddedBroker::open(self.directory.path(), options).unwrap()
    }

    fn pass(&self, secs: u64) {
        self.clock.fetch_add(secs * 1000, Ordering::SeqCst);
    }
}

fn admin(broker: &EmbeddedBroker) -> Arc<dyn Admin> {
    broker.admin().unwrap()
}

async fn info(broker: &EmbeddedBroker) -> TopicInfo {
    admin(broker).topics().await.unwrap().remove(0)
}

/// Until the topic holds so many messages.
async fn until_it_holds(broker: &EmbeddedBroker, messages: u64) {
    within(async {
        while info(broker).await.messages != Some(messages) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

async fn seek(broker: &EmbeddedBroker, to: SeekTo) -> SeekReport {
    admin(broker).seek(&topic(), "subscription", to).await.unwrap()
}

async fn another(broker: &EmbeddedBroker, name: &str) -> Box<dyn Consumer> {
    let options = ConsumerOptions {
        subscription: name.into(),
        start: StartAt::Earliest,
        ..consumer_options(Shared, "c")
    };
    broker.subscribe(options).await.unwrap()
}

async fn consume(broker: &EmbeddedBroker, n: usize) {
    let mut consumer = subscribe(broker, Exclusive, "c").await;
    let messages = receive(&mut *consumer, n).await;
    ack(&*consumer, &messages).await;
}

#[tokio::test]
async fn what_was_consumed_can_be_read_again_also_after_a_restart() {
    let log = Log::new(3600, 1 << 30);
    let broker = log.open();
    create(&*broker, 0).await;
    publish(&*broker, &["a", "b", "c"]).await;
    consume(&broker, 3).await;
    broker.close().await.unwrap();

    let broker = log.open();
    let held = info(&broker).await;
    assert_eq!((held.messages, held.consumed), (Some(3), Some(3)));
    let mut late = another(&broker, "late").await;
    assert_eq!(
        texts(&receive(&mut *late, 3).await),
        ["a", "b", "c"],
        "from the earliest"
    );
    let report = seek(&broker, SeekTo::Earliest).await;
    let expected = SeekReport {
        read_again: 3,
        left_out: 0,
        gone: 0,
        oldest_ms: Some(START_MS),
    };
    assert_eq!(report, expected);
    let mut again = subscribe(&*broker, Exclusive, "c").await;
    assert_eq!(texts(&receive(&mut *again, 3).await), ["a", "b", "c"]);
    let held = info(&broker).await;
    assert_eq!(
        (held.messages, held.consumed),
        (Some(3), Some(0)),
        "nobody is through any more"
    );
}

#[tokio::test]
async fn a_move_says_what_is_read_again_what_is_left_out_and_what_is_gone() {
    let log = Log::new(3600, 1 << 30);
    let broker = log.open();
    create(&*broker, 0).await;
    publish(&*broker, &["0", "1"]).await;
    log.pass(10);
    publish(&*broker, &["2", "3", "4"]).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let messages = receive(&mut *consumer, 5).await;
    ack(&*consumer, &messages[..3]).await;
    ack(&*consumer, &messages[4..]).await;
    let report = seek(&broker, SeekTo::PublishTimeMs(START_MS + 1)).await;
    assert_eq!((report.read_again, report.left_out, report.gone), (2, 0, 0));
    let report = seek(&broker, SeekTo::Latest).await;
    assert_eq!((report.read_again, report.left_out, report.gone), (0, 3, 0));
    // Only the newer ones are young enough now.
    log.pass(3595);
    until_it_holds(&broker, 3).await;
    let report = seek(&broker, SeekTo::PublishTimeMs(START_MS + 10_000 + 1)).await;
    assert_eq!((report.read_again, report.gone), (0, 0), "nothing was published since");
    let report = seek(&broker, SeekTo::PublishTimeMs(START_MS)).await;
    assert_eq!((report.read_again, report.gone), (3, 2));
    assert_eq!(report.oldest_ms, Some(START_MS + 10_000));
    seek(&broker, SeekTo::Latest).await;
    log.pass(3600);
    until_it_holds(&broker, 0).await;
    let report = seek(&broker, SeekTo::Earliest).await;
    assert_eq!((report.read_again, report.gone, report.oldest_ms), (0, 5, None));
}

#[tokio::test]
async fn what_is_not_acknowledged_stays_whatever_its_age_and_its_bytes() {
    let log = Log::new(60, 1000);
    let broker = log.open();
    create(&*broker, 0).await;
    let mut slow = another(&broker, "slow").await;
    let long: Vec<String> = (0..4).map(|n| format!("{n}{}", "x".repeat(990))).collect();
    publish(&*broker, &long.iter().map(String::as_str).collect::<Vec<_>>()).await;
    consume(&broker, 4).await;
    log.pass(600);
    publish(&*broker, &["last"]).await;
    let first = receive(&mut *slow, 1).await;
    assert_eq!(texts(&first), [long[0].as_str()]);
    ack(&*slow, &first).await;
    until_it_holds(&broker, 4).await;
    assert_eq!(texts(&receive(&mut *slow, 4).await)[0], long[1]);
    let report = admin(&broker).seek(&topic(), "slow", SeekTo::Earliest).await.unwrap();
    assert_eq!((report.read_again, report.gone), (0, 1));
}

#[tokio::test]
async fn a_topic_over_its_bytes_loses_the_oldest_of_all_its_partitions() {
    let log = Log::new(3600, 6000);
    let broker = log.open();
    create(&*broker, 2).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    for n in 0..10 {
        log.pass(1);
        // Id and payload are alike, so each has a little over 1,000 bytes. They go round the partitions.
        publish(&*broker, &[&format!("{n}{}", "x".repeat(490))]).await;
        let messages = receive(&mut *consumer, 1).await;
        ack(&*consumer, &messages).await;
        // In the same transaction, not at the next look.
        assert!(info(&broker).await.bytes.unwrap() <= 6000);
    }
    let mut late = another(&broker, "late").await;
    let messages = receive(&mut *late, 5).await;
    let mut kept: Vec<&str> = texts(&messages).iter().map(|text| &text[..1]).collect();
    kept.sort_unstable();
    assert_eq!(kept, ["5", "6", "7", "8", "9"]);
}

#[tokio::test]
async fn the_file_stays_small_however_much_goes_through_it() {
    let log = Log::new(3600, 256 << 10);
    let broker = log.open();
    create(&*broker, 2).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let text = "x".repeat(10_000);
    let publisher = broker.publisher("p").await.unwrap();
    for _ in 0..60 {
        // 400 KiB, with what it had more than once the bytes that are kept.
        for published in publisher
            .publish((0..40).map(|_| vec![record("", &text)]).collect())
            .await
        {
            published.unwrap();
        }
        let messages = receive(&mut *consumer, 40).await;
        ack(&*consumer, &messages).await;
        assert!(info(&broker).await.bytes.unwrap() <= 256 << 10);
    }
    broker.close().await.unwrap();
    let file = std::fs::metadata(log.directory.path().join("log.redb")).unwrap();
    assert!(
        file.len() < 12 << 20,
        "{} bytes of 24 MiB that went through",
        file.len()
    );
}

#[tokio::test]
async fn a_clock_that_is_set_back_drops_nothing() {
    let log = Log::new(60, 1 << 30);
    let broker = log.open();
    create(&*broker, 0).await;
    publish(&*broker, &["a"]).await;
    log.clock.fetch_sub(3_600_000, Ordering::SeqCst);
    publish(&*broker, &["b"]).await;
    consume(&broker, 2).await;
    log.pass(3600 + 60);
    broker.close().await.unwrap();
    let broker = log.open();
    // The first transaction after opening looks at everything.
    publish(&*broker, &["c"]).await;
    assert_eq!(
        seek(&broker, SeekTo::Earliest).await.read_again,
        2,
        "just old enough to stay"
    );
}

#[tokio::test]
async fn nothing_is_kept_where_nothing_is_asked_for() {
    let log = Log::new(0, 1 << 30);
    let broker = log.open();
    create(&*broker, 0).await;
    publish(&*broker, &["a", "b", "c"]).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let messages = receive(&mut *consumer, 3).await;
    ack(&*consumer, &messages[..2]).await;
    assert_eq!(info(&broker).await.messages, Some(1), "gone with the acknowledgement");
}

/// What a subscription must still deliver after messages were dropped: its name and the texts that it has not acknowledged.
struct Reader {
    name: &'static str,
    open: BTreeSet<String>,
}

impl Reader {
    fn options(&self) -> ConsumerOptions {
        ConsumerOptions {
            subscription: self.name.into(),
            ..consumer_options(Shared, "c")
        }
    }

    /// Acknowledges some of what it is given, in any order.
    async fn acknowledge_some(&mut self, broker: &EmbeddedBroker, rng: &mut StdRng) {
        if self.open.is_empty() {
            return;
        }
        let mut consumer = broker.subscribe(self.options()).await.unwrap();
        let given = receive(&mut *consumer, self.open.len()).await;
        let there: BTreeSet<String> = texts(&given).into_iter().map(str::to_owned).collect();
        assert_eq!(
            there, self.open,
            "{}: what is not acknowledged, and nothing else",
            self.name
        );
        let mut done = given;
        done.retain(|_| rng.random_bool(0.7));
        ack(&*consumer, &done).await;
        texts(&done)
            .into_iter()
            .for_each(|text| assert!(self.open.remove(text)));
    }

    /// Moves it to the oldest, as many messages back as the log says.
    async fn read_again(&mut self, broker: &EmbeddedBroker) {
        let report = admin(broker).seek(&topic(), self.name, SeekTo::Earliest).await.unwrap();
        assert_eq!(report.left_out, 0);
        let held = info(broker).await.messages.unwrap();
        assert_eq!(report.read_again + self.open.len() as u64, held, "{}", self.name);
        let mut consumer = broker.subscribe(self.options()).await.unwrap();
        let given = receive(&mut *consumer, usize::try_from(held).unwrap()).await;
        let given: BTreeSet<String> = texts(&given).into_iter().map(str::to_owned).collect();
        assert!(given.is_superset(&self.open), "{}", self.name);
        self.open = given;
    }
}

/// Against the obvious model, with moves, restarts and a clock that runs.
#[tokio::test]
async fn whatever_is_done_only_consumed_messages_go_and_the_bytes_stay_within_their_bound() {
    const KEEP_BYTES: u64 = 3000;
    for seed in 0..20 {
        let mut rng = StdRng::seed_from_u64(seed);
        let log = Log::new(100, KEEP_BYTES);
        let mut broker = log.open();
        create(&*broker, 2).await;
        let mut readers = ["one", "two"].map(|name| Reader {
            name,
            open: BTreeSet::new(),
        });
        for reader in &readers {
            drop(broker.subscribe(reader.options()).await.unwrap());
        }
        for step in 0..40 {
            log.pass(rng.random_range(0..20));
            let which = rng.random_range(0..2);
            match rng.random_range(0..10) {
                0..4 => {
                    let text = format!("{step}-{}", "x".repeat(rng.random_range(0..300)));
                    publish(&*broker, &[&text]).await;
                    readers
                        .iter_mut()
                        .for_each(|reader| assert!(reader.open.insert(text.clone())));
                }
                4..8 => readers[which].acknowledge_some(&broker, &mut rng).await,
                8 => readers[which].read_again(&broker).await,
                _ => {
                    broker.close().await.unwrap();
                    broker = log.open();
                }
            }
            let held = info(&broker).await;
            let consumed = held.consumed.unwrap();
            assert!(
                held.bytes.unwrap() <= KEEP_BYTES || consumed == 0,
                "seed {seed}: {held:?}"
            );
        }
        broker.close().await.unwrap();
    }
}
