//! Question: how many messages a second does our Danube client publish, against sending one after the other?
//!
//! 300-byte messages to a topic of 4 partitions with reliable dispatch, without keys and with 1,000 keys, at 0, 1 and 5 ms
//! of round trip, which delay lines of this process put between client and broker (none at 0). Each server is a process
//! of its own with two threads; clients take turns in this one, likewise with two.
//!
//! * `one at a time`: what the official client does, which cannot be a dependency here because its build needs protoc:
//!   lookups and producers once, then each message after the answer to the one before it, its payload copied for each
//!   send. Written on the generated stubs; as a stand-in it has none of the official client's locks and retries, so it
//!   is not slower.
//! * `danube-wasm`: our client, as a source uses it: batches of 64, 16 of them under way, 64 messages of each partition
//!   on the wire, of each key one.
//! * `bare tonic`: the generated stubs again, with 64 messages of each partition on the wire.
//! * `embedded`: the log that danube-wasm's broker serves, without the wire.
//!
//! Brokers are `danube-wasm broker`, and the Danube that `DANUBE_URL=http://HOST:PORT` names if it is set; `echo` is a bare
//! tonic server that answers at once. Every message that was acknowledged is then taken from its broker by a consumer,
//! and the run fails if one is missing; the echo's own count must agree.

mod bare;
mod echo;
mod ours;
mod report;
mod seed;
mod served;
mod side;
mod site;
mod supply;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};
use danube_wasm_benches::{Child, Scale};
use site::Site;

/// Threads of tokio in each process.
const THREADS: usize = 2;
const PARTITIONS: u32 = 4;
const PAYLOAD_BYTES: usize = 300;
const KEYS: u64 = 1000;
/// Messages of one partition on the wire, which is our client's default.
const IN_FLIGHT: usize = 64;
const PRODUCER: &str = "bench";
const ROUND_TRIPS_MS: [u64; 3] = [0, 1, 5];

/// What was published.
#[derive(Debug, Default)]
struct Load {
    /// Acknowledged by the broker.
    messages: u64,
    /// From the first message handed over to the last one's answer.
    elapsed: Duration,
}

fn main() -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Tasks, so that no side runs on a thread more than another.
        match Child::role().as_deref() {
            Some(served::ROLE) => tokio::spawn(served::run()).await?,
            Some(echo::ROLE) => tokio::spawn(echo::serve()).await?,
            Some(role) => bail!("`{role}` is not a role"),
            None => tokio::spawn(compare(Scale::from_arguments())).await?,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn compare(scale: Scale) -> Result<()> {
    let mut sites = vec![Site::danube_wasm()?];
    if let Ok(url) = std::env::var("DANUBE_URL") {
        sites.push(Site::danube(&url).await?);
    }
    let echo = Site::echo()?;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut sides = Vec::new();
    for site in &sites {
        sides.extend(side::against_broker(site).await?);
    }
    sides.extend(side::against_echo(&echo).await?);
    sides.extend(side::embedded(directory.path()).await?);
    let length = Duration::from_millis(scale.pick(1500, 100));
    for side in &mut sides {
        side.warm_up(length / 5).await.with_context(|| side.what.to_string())?;
    }
    for _ in 0..scale.pick(3, 1) {
        for side in &mut sides {
            side.round(length).await.with_context(|| side.what.to_string())?;
        }
    }
    report::print(&sides, &sites);
    drop(sides);
    sites.into_iter().chain([echo]).try_for_each(Site::finish)
}
