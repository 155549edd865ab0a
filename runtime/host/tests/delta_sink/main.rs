//! The sink `delta` in the real host: webhooks, sandbox, embedded log, tables on disk, read by another program. The example
//! `delta-orders`, whose host is stopped in the middle, and the quick start of the sink's page.

mod site;

use std::process::Command;

use danube_wasm_testkit::{servers, until};
use serde_json::{Value, json};

use site::{Site, located, output, repository, stop};

/// What `deltalake` reads, if it is installed.
fn rows(url: &str) -> Option<Vec<Value>> {
    let mut python = servers::python("deltalake")?;
    let script = format!("{}/../egress/delta/tests/servers/reader.py", env!("CARGO_MANIFEST_DIR"));
    let output = python.args([&script, url, "{}"]).output().expect("it runs");
    // There is no table before the first batch.
    let read: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    Some(read["rows"].as_array().cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_is_one_row_however_often_it_is_sent_and_the_host_is_started() {
    let site = Site::example();
    let table = site.path("lake/orders").display().to_string();
    let host = site.start().await;
    site.send(&host, 1).await;
    stop(host).await;
    let host = site.start().await;
    site.send(&host, 1).await;
    site.send(&host, 11).await;
    if servers::python("deltalake").is_none() {
        return stop(host).await;
    }
    until("30 rows", || rows(&table).filter(|rows| rows.len() >= 30)).await;
    // What does not fit is a dead letter, and holds nothing up.
    let url = located(&host, "delta-orders/shop", "/orders").await;
    post(&url, "{\"event\":\"x\",\"order\":99,\"total\":\"1.005\"}").await;
    post(&url, "{\"event\":\"y\",\"order\":100,\"total\":\"1.00\"}").await;
    until("31 rows", || rows(&table).filter(|rows| rows.len() >= 31)).await;
    stop(host).await;
    let mut rows = rows(&table).expect("it is installed");
    rows.sort_by_key(|row| row["order"].as_u64());
    let orders: Vec<_> = rows.iter().filter_map(|row| row["order"].as_u64()).collect();
    assert_eq!(orders, Vec::from_iter((1..=30).chain([100])));
    assert_eq!(
        rows[4],
        json!({"event": "e5", "order": 5, "at": "2024-01-06T11:00:00+00:00", "country": "PT", "total": "5.50", "day": "2024-01-06",
               "rest": "{\"note\":\"n5\"}"})
    );
}

/// What stands between two lines of a page.
fn between<'p>(page: &'p str, start: &str, end: &str) -> &'p str {
    let (_, rest) = page.split_once(start).expect(start);
    rest.split_once(end).expect(end).0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_of_the_page_works_as_it_is_written() {
    let (site, page) = (Site::new(), repository("docs/sinks/delta.md"));
    site.write("pipeline.toml", between(&page, "```toml\n", "```"));
    let host = site.start().await;
    let url = located(&host, "lake/in", "/events").await;
    let said = post(&url, "{\"n\":1,\"text\":\"first\"}").await;
    assert!(said.contains("\"durable\":true"), "{said}");
    let table = site.path("lake/events").display().to_string();
    if servers::python("deltalake").is_some() {
        let rows = until("a row", || rows(&table).filter(|rows| !rows.is_empty())).await;
        assert_eq!(rows, [json!({"n": 1, "text": "first"})]);
    }
    stop(host).await;
}

async fn post(url: &str, body: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--fail",
        "-H",
        "content-type: application/json",
        "-d",
        body,
        url,
    ]);
    output(curl).await
}
