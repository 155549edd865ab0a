//! Question: how many records of a Kafka topic are a second in the durable log, against a bare consumer that appends them?
//!
//! Kafka has a backlog of 200-byte orders on 4 partitions, with 1,000 keys. In each round each side reads all of it, in a
//! group and to a log of its own, and commits offsets of what is durable:
//!
//! * `bare`: `rdkafka`'s consumer, and the embedded log in the same process. A record has key, payload and id; batches of 512
//!   are appended, 16 of them under way. librdkafka has the settings that danube-wasm gives it.
//! * `danube-wasm`: the binary; its records also have where they come from (`kafka.topic`, `kafka.offset`, …).
//! * `danube-wasm, no metadata`: the same with `include_metadata = false`, so that records are as the bare side's.
//!
//! Kafka runs on the same processors. At the end of each round the log must have one record for each of Kafka's.

mod backlog;
mod bare;
#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../runtime/ingress/kafka/tests/kafka/support/client.rs"]
mod client;
#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../runtime/ingress/kafka/tests/kafka/support/server.rs"]
mod server;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use danube_wasm_bench_sources::Pipeline;
use danube_wasm_benches::{Child, Comparison, Round, Scale, Side, comparison::OURS};
use server::Kafka;

/// Kafka's topic, and that of the log.
const ORDERS: &str = "orders";
const TOPIC: &str = "/shop/orders";
/// Of both topics.
const PARTITIONS: u32 = 4;
const BARE: &str = "bare";
/// Our sides: name, line of the source.
const OURS_WITH: [(&str, &str); 2] = [
    (OURS, ""),
    ("danube-wasm, no metadata", "config = { include_metadata = false }"),
];

fn main() -> Result<()> {
    match Child::role().as_deref() {
        Some(bare::ROLE) => bare::run(),
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments()),
    }
}

fn compare(scale: Scale) -> Result<()> {
    let records: u64 = scale.pick(500_000, 10_000);
    let runtime = tokio::runtime::Runtime::new()?;
    // Each append waits for no fsync of its own.
    let kafka = runtime.block_on(Kafka::start("log.flush.interval.messages=1000000"));
    let kafka = kafka.context("there is no Kafka: run `make servers`")?;
    let brokers = kafka.brokers();
    runtime.block_on(client::create(&brokers, ORDERS, PARTITIONS as usize));
    backlog::produce(&brokers, records)?;
    let ours = |number: usize| {
        let (name, config) = OURS_WITH[number];
        let brokers = &brokers;
        let drain = move |round| {
            let group = format!("ours-{number}-{round}");
            pipeline(brokers, &group, config)?.drain(records)
        };
        Side::new(name, BARE, drain)
    };
    let mut sides = vec![Side::new(BARE, BARE, |round| bare(&brokers, round, records))];
    sides.extend((0..OURS_WITH.len()).map(ours));
    let comparison = Comparison {
        question: "kafka: how many records of a topic are a second in the durable log, against a bare consumer that appends them?",
        work: format!(
            "{records} records of {} bytes that wait on {PARTITIONS} partitions, medians",
            backlog::PAYLOAD_BYTES
        ),
        unit: "record",
        aim: 0.6,
        warm_up: false,
    };
    comparison.run(scale, sides)
}

fn bare(brokers: &str, round: usize, records: u64) -> Result<Round> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let log = directory.path().display().to_string();
    let arguments = [brokers, &format!("bare-{round}"), &log, &records.to_string()];
    Round::of_account(&Child::start(bare::ROLE, &arguments)?.finish()?)
}

/// Our side, with a group that has read nothing.
fn pipeline(brokers: &str, group: &str, config: &str) -> Result<Pipeline> {
    let table = format!(
        "{config}\n[sources.kafka]\nbrokers = [\"{brokers}\"]\ngroup = \"{group}\"\n[[sources.kafka.routes]]\n\
         topic = \"{ORDERS}\"\nvalue = \"json\"\ndanube_topic = \"{TOPIC}\"\npartitions = {PARTITIONS}\n"
    );
    Pipeline::new(Path::new(env!("CARGO_TARGET_TMPDIR")), TOPIC, &table)
}
