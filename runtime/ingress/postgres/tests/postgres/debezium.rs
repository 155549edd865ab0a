//! The envelope of Debezium, beside Debezium: the same changes through both, compared record by record.

use serde_json::{Value, json};

use crate::support::{
    debezium::{self, Debezium},
    server::Postgres,
    source::{PostgresProcess as _, Process, new_log, table},
};

const TABLES: &str = "
CREATE TABLE customers (id int PRIMARY KEY, name text, balance numeric(12, 3), seen timestamptz, manual text);
ALTER TABLE customers ALTER manual SET STORAGE EXTERNAL;
CREATE TABLE parts (maker text, code smallint, weight double precision, price real, PRIMARY KEY (maker, code));
ALTER TABLE parts REPLICA IDENTITY FULL;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE kinds (
    id bigint PRIMARY KEY, yes boolean, bytes bytea, day date, moment timestamp, hour time, uid uuid, mood mood, doc jsonb,
    span interval, words text[], net inet, letters char(5), short varchar(10)
);
CREATE PUBLICATION danube FOR ALL TABLES";

const CHANGES: &str = "
INSERT INTO customers VALUES (1, 'Ann', 12.500, '2024-02-29 01:04:05.25+00', repeat('m', 9000));
INSERT INTO customers VALUES (2, 'Bob \"B\" Ünal', NULL, NULL, NULL);
UPDATE customers SET balance = -0.001 WHERE id = 1;
UPDATE customers SET id = 3 WHERE id = 2;
DELETE FROM customers WHERE id = 3;
BEGIN;
INSERT INTO parts VALUES ('acme', 7, 1.5, 2.25), ('acme', 8, -1e300, 0);
UPDATE parts SET weight = 0.1 WHERE code = 7;
UPDATE parts SET code = 9 WHERE code = 8;
DELETE FROM parts WHERE code = 7;
COMMIT;
INSERT INTO kinds VALUES (9007199254740993, true, '\\x00ff', '2024-02-29', '2024-02-29 03:04:05.678901', '23:59:59.5',
    '0b6ef4b4-9f4d-4dd3-a5b0-8a3a1b0b8f11', 'sad', '{\"a\": [1, 2.50]}', '1 year 2 days 03:04:05', '{a,NULL,\"b c\"}', '10.0.0.1/8', 'ab', 'cd');
INSERT INTO kinds (id) VALUES (2);
UPDATE kinds SET yes = false WHERE id = 2;
TRUNCATE kinds";

const EVENTS: usize = 16;

/// Fields of `source` that say what was done where, not by whom it is told or when that was read.
const PLACE: [&str; 8] = ["connector", "db", "schema", "table", "txId", "lsn", "ts_ms", "snapshot"];

/// What the two may be compared by.
fn comparable(event: &Value) -> Value {
    let mut place = PLACE.map(|name| (name, event["source"][name].clone()));
    // Of a truncation Debezium tells the place of the transaction's end.
    if event["op"] == "t" {
        place[5].1 = Value::Null;
    }
    let place: Value = place
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({ "op": event["op"], "before": event["before"], "after": event["after"], "source": place })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_envelope_of_debezium_is_what_debezium_writes() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(TABLES);
    postgres.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO danube");
    let Some(debezium) = Debezium::start(postgres.port, "public.customers,public.parts,public.kinds") else {
        return;
    };
    let log = new_log();
    let tables = ["customers", "parts", "kinds"];
    let config = table(postgres.port, &tables, "snapshot = \"never\"\nenvelope = \"debezium\"");
    let process = Process::start(&log, &config).await;
    process.streaming(1).await;
    let active = format!(
        "SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name = '{}'",
        debezium::SLOT
    );
    postgres.until("Debezium reads", &active, "1").await;
    postgres.sql(CHANGES);
    let theirs = debezium.events(EVENTS).await;
    let ours = log.records(EVENTS).await;
    let ours: Vec<Value> = ours
        .iter()
        .map(|record| serde_json::from_str(&record.text).expect("JSON"))
        .collect();
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_equal(&comparable(ours), &comparable(theirs));
    }
    assert_eq!(ours.len(), theirs.len());
    process.stop().await;
}

/// Says which fields differ, and how.
fn assert_equal(ours: &Value, theirs: &Value) {
    let mut differences = Vec::new();
    differ("", ours, theirs, &mut differences);
    assert!(
        differences.is_empty(),
        "{}\nours:   {ours}\ntheirs: {theirs}",
        differences.join("\n")
    );
}

fn differ(at: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    if let (Value::Object(a), Value::Object(b)) = (ours, theirs) {
        let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
        for name in names {
            differ(&format!("{at}/{name}"), &ours[name], &theirs[name], found);
        }
    } else if ours != theirs && !is_known(ours, theirs) {
        found.push(format!("{at}: ours {ours}, theirs {theirs}"));
    }
}

/// Whether it is one value in two spellings, which docs/sources/postgres.md names: `0` and `0.0` are one number of JSON; a
/// date or time without a zone ends in `Z` there, JSON is text there, and an interval has its zeros.
fn is_known(ours: &Value, theirs: &Value) -> bool {
    let is_one_float = theirs.is_f64() && ours.is_number() && ours.as_f64() == theirs.as_f64();
    let Some(text) = theirs.as_str() else {
        return is_one_float;
    };
    let is_json_text = !ours.is_string() && serde_json::from_str::<Value>(text).is_ok_and(|value| value == *ours);
    let is_without_zone = ours.as_str().is_some_and(|ours| text.strip_suffix('Z') == Some(ours));
    is_json_text || is_without_zone || (text == "P1Y0M2DT3H4M5S" && ours == "P1Y2DT3H4M5S")
}
