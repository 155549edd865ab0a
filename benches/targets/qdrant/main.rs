//! Question: how many points a second reach Qdrant from the log, against its generated client's `upsert_points`?
//!
//! All sides write the same points, of a vector of 128 numbers and a payload of four fields, 256 to a request and two requests
//! at a time, each waiting until the server has applied it. The server is Qdrant's engine behind its gRPC as the sink's tests
//! start it, or the one at `QDRANT_URL`; each run has an empty collection, and its points are counted.
//!
//! * `bare`: `upsert_points(wait = true)` with messages that were made before the clock started, over tonic's own channel, a
//!   process of its own.
//! * `danube-wasm`: the real program, from JSON messages in the embedded log on disk, through the sandboxed `document-sink`
//!   and the egress, until the last message is acknowledged in the log. Each is an upsert of its id unless a newer one is
//!   there, which the server is asked to see to, and the collection has the indexes that this needs.
//! * `danube-wasm, inserts`: the same without ids of the messages' own: points that are made unless they are there.

mod bare;
mod rows;
#[allow(dead_code, reason = "shared with the sink's tests, which use the rest of it")]
#[path = "../../../runtime/egress/qdrant/tests/qdrant/support/server.rs"]
mod server;

use anyhow::{Context as _, Result, bail, ensure};
use danube_wasm_bench_targets::{Backlog, argument, in_runtime};
use danube_wasm_benches::{Child, Comparison, Round, Scale, Side, comparison::OURS};
use qdrant_client::qdrant::{
    CountPoints, CreateCollection, DeleteCollection, Distance, VectorParams, VectorsConfig,
    collections_client::CollectionsClient, points_client::PointsClient, vectors_config::Config,
};
use server::Server;
use tonic::transport::Channel;

const COLLECTION: &str = "bench";
const DIMENSIONS: u64 = 128;
/// Most points of a request, and requests at a time: the sink's own.
const REQUEST: u64 = 256;
const IN_FLIGHT: usize = 2;
const BARE: &str = "bare";
const AIM_SHARE: f64 = 0.90;

fn main() -> Result<()> {
    match Child::role().as_deref() {
        Some(bare::ROLE) => in_runtime(bare::upsert(argument(2)?, argument(3)?)),
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments()),
    }
}

fn compare(scale: Scale) -> Result<()> {
    // Without one it has said so.
    let Some(server) = Server::start() else { return Ok(()) };
    let (url, total) = (&*server.url, scale.pick(50_000, 2_000));
    let backlog = Backlog::fill(env!("CARGO_TARGET_TMPDIR"), total, rows::document)?;
    let sides = vec![
        Side::new(BARE, BARE, |_| {
            run(url, total, || {
                in_runtime(create(url.to_owned()))?;
                Round::of_account(&Child::start(bare::ROLE, &[url, &total.to_string()])?.finish()?)
            })
        }),
        Side::new(OURS, BARE, |_| {
            run(url, total, || ours(&backlog, url, "id_pointer = \"/id\""))
        }),
        Side::new("danube-wasm, inserts", BARE, |_| {
            run(url, total, || ours(&backlog, url, ""))
        }),
    ];
    let comparison = Comparison {
        question: "qdrant: how many points a second reach Qdrant from the log, against its generated client?",
        work: format!(
            "{total} points of {DIMENSIONS} numbers, {REQUEST} to a request, {IN_FLIGHT} requests at a time, medians"
        ),
        unit: "point",
        aim: AIM_SHARE,
        warm_up: true,
    };
    comparison.run(scale, sides)
}

fn ours(backlog: &Backlog, url: &str, id: &str) -> Result<Round> {
    backlog.drain(|keys| {
        format!(
            r#"component = "builtin:document-sink"
[sinks.qdrant]
url = "{url}"
max_in_flight = {IN_FLIGHT}
[[sinks.qdrant.topic_mappings]]
{keys}
collection = "{COLLECTION}"
vector_dimension = {DIMENSIONS}
include_danube_metadata = false
{id}"#
        )
    })
}

/// One side, whether all points are there, and an end of the collection.
fn run(url: &str, total: u64, side: impl FnOnce() -> Result<Round>) -> Result<Round> {
    in_runtime(delete(url.to_owned()))?;
    let run = side()?;
    let count = in_runtime(count(url.to_owned()))?;
    ensure!(count == total, "{total} points were owed; there are {count}");
    in_runtime(delete(url.to_owned()))?;
    Ok(run)
}

async fn channel(url: String) -> Result<Channel> {
    Ok(Channel::from_shared(url)?.connect().await?)
}

async fn create(url: String) -> Result<()> {
    let params = VectorParams {
        size: DIMENSIONS,
        distance: Distance::Cosine.into(),
        ..VectorParams::default()
    };
    let request = CreateCollection {
        collection_name: COLLECTION.to_owned(),
        vectors_config: Some(VectorsConfig {
            config: Some(Config::Params(params)),
        }),
        ..CreateCollection::default()
    };
    CollectionsClient::new(channel(url).await?).create(request).await?;
    Ok(())
}

async fn delete(url: String) -> Result<()> {
    let request = DeleteCollection {
        collection_name: COLLECTION.to_owned(),
        ..DeleteCollection::default()
    };
    CollectionsClient::new(channel(url).await?).delete(request).await?;
    Ok(())
}

async fn count(url: String) -> Result<u64> {
    let request = CountPoints {
        collection_name: COLLECTION.to_owned(),
        exact: Some(true),
        ..CountPoints::default()
    };
    let answer = PointsClient::new(channel(url).await?).count(request).await?;
    Ok(answer.into_inner().result.context("no count")?.count)
}
