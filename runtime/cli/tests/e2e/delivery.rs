//! Nothing is lost: kill, stop, restart, full and failing targets.

use std::collections::BTreeSet;

use danube_wasm_testkit::{Stop, Workers};
use serde_json::json;

use crate::harness::{self, Pipeline, Scratch, Setup, payment};

/// The ids (amounts) in the table, each once.
fn stored(scratch: &Scratch) -> BTreeSet<u64> {
    let rows = scratch.query("SELECT VALUE amount FROM payments");
    let amounts: Vec<u64> = rows
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|n| n.as_u64())
        .collect();
    let distinct: BTreeSet<u64> = amounts.iter().copied().collect();
    assert_eq!(amounts.len(), distinct.len(), "a row was stored twice");
    distinct
}

/// Posts distinct payments from several threads until told to stop; gives the amounts that were answered 200.
struct Load(Workers<BTreeSet<u64>>);

impl Load {
    fn start(pipeline: &Pipeline, base: u64) -> Self {
        Self(Workers::start((0..8).map(|sender| {
            let (client, address) = (pipeline.client(), pipeline.address());
            move |stop: Stop| {
                let mut acknowledged = BTreeSet::new();
                for n in 0..5_000 {
                    if stop.is_requested() {
                        break;
                    }
                    let amount = base + sender * 1_000_000 + n;
                    // No whole answer: the process is gone, and nothing was promised.
                    match harness::post(&client, &address, &[], payment(amount).to_string()) {
                        Some(answer) if answer.status == 200 => drop(acknowledged.insert(amount)),
                        Some(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
                        None => break,
                    }
                }
                acknowledged
            }
        })))
    }

    fn finish(self) -> BTreeSet<u64> {
        self.0.stop().into_iter().flatten().collect()
    }
}

#[test]
fn kill_9_between_the_200_and_the_write_loses_nothing_and_doubles_nothing() {
    // A long linger and a high count keep messages in the log for a while after their 200.
    let mapping = "batch_size = 5000\nflush_interval_ms = 600000\nidle_ms = 600000".to_owned();
    let holding = Setup {
        mapping,
        ..Setup::default()
    };
    let scratch = holding.write();
    let mut owed = BTreeSet::new();
    for round in 0..3 {
        scratch.set(&holding);
        let pipeline = scratch.start();
        let load = Load::start(&pipeline, round * 100_000_000);
        let enough = 200;
        pipeline.until("enough is acknowledged", |p| {
            let (_, metrics) = p.admin("/metrics");
            let line = metrics
                .lines()
                .find(|l| l.starts_with("danube_connector_messages_processed_total{connector=\"test/webhook\""));
            line.and_then(|l| l.rsplit(' ').next()?.parse::<f64>().ok())
                .is_some_and(|n| n >= f64::from(enough))
        });
        pipeline.kill();
        let acknowledged = load.finish();
        let before: BTreeSet<u64> = stored(&scratch);
        let unwritten = acknowledged.difference(&before).count();
        println!(
            "kill {round}: {} acknowledged, {unwritten} owed and unwritten at the kill",
            acknowledged.len()
        );
        assert!(unwritten > 0, "this kill proves nothing");
        owed.extend(acknowledged);
        // The next start writes what was owed.
        scratch.set(&Setup::default());
        let pipeline = scratch.start();
        pipeline.until("everything owed is stored", |_| owed.is_subset(&stored(&scratch)));
        pipeline.stop();
    }
    assert!(owed.is_subset(&stored(&scratch)));
}

#[test]
fn sigterm_under_load_exits_0_and_loses_and_doubles_nothing() {
    let scratch = Setup::default().write();
    let mut pipeline = scratch.start();
    let load = Load::start(&pipeline, 0);
    pipeline.until("rows", |_| scratch.rows() >= 100);
    pipeline.signal("TERM");
    let status = pipeline.wait();
    assert!(status.success(), "{status}\n{}", pipeline.dump());
    let acknowledged = load.finish();
    assert!(acknowledged.len() >= 100);
    let pipeline = scratch.start();
    pipeline.until("everything acknowledged is stored", |_| {
        acknowledged.is_subset(&stored(&scratch))
    });
    pipeline.stop();
    let rows = stored(&scratch);
    assert!(acknowledged.is_subset(&rows));
}

#[test]
fn three_records_of_one_event_are_three_rows() {
    let source = harness::guest("fan_out_three");
    let scratch = Setup {
        source,
        schema: false,
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    let answer = pipeline.post(&json!({ "n": 1 }));
    assert_eq!((answer.status, &answer.body["records"]), (200, &json!(3)), "{answer:?}");
    pipeline.until("three rows", |_| scratch.rows() == 3);
    pipeline.stop();
    assert_eq!(scratch.rows(), 3);
}

#[test]
fn one_row_that_violates_an_assert_in_a_batch_of_500_is_499_rows_and_one_dead_letter() {
    // One batch: it is full at 500 and not before.
    let mapping = "batch_size = 500\nflush_interval_ms = 60000\nidle_ms = 60000".to_owned();
    let scratch = Setup {
        mapping,
        ..Setup::default()
    }
    .write();
    // The database must be there before a field can be defined in it.
    let pipeline = scratch.start();
    pipeline.post(&payment(1_000));
    pipeline.stop();
    let define = "DEFINE FIELD amount ON payments TYPE int ASSERT $value != 250; DELETE payments";
    let defined = harness::cli(["query", "--write", &scratch.file().display().to_string(), define]);
    assert!(defined.status.success(), "{}", String::from_utf8_lossy(&defined.stderr));

    let pipeline = scratch.start();
    let address = pipeline.address();
    std::thread::scope(|scope| {
        for part in 0..10 {
            let (client, address) = (pipeline.client(), address.clone());
            scope.spawn(move || {
                for n in part * 50..(part + 1) * 50 {
                    let answer = harness::post(&client, &address, &[], payment(n).to_string()).expect("an answer");
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            });
        }
    });
    pipeline.until("a dead letter", |p| p.log("dead letter").is_some());
    pipeline.until("499 rows", |_| stored(&scratch).len() == 499);
    let (_, metrics) = pipeline.admin("/metrics");
    let line = "danube_wasm_dead_letters_total{connector=\"test/surrealdb\",reason=\"target_refused\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert_eq!(pipeline.logged("dead letter"), 1);
    assert!(!stored(&scratch).contains(&250));
    pipeline.stop();
}

#[test]
fn a_poisonous_record_is_set_aside_and_the_rest_goes_on() {
    let sink = harness::guest("poison_sink");
    let scratch = Setup {
        sink,
        schema: false,
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    for n in 0..50 {
        let body = if n == 17 {
            json!({ "poison": true })
        } else {
            json!({ "amount": n })
        };
        assert_eq!(pipeline.post(&body).status, 200);
    }
    pipeline.until("49 rows", |_| scratch.rows() == 49);
    let letter = pipeline.log("dead letter").expect("a dead letter");
    assert_eq!(
        (&letter["reason"], &letter["topic"]),
        (&json!("crashed"), &json!("/stripe/dlq-test--surrealdb"))
    );
    assert_eq!(pipeline.logged("dead letter"), 1);
    pipeline.stop();
}
