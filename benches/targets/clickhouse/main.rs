//! Question: how many rows a second reach ClickHouse from the log, against the same rows ready-made, posted by a plain HTTP
//! client?
//!
//! All sides insert the same rows of 10 columns into an empty `ReplacingMergeTree`, 10,000 rows to an insert and two inserts
//! at a time, compressed with zstd. The server is ClickHouse's engine behind the HTTP door of the sink's tests, which runs one
//! insert after the other, or the one at `CLICKHOUSE_URL`; afterwards the rows are counted and summed.
//!
//! * `bare`: `RowBinaryWithNamesAndTypes` that was made and compressed before the clock started, a process of its own.
//! * `bare, from JSON`: the same, made while the clock runs of documents that are in memory, by a program that knows this one
//!   table and checks nothing, as no connector can.
//! * `danube-wasm`: the real program, from JSON messages in the embedded log on disk, through the sandboxed `document-sink` and
//!   the egress, each value checked against its column, until the last message is acknowledged in the log.

mod bare;
mod rows;
#[allow(dead_code, reason = "shared with the sink's tests, which use the rest of it")]
#[path = "../../../runtime/egress/clickhouse/tests/clickhouse/support/server.rs"]
mod server;

use std::sync::Arc;

use anyhow::{Result, anyhow, bail, ensure};
use danube_wasm_bench_targets::{Backlog, argument, in_runtime, sum_below};
use danube_wasm_benches::{Child, Comparison, Round, Scale, Side, comparison::OURS};
use server::Server;

const TABLE: &str = "bench.orders";
/// Most rows of an insert, which is the sink's default.
const BATCH: u64 = 10_000;
/// Inserts at a time: the sink has two lanes.
const IN_FLIGHT: usize = 2;
const BARE: &str = "bare";
const AIM_SHARE: f64 = 0.80;

fn main() -> Result<()> {
    match Child::role().as_deref() {
        Some(bare::ROLE) => in_runtime(bare::insert(argument(2)?, argument(3)?, true)),
        Some(bare::ROLE_JSON) => in_runtime(bare::insert(argument(2)?, argument(3)?, false)),
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments()),
    }
}

fn compare(scale: Scale) -> Result<()> {
    // Without one it has said so.
    let Some(server) = Server::shared() else { return Ok(()) };
    let total = scale.pick(500_000, 20_000);
    let backlog = Backlog::fill(env!("CARGO_TARGET_TMPDIR"), total, rows::document)?;
    let bare = |role| {
        run(&server, total, || {
            Round::of_account(&Child::start(role, &[&server.url, &total.to_string()])?.finish()?)
        })
    };
    let sides = vec![
        Side::new(BARE, BARE, |_| bare(bare::ROLE)),
        Side::new("bare, from JSON", BARE, |_| bare(bare::ROLE_JSON)),
        Side::new(OURS, BARE, |_| run(&server, total, || ours(&backlog, &server.url))),
    ];
    let comparison = Comparison {
        question: "clickhouse: how many rows a second reach ClickHouse from the log, against ready-made ones?",
        work: format!("{total} rows of 10 columns, {BATCH} to an insert, {IN_FLIGHT} inserts at a time, medians"),
        unit: "row",
        aim: AIM_SHARE,
        warm_up: true,
    };
    comparison.run(scale, sides)
}

fn ours(backlog: &Backlog, url: &str) -> Result<Round> {
    // The last rows do not fill a batch, and are not waited for.
    backlog.drain(|keys| {
        format!(
            r#"component = "builtin:document-sink"
[sinks.clickhouse]
url = "{url}"
database = "bench"
[[sinks.clickhouse.topic_mappings]]
{keys}
table = "orders"
id_pointer = "/id"
id_column = "id"
batch_size = {BATCH}
idle_ms = 20"#
        )
    })
}

/// One side into an empty table, and whether all rows are in it, each once.
fn run(server: &Arc<Server>, total: u64, side: impl FnOnce() -> Result<Round>) -> Result<Round> {
    query(server, "CREATE DATABASE IF NOT EXISTS bench")?;
    query(server, &format!("DROP TABLE IF EXISTS {TABLE}"))?;
    let columns = rows::definition();
    query(
        server,
        &format!("CREATE TABLE {TABLE} ({columns}) ENGINE = ReplacingMergeTree ORDER BY id"),
    )?;
    let run = side()?;
    let counted = query(
        server,
        &format!("SELECT count(), uniqExact(id), toInt64(sum(total) * 100) FROM {TABLE} FINAL"),
    )?;
    let owed = format!("{total}\t{total}\t{}", sum_below(total));
    ensure!(
        counted.trim() == owed,
        "`{owed}` was owed; there is `{}`",
        counted.trim()
    );
    Ok(run)
}

fn query(server: &Arc<Server>, query: &str) -> Result<String> {
    let (server, text) = (server.clone(), query.to_owned());
    in_runtime(async move {
        let answer = server.run(&text).await;
        answer.map_err(|said| anyhow!("{text}: {said}"))
    })
}
