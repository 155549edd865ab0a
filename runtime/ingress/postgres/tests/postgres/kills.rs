//! A workload with kills on both sides: what a reader of the records has at the end is what the database has.

use std::collections::{BTreeMap, HashMap};

use crate::support::{
    server::Postgres,
    source::{Change as _, PostgresProcess as _, Process, Record, new_log, table},
};

/// Numbers that are the same at each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A transaction of a few changes of a few rows, now and then one that is rolled back.
    fn transaction(&mut self) -> String {
        let mut statements = "BEGIN;\n".to_owned();
        for _ in 0..=self.below(4) {
            let (id, n) = (self.below(30), self.below(1000));
            statements.push_str(&match self.below(10) {
                0 | 1 => format!("DELETE FROM a WHERE id = {id};\n"),
                2 => format!("UPDATE a SET id = id + 1000 WHERE id = {id} AND NOT EXISTS (SELECT FROM a WHERE id = {id} + 1000);\n"),
                3 => format!("DELETE FROM a WHERE id = {id} + 1000;\n"),
                4 => format!("UPDATE a SET n = {n} WHERE id < {id};\n"),
                _ => format!("INSERT INTO a VALUES ({id}, {n}, repeat('{n}', 3000)) ON CONFLICT (id) DO UPDATE SET n = {n};\n"),
            });
        }
        statements.push_str(if self.below(8) == 0 { "ROLLBACK;\n" } else { "COMMIT;\n" });
        statements
    }
}

/// What a sink makes of the records: of each event once, merged where a value was not sent, the highest order of a key last.
fn applied(records: &[Record]) -> BTreeMap<String, (u64, String)> {
    let mut seen = HashMap::new();
    let mut rows: BTreeMap<String, serde_json::Map<String, serde_json::Value>> = BTreeMap::new();
    for record in records {
        if let Some(before) = seen.insert(record.id.clone(), record.text.clone()) {
            assert_eq!(before, record.text, "{} comes again as another", record.id);
            continue;
        }
        let row: serde_json::Map<_, _> = serde_json::from_str(&record.text).expect("JSON");
        match record.op() {
            "delete" => drop(rows.remove(&record.key)),
            // Of a new key, what was not sent is what the old one had.
            "update" if record.attribute("change.key-changed") == "true" => drop(rows.insert(record.key.clone(), row)),
            _ => rows.entry(record.key.clone()).or_default().extend(row),
        }
    }
    let rows = rows.into_iter().map(|(key, row)| {
        let body = row.get("body").and_then(|body| body.as_str()).unwrap_or("?").len();
        (key, (row["n"].as_u64().expect("a number"), body.to_string()))
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_is_what_is_there_after_kills_on_both_sides() {
    let Some(mut postgres) = Postgres::start("").await else {
        return;
    };
    // The whole old row: a key that changes takes its large value along.
    postgres.sql(
        "CREATE TABLE a (id int PRIMARY KEY, n int, body text); ALTER TABLE a ALTER body SET STORAGE EXTERNAL; \
         ALTER TABLE a REPLICA IDENTITY FULL; GRANT SELECT ON a TO danube; CREATE PUBLICATION danube FOR TABLE a; \
         INSERT INTO a SELECT n, n, repeat('x', 3000) FROM generate_series(1, 20) n",
    );
    let (log, mut dice) = (new_log(), Dice(7));
    let table = table(postgres.port, &["a"], "");
    let mut process = Process::start(&log, &table).await;
    process.streaming(1).await;
    for round in 0..50 {
        let writes: String = (0..30).map(|_| dice.transaction()).collect();
        postgres.sql(&writes);
        match dice.below(4) {
            0 => postgres.kill_and_restart().await,
            1 => {
                process.shut();
                process.kill().await;
                process = Process::start(&log, &table).await;
            }
            _ => {
                // Some of it is durable by now, and some is not.
                let mark = format!("INSERT INTO a VALUES (-{round}, 0, '') ON CONFLICT DO NOTHING");
                postgres.sql(&mark);
                process.kill().await;
                process = Process::start(&log, &table).await;
            }
        }
    }
    postgres.sql("INSERT INTO a VALUES (99999, 1, '')");
    let records = log
        .until("the last row is there", |records| {
            records.iter().any(|record| record.key == "[99999]")
        })
        .await;
    let there = postgres.sql("SELECT '[' || id || ']', n, length(body) FROM a");
    let there: BTreeMap<_, _> = there
        .lines()
        .map(|line| {
            let mut columns = line.split('|').map(str::to_owned);
            let mut next = || columns.next().expect("three columns");
            (next(), (next().parse().expect("a number"), next()))
        })
        .collect();
    assert_eq!(applied(&records), there);
    process.stop().await;
}
