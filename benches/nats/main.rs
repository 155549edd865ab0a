//! Question: how many messages a second does our client publish to NATS JetStream, and take from it, against bare calls of
//! `async-nats` with the same guarantees?
//!
//! Three servers on loopback with three copies of each stream, `sync_interval: always`, messages of 300 bytes, one thing at a time:
//!
//! * **Publish**: atomic batches of so many messages with ids by which a repeated one is known; the next one goes when the server
//!   has answered. `bare`: the same headers and payloads by `Client::publish_with_headers`. `danube-wasm`: groups of records by
//!   [`Publisher::publish`](danube_wasm_broker::Publisher), which also have a record id.
//! * **Consume**: what is stored, in pulls of so many messages; those of a pull are acknowledged together, and the server has
//!   answered each (`+ACK` with a reply) before the next pull. `bare`: a durable consumer, pulled from by hand. `danube-wasm`: a
//!   Shared subscription; messages are decoded, and the next pull is at the server while acknowledgements are under way.
//!
//! Both sides publish to streams that our client has made, so that these have the same settings. The servers run on the same
//! processors, and both sides have the program's allocator.

mod bare;
mod ours;
mod site;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use danube_wasm_benches::{Child, Comparison, Round, Scale, Side, comparison::OURS};
use danube_wasm_testkit::nats::NatsServer;

use crate::site::Work;

/// The program's, for both sides.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Messages of a batch, and of a pull.
const SIZES: [usize; 2] = [100, 1000];
const AIM: f64 = 0.8;
const SERVERS: usize = 3;

fn main() -> Result<()> {
    match Child::role().as_deref() {
        Some(bare::PUBLISH) => in_runtime(bare::publish(Work::from_arguments()?)),
        Some(bare::CONSUME) => in_runtime(bare::consume(Work::from_arguments()?)),
        Some(ours::PUBLISH) => in_runtime(ours::publish(Work::from_arguments()?)),
        Some(ours::CONSUME) => in_runtime(ours::consume(Work::from_arguments()?)),
        Some(ours::CREATE) => in_runtime(ours::create(Work::from_arguments()?)),
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments()),
    }
}

fn in_runtime(work: impl Future<Output = Result<String>> + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let account = runtime.block_on(async { tokio::spawn(work).await? })?;
    println!("{account}");
    Ok(())
}

fn compare(scale: Scale) -> Result<()> {
    let directory = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
    let servers = NatsServer::start_cluster(directory.path(), SERVERS, "");
    let servers = servers.context("there is no nats-server: run `make servers`")?;
    let messages = scale.pick(100_000, 2_000);
    let work = |topic: String, batch| Work {
        url: servers[0].url(),
        topic,
        messages,
        batch,
    };
    for batch in SIZES {
        let publish = |role: &'static str| {
            move |round: usize| -> Result<Round> {
                let work = work(format!("{role}-{batch}-{round}"), batch);
                work.run(ours::CREATE)?;
                Round::of_account(&work.run(role)?)
            }
        };
        let comparison = Comparison {
            question: "nats: how many messages a second are published, against bare calls with the same guarantees?",
            work: format!(
                "{messages} messages of {} bytes in atomic batches of {batch}, medians",
                site::PAYLOAD_BYTES
            ),
            unit: "message",
            aim: AIM,
            warm_up: true,
        };
        let sides = vec![
            Side::new("bare", "bare", publish(bare::PUBLISH)),
            Side::new(OURS, "bare", publish(ours::PUBLISH)),
        ];
        comparison.run(scale, sides)?;
    }
    let stored = |batch| work("stored".to_owned(), batch);
    stored(1000).run(ours::CREATE)?;
    stored(1000).run(ours::PUBLISH)?;
    for batch in SIZES {
        let consume = |role: &'static str| move |_| Round::of_account(&stored(batch).run(role)?);
        let comparison = Comparison {
            question: "nats: how many messages a second are taken and acknowledged, against a bare pull loop?",
            work: format!(
                "{messages} messages of {} bytes in pulls of {batch}, medians",
                site::PAYLOAD_BYTES
            ),
            unit: "message",
            aim: AIM,
            warm_up: true,
        };
        let sides = vec![
            Side::new("bare", "bare", consume(bare::CONSUME)),
            Side::new(OURS, "bare", consume(ours::CONSUME)),
        ];
        comparison.run(scale, sides)?;
    }
    Ok(())
}
