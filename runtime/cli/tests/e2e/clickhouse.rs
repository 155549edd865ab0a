//! The sink `clickhouse`: the real binary beside ClickHouse's own engine.

use std::{fs, path::Path};

use danube_wasm_testkit::until;

use crate::{
    examples::copy,
    harness::{Pipeline, cli},
};

#[allow(dead_code, reason = "shared with the sink's own tests, which use the rest of it")]
#[path = "../../../egress/clickhouse/tests/clickhouse/support/server.rs"]
mod server;

use server::Server;

fn run(file: &Path, server: &Server) -> Pipeline {
    let pipeline = Pipeline::spawn_with(file, &[("CLICKHOUSE_URL", &server.url)]);
    pipeline.until("it runs", |p| p.log("running").is_some());
    pipeline
}

/// Rows by status, with the sum of their totals.
async fn orders(server: &Server) -> String {
    let query =
        "SELECT status, count(), uniqExact(id), sum(total) FROM shop.orders FINAL GROUP BY status ORDER BY status";
    server.run(query).await.expect("rows")
}

/// The example as it is written, through kills: the newest step of each order is there once, and what does not fit is a dead letter.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_has_the_newest_step_of_each_order_once_through_kills() {
    let Some(server) = Server::start(None) else { return };
    let dir = copy("clickhouse-orders");
    let example = dir.path().join("clickhouse-orders");
    let file = example.join("pipeline.toml");
    let statements = fs::read_to_string(example.join("orders.sql")).expect("its statements");
    for statement in statements.split(';').filter(|statement| !statement.trim().is_empty()) {
        server.run(statement).await.expect("a statement of the example");
    }
    let mut pipeline = run(&file, &server);
    let mut first = 1;
    for count in [100, 150, 250] {
        let url = format!("http://{}/orders", pipeline.address());
        let mut sender = std::process::Command::new("bash");
        sender
            .arg(example.join("send-orders.sh"))
            .args([count.to_string(), first.to_string()])
            .env("URL", &url);
        assert!(sender.status().expect("bash").success());
        // Before, while or after its rows are inserted: they are collected for a second.
        pipeline.kill();
        pipeline = run(&file, &server);
        first += count + 1;
    }
    // Every order but the three that are too large, of o1 to o503.
    let all: u32 = (1..=100).chain(102..=251).chain(253..=502).sum();
    let expected = format!("delivered\t500\t500\t{}", f64::from(all) + 250.0);
    let mut last = String::new();
    let is_there = async {
        while last.trim_end() != expected {
            last = orders(&server).await;
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(crate::harness::DEADLINE, is_there).await;
    assert!(in_time.is_ok(), "{last:?} is not {expected:?}");
    until("three dead letters", || {
        let listed = cli(["dlq", "ls", "--json", &file.display().to_string()]);
        let said = String::from_utf8_lossy(&listed.stdout).into_owned();
        (said.matches("which column `pieces` UInt8 does not hold").count() == 3).then_some(())
    })
    .await;
    pipeline.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn check_connect_says_what_the_table_can_promise() {
    let Some(server) = Server::start(None) else { return };
    let dir = copy("clickhouse-orders");
    let example = dir.path().join("clickhouse-orders");
    let file = example.join("pipeline.toml");
    // The address is one of the environment.
    let text = fs::read_to_string(&file).expect("the example");
    fs::write(
        &file,
        text.replace("${CLICKHOUSE_URL:-http://127.0.0.1:8123}", &server.url),
    )
    .expect("the copy");
    let check = || {
        let output = cli(["check", "--connect", &file.display().to_string()]);
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let said = check();
    assert!(
        said.contains("Code: 81") && said.contains("create the database"),
        "{said}"
    );
    let statements = fs::read_to_string(example.join("orders.sql")).expect("its statements");
    for statement in statements.split(';').filter(|statement| !statement.trim().is_empty()) {
        server.run(statement).await.expect("a statement of the example");
    }
    let said = check();
    assert!(
        said.contains("each id once, with `FINAL` or after merges; the newest row of an id remains"),
        "{said}"
    );
}
