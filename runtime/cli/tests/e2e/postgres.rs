//! The source `postgres`: the real binary beside a real server, its rows in a database.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use danube_wasm_testkit::until;
use serde_json::Value;

use crate::{
    examples,
    harness::{DEADLINE, Pipeline, cli},
};

#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../ingress/postgres/tests/postgres/support/server.rs"]
mod server;

use server::Postgres;

/// Runs files of an example.
fn run(example: &Path, files: &[&str], postgres: &Postgres) -> Pipeline {
    let pipeline = spawn(example, files, postgres, &[]);
    pipeline.until("it runs", |p| p.log("running").is_some());
    pipeline
}

/// The same, with more in its environment, and without waiting.
fn spawn(example: &Path, files: &[&str], postgres: &Postgres, more: &[(&str, &str)]) -> Pipeline {
    let files: Vec<_> = files
        .iter()
        .map(|name| example.join(name).display().to_string())
        .collect();
    let mut args = vec!["run"];
    args.extend(files.iter().map(String::as_str));
    let url = format!("postgres://127.0.0.1:{}/shop", postgres.port);
    let env = [("PG_URL", url.as_str()), ("PGPASSWORD", "secret")];
    Pipeline::spawn_args(&args, &[&env[..], more].concat())
}

/// A server with what an example reads, and the example.
async fn start(name: &str) -> Option<(Postgres, tempfile::TempDir, PathBuf)> {
    let postgres = Postgres::start("").await?;
    let dir = examples::copy(name);
    let example = dir.path().join(name);
    let statements = fs::read_to_string(example.join("shop.sql")).expect("its statements");
    // The server of the tests has the role.
    postgres.sql(&statements.replace("CREATE ROLE danube LOGIN REPLICATION PASSWORD 'secret';", ""));
    Some((postgres, dir, example))
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
    let Some((mut postgres, _dir, example)) = start("postgres-outbox").await else {
        return;
    };
    let files = ["pipeline.toml", "rows.toml"];
    let mut next = 2;
    let mut insert = |postgres: &Postgres, count: u64| {
        let last = next + count - 1;
        postgres.sql(&format!(
            "INSERT INTO outbox (kind, body) SELECT 'order-placed', jsonb_build_object('order', n) FROM generate_series({next}, {last}) n"
        ));
        next = last + 1;
        last
    };
    let mut pipeline = run(&example, &files, &postgres);
    until("the snapshot is a row", || (orders(&example) == [1]).then_some(())).await;
    for round in 0..4 {
        insert(&postgres, 500);
        if round % 2 == 0 {
            pipeline.kill();
            insert(&postgres, 500);
            pipeline = run(&example, &files, &postgres);
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

/// All rows are durable, and nothing here knows of it; or the slot is made, and nothing here knows of that: each row is one row after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_within_a_snapshot_loses_no_row_and_makes_none_twice() {
    for step in ["snapshot.slot-made", "snapshot.durable"] {
        let Some((postgres, _dir, example)) = start("postgres-outbox").await else {
            return;
        };
        let files = ["pipeline.toml", "rows.toml"];
        let insert = |first: u64, last: u64| {
            postgres.sql(&format!(
                "INSERT INTO outbox (kind, body) SELECT 'order-placed', jsonb_build_object('order', n) FROM generate_series({first}, {last}) n"
            ));
        };
        insert(2, 300);
        let mut crashes = spawn(&example, &files, &postgres, &[("DANUBE_WASM_FAILPOINT", step)]);
        assert!(!crashes.wait().success(), "it died where it was told to: {step}");
        drop(crashes);
        insert(301, 400);
        let pipeline = run(&example, &files, &postgres);
        until("each is a row", || (orders(&example).len() >= 400).then_some(())).await;
        pipeline.stop();
        assert_eq!(orders(&example), Vec::from_iter(1..=400), "{step}");
    }
}

/// Inserts, updates with and without the large value, deletions and new keys, chosen by chance from a seed.
const CHANGES: &str = "
SELECT setseed(SEED);
DO $$
DECLARE chance float; chosen text;
BEGIN
    FOR n IN 1..400 LOOP
        chance := random();
        SELECT sku INTO chosen FROM stock ORDER BY random() LIMIT 1;
        IF chance < 0.35 OR chosen IS NULL THEN
            INSERT INTO stock VALUES ('ROUND-' || n, 'New ' || n, n, repeat(md5(random()::text), 100 + n));
        ELSIF chance < 0.65 THEN
            UPDATE stock SET quantity = quantity + 1 WHERE sku = chosen;
        ELSIF chance < 0.75 THEN
            UPDATE stock SET manual = repeat(md5(random()::text), 200) WHERE sku = chosen;
        ELSIF chance < 0.9 THEN
            DELETE FROM stock WHERE sku = chosen;
        ELSE
            UPDATE stock SET sku = 'ROUND-new-' || n, manual = repeat(md5(random()::text), 150) WHERE sku = chosen;
        END IF;
        COMMIT;
    END LOOP;
END $$;";

/// The rows here and there, each as JSON text, in the order of their keys.
fn both_sides(example: &Path, postgres: &Postgres) -> (Vec<Value>, Vec<Value>) {
    let there = postgres.sql("SELECT json_agg(stock ORDER BY sku COLLATE \"C\") FROM stock");
    let there: Vec<Value> = serde_json::from_str(&there).expect("JSON");
    let file = example.join("pipeline.toml").display().to_string();
    let output = cli([
        "query",
        "--json",
        &file,
        "SELECT sku, name, quantity, manual FROM stock",
    ]);
    let here: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let mut here = here[0].as_array().cloned().unwrap_or_default();
    here.sort_by_key(|row| row["sku"].as_str().map(str::to_owned));
    (there, here)
}

/// Keys and quantities of the first rows that are not the same there and here.
fn difference(there: &[Value], here: &[Value]) -> Option<String> {
    let rows = there.len().max(here.len());
    let row = (0..rows).find(|row| there.get(*row) != here.get(*row))?;
    let show = |rows: &[Value]| {
        let shown = |row: &Value| format!("{} {} {}", row["sku"], row["quantity"], row["manual"].to_string().len());
        rows.get(row).map_or("nothing".to_owned(), shown)
    };
    Some(format!(
        "row {row} of {} and {}: {} there, {} here",
        there.len(),
        here.len(),
        show(there),
        show(here)
    ))
}

/// The rows of both sides, when they are the same or have had time to be.
fn settled(example: &Path, postgres: &Postgres) -> (usize, Option<String>) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let (there, here) = both_sides(example, postgres);
        let difference = difference(&there, &here);
        if difference.is_none() || Instant::now() > deadline {
            return (there.len(), difference);
        }
    }
}

/// A snapshot that is taken again finds no row that was deleted since the first, and the first is rows by then.
#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_has_no_row_that_was_deleted_after_a_snapshot_that_was_cut_off() {
    let Some((postgres, _dir, example)) = start("postgres-mirror").await else {
        return;
    };
    let files = ["pipeline.toml"];
    postgres.sql(
        "ALTER TABLE stock ALTER manual SET STORAGE EXTERNAL; \
         INSERT INTO stock SELECT 'row-' || n, 'Row', n, repeat('x', 3000) FROM generate_series(1, 200) n",
    );
    for round in 0..3 {
        let mut crashes = spawn(
            &example,
            &files,
            &postgres,
            &[("DANUBE_WASM_FAILPOINT", "snapshot.durable")],
        );
        assert!(!crashes.wait().success(), "it died where it was told to");
        drop(crashes);
        // What only the stream has: rows that are gone, large values that were not sent, new keys.
        postgres.sql(&format!(
            "DELETE FROM stock WHERE quantity % 7 = {round}; UPDATE stock SET quantity = quantity + 1000 WHERE quantity % 5 = {round}; \
             UPDATE stock SET sku = 'new-' || sku, manual = repeat('y', 3000) WHERE quantity % 11 = {round}"
        ));
    }
    let pipeline = run(&example, &files, &postgres);
    let (rows, difference) = settled(&example, &postgres);
    assert!(rows > 50, "{rows} rows");
    assert_eq!(difference, None);
    pipeline.stop();
}

/// Reported of other connectors: a deletion leaves its row, an update without its large value empties it, and a new key leaves
/// the old row.
#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_has_each_row_as_it_is_through_kills_of_both_sides() {
    let Some((mut postgres, _dir, example)) = start("postgres-mirror").await else {
        return;
    };
    let files = ["pipeline.toml"];
    postgres.sql("ALTER TABLE stock ALTER manual SET STORAGE EXTERNAL");
    let mut pipeline = run(&example, &files, &postgres);
    for round in 0..4 {
        let changes = CHANGES
            .replace("SEED", &format!("0.{round}7"))
            .replace("ROUND", &format!("r{round}"));
        postgres.sql(&changes);
        if round % 2 == 0 {
            pipeline.kill();
            pipeline = run(&example, &files, &postgres);
        } else {
            postgres.kill_and_restart().await;
        }
    }
    postgres.sql("INSERT INTO stock VALUES ('zz', 'Last', 1, NULL)");
    until("the last row is here", || {
        let (_, here) = both_sides(&example, &postgres);
        here.last().filter(|row| row["sku"] == "zz").map(|_| ())
    })
    .await;
    // Order is kept for each key: what was done to others before the last row may come after it.
    let (rows, difference) = settled(&example, &postgres);
    assert!(rows > 100, "{rows} rows");
    assert_eq!(difference, None);
    pipeline.stop();
}
