//! Every type of the page's table, as a snapshot has it and as the stream has it.

use serde_json::{Value, json};

use crate::support::{
    server::Postgres,
    source::{Change as _, PostgresProcess as _, Process, new_log, table},
};

/// Type, value in SQL, and what becomes of it.
fn values() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("int2", "-32768", json!(-32768)),
        ("int4", "2147483647", json!(2_147_483_647)),
        ("int8", "9007199254740993", json!(9_007_199_254_740_993_i64)),
        ("numeric(12,2)", "12345.60", json!("12345.60")),
        ("numeric", "'NaN'", json!("NaN")),
        ("float4", "1.5", json!(1.5)),
        ("float8", "-1e300", json!(-1e300)),
        ("float8", "'Infinity'", json!("Infinity")),
        ("bool", "true", json!(true)),
        ("text", "E'a\"\\n\u{fc}'", json!("a\"\n\u{fc}")),
        ("varchar(10)", "'v'", json!("v")),
        ("char(3)", "'c'", json!("c  ")),
        (
            "uuid",
            "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
            json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ),
        ("mood", "'happy'", json!("happy")),
        ("inet", "'10.0.0.1/8'", json!("10.0.0.1/8")),
        ("int4range", "'[1,5)'", json!("[1,5)")),
        ("point", "'(1,2)'", json!("(1,2)")),
        ("tsvector", "'b a'", json!("'a' 'b'")),
        ("money", "1.5", json!("$1.50")),
        ("date", "'2024-02-29'", json!("2024-02-29")),
        ("time", "'03:04:05.6'", json!("03:04:05.6")),
        ("timetz", "'03:04:05+02'", json!("03:04:05+02")),
        ("timestamp", "'2024-02-29 03:04:05.6'", json!("2024-02-29T03:04:05.6")),
        ("timestamp", "'infinity'", json!("infinity")),
        (
            "timestamptz",
            "'2024-02-29 03:04:05+02'",
            json!("2024-02-29T01:04:05.000000Z"),
        ),
        ("timestamptz", "'-infinity'", json!("-infinity")),
        ("interval", "'1 day 2 hours'", json!("P1DT2H")),
        ("json", "'{\"a\": 1.00}'", json!({"a": 1.00})),
        ("jsonb", "'[null, {\"b\": 2}]'", json!([null, {"b": 2}])),
        ("bytea", "'\\x00ff'", json!("AP8=")),
        ("int4[]", "'{1,NULL,3}'", json!([1, null, 3])),
        ("int4[]", "'{{1,2},{3,4}}'", json!([[1, 2], [3, 4]])),
        (
            "text[]",
            "ARRAY['a,b', 'NULL', NULL, '']",
            json!(["a,b", "NULL", null, ""]),
        ),
        ("jsonb[]", "ARRAY['{\"a\":1}'::jsonb]", json!([{"a": 1}])),
        (
            "timestamptz[]",
            "ARRAY['2024-01-01Z'::timestamptz]",
            json!(["2024-01-01T00:00:00.000000Z"]),
        ),
        ("mood[]", "ARRAY['sad'::mood]", json!(["sad"])),
        ("pair", "ROW(1, 'x')::pair", json!("(1,x)")),
        ("positive", "7", json!(7)),
        ("positive[]", "ARRAY[7]::positive[]", json!([7])),
        ("flags", "ARRAY[true]", json!([true])),
        (
            "box[]",
            "'{(1,1),(0,0);(2,2),(1,1)}'",
            json!(["(1,1),(0,0)", "(2,2),(1,1)"]),
        ),
        ("hstore", "'a=>1, b=>NULL'", json!({"a": "1", "b": null})),
        ("bit(3)", "B'101'", json!("101")),
        ("xid8", "'5'", json!("5")),
        ("macaddr", "'08:00:2b:01:02:03'", json!("08:00:2b:01:02:03")),
        ("text", "NULL", Value::Null),
        ("int4", "NULL", Value::Null),
    ]
}

const TYPES: &str = "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b text); \
    CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN flags AS bool[]; ";

#[tokio::test(flavor = "multi_thread")]
async fn each_type_is_written_as_the_page_says_in_the_snapshot_and_in_the_stream() {
    // The server's own settings are others than ours.
    let lines = "datestyle = 'SQL, DMY'\nintervalstyle = sql_standard\ntimezone = 'Asia/Tokyo'\nbytea_output = escape\n\
                 extra_float_digits = 0";
    let Some(postgres) = Postgres::start(lines).await else {
        return;
    };
    let available = "SELECT count(*) FROM pg_available_extensions WHERE name = 'hstore'";
    let has_hstore = postgres.sql(available) == "1";
    let values: Vec<_> = values()
        .into_iter()
        .filter(|(kind, ..)| has_hstore || *kind != "hstore")
        .collect();
    let columns: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(n, (kind, ..))| format!("c{n} {kind}"))
        .collect();
    let list: Vec<_> = values.iter().map(|(_, value, _)| *value).collect();
    let insert = |id: u32| format!("INSERT INTO everything VALUES ({id}, {});", list.join(", "));
    let extension = if has_hstore { "CREATE EXTENSION hstore;" } else { "" };
    postgres.sql(&format!(
        "{extension}{TYPES} CREATE TABLE everything (id int PRIMARY KEY, {}); CREATE PUBLICATION danube FOR TABLE everything; \
         GRANT SELECT ON everything TO danube; {}",
        columns.join(", "),
        insert(1)
    ));
    let log = new_log();
    let process = Process::start(&log, &table(postgres.port, &["everything"], "")).await;
    process.streaming(1).await;
    postgres.sql(&insert(2));
    let records = log.records(2).await;
    assert_eq!(records[0].op(), "read");
    assert_eq!(records[1].op(), "insert");
    for record in &records {
        let row: Value = serde_json::from_str(&record.text).expect("JSON");
        for (n, (kind, value, expected)) in values.iter().enumerate() {
            assert_eq!(row[format!("c{n}")], *expected, "{kind} {value} of a {}", record.op());
        }
    }
    assert_eq!(
        records[0].text.replacen("\"id\":1,", "", 1),
        records[1].text.replacen("\"id\":2,", "", 1),
        "both are written alike, byte by byte"
    );
    assert_eq!(
        records[0].attribute("pg.schema-version"),
        records[1].attribute("pg.schema-version")
    );
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_integer_is_text_where_that_is_asked_for() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(
        "CREATE TABLE t (id int8 PRIMARY KEY, n int8[]); CREATE PUBLICATION danube FOR TABLE t; GRANT SELECT ON t TO danube; \
         INSERT INTO t VALUES (9007199254740993, '{1}')",
    );
    let log = new_log();
    let process = Process::start(&log, &table(postgres.port, &["t"], "int8 = \"string\"")).await;
    let records = log.records(1).await;
    assert_eq!(records[0].text, r#"{"id":"9007199254740993","n":["1"]}"#);
    assert_eq!(records[0].key, r#"["9007199254740993"]"#);
    process.stop().await;
}
