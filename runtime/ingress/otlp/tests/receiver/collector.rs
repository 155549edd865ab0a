//! A real collector as the client, while the source's process is killed under it.

use std::collections::BTreeMap;

use crate::support::{
    clients::Collector,
    process::{Process, Record, body, new_log},
    receiver::TABLE,
};

/// Lines of each log, by what is in them.
fn count(records: &[Record]) -> BTreeMap<String, Vec<&str>> {
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for record in records {
        let line = body(record)["body"]["stringValue"].as_str().expect("a line").to_owned();
        lines.entry(line).or_default().push(&record.id);
    }
    lines
}

/// Kills in the ordinary test; `KILLS` for more.
fn kills() -> usize {
    std::env::var("KILLS").map_or(4, |kills| kills.parse().expect("a number"))
}

/// The source is killed while the collector sends, again and again. The collector queues, and sends again what was not answered.
async fn no_line_is_lost_or_doubled(compression: &str) {
    const LINES: usize = 2000;
    let log = new_log();
    let port = danube_wasm_testkit::servers::free_port();
    let table = TABLE.replace("port = 0", &format!("port = {port}\ngrpc_port = {port}"));
    let url = format!("http://127.0.0.1:{port}");
    let Some(collector) = Collector::start(&url, compression) else {
        return;
    };
    let rounds = kills();
    for round in 0..rounds {
        let process = Process::start(&log, &table).await;
        let first = round * LINES;
        // Some are durable, others are on their way: more follow while the process ends.
        collector.log((first..first + LINES / 2).map(|n| format!("line {n}")));
        log.records_of("/otel/logs", first + LINES / 4).await;
        collector.log((first + LINES / 2..first + LINES).map(|n| format!("line {n}")));
        process.kill().await;
    }
    let process = Process::start(&log, &table).await;
    let records = log.records_of("/otel/logs", rounds * LINES).await;
    process.kill().await;
    let lines = count(&records);
    let twice = records.len() - lines.len();
    println!(
        "{} lines in {} records, {twice} of them twice, after {rounds} kills",
        lines.len(),
        records.len()
    );
    assert_eq!(lines.len(), rounds * LINES, "{}", collector.printed());
    // A record that came twice came under its own id: a sink makes one row of it.
    let rows = |ids: &Vec<&str>| ids.iter().all(|id| *id == ids[0]);
    let doubled: Vec<_> = lines.iter().filter(|(_, ids)| !rows(ids)).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_a_collector_lose_no_line_and_double_none_gzip() {
    no_line_is_lost_or_doubled("gzip").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_a_collector_lose_no_line_and_double_none_zstd() {
    no_line_is_lost_or_doubled("zstd").await;
}
