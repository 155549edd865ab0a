//! The source `postgres`: the real binary beside a real server, its rows in a database.

use std::{fs, path::Path};

use danube_wasm_testkit::until;
use serde_json::Value;

use crate::{
    examples,
    harness::{Pipeline, cli},
};

#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../ingress/postgres/tests/postgres/support/server.rs"]
mod server;

use server::Postgres;

/// Runs both files of the example.
fn run(example: &Path, postgres: &Postgres) -> Pipeline {
    let files = ["pipeline.toml", "rows.toml"].map(|name| example.join(name).display().to_string());
    let url = format!("postgres://127.0.0.1:{}/shop", postgres.port);
    let env = [("PG_URL", url.as_str()), ("PGPASSWORD", "secret")];
    let pipeline = Pipeline::spawn_args(&["run", &files[0], &files[1]], &env);
    pipeline.until("it runs", |p| p.log("running").is_some());
    pipeline
}

/// The outbox as it has become rows, by the order number in its body.
fn orders(example: &Path) -> Vec<u64> {
    let file = example.join("rows.toml").display().to_string();
    let output = cli(["query", "--json", &file, "SELECT VALUE body.order FROM events"]);
    // Before the first row there is no table, or no database.
    let values: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let orders = values[0].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut orders: Vec<u64> = orders.iter().filter_map(Value::as_u64).collect();
    orders.sort_unstable();
    orders
}

/// The example as it is written, through kills of both sides: each row of the outbox is one row.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_makes_a_row_of_each_row_of_the_outbox_through_kills() {
    let Some(mut postgres) = Postgres::start("").await else {
        return;
    };
    let dir = examples::copy("postgres-outbox");
    let example = dir.path().join("postgres-outbox");
    let statements = fs::read_to_string(example.join("shop.sql")).expect("its statements");
    // The server of the tests has the role.
    postgres.sql(&statements.replace("CREATE ROLE danube LOGIN REPLICATION PASSWORD 'secret';", ""));
    let mut next = 2;
    let mut insert = |postgres: &Postgres, count: u64| {
        let last = next + count - 1;
        postgres.sql(&format!(
            "INSERT INTO outbox (kind, body) SELECT 'order-placed', jsonb_build_object('order', n) FROM generate_series({next}, {last}) n"
        ));
        next = last + 1;
        last
    };
    let mut pipeline = run(&example, &postgres);
    until("the snapshot is a row", || (orders(&example) == [1]).then_some(())).await;
    for round in 0..4 {
        insert(&postgres, 500);
        if round % 2 == 0 {
            pipeline.kill();
            insert(&postgres, 500);
            pipeline = run(&example, &postgres);
        } else {
            postgres.kill_and_restart().await;
        }
    }
    let last = insert(&postgres, 1);
    let expected: Vec<u64> = (1..=last).collect();
    until("each is a row", || {
        (orders(&example).len() as u64 >= last).then_some(())
    })
    .await;
    pipeline.stop();
    assert!(
        orders(&example) == expected,
        "{} of {last} rows",
        orders(&example).len()
    );
}
