//! Values of every type, as they were sent, or refused by name.

use danube_wasm_model::door::Egress as _;
use serde_json::{Value, json};

use crate::support::{append, insert, one, reader, refused, report, sink};

const TYPES: &str = r#"
create = true
field_mappings = [
    { pointer = "/key", column = "key", type = "integer", nullable = false },
    { pointer = "/string", column = "string", type = "string" },
    { pointer = "/long", column = "long", type = "long" },
    { pointer = "/short", column = "short", type = "short" },
    { pointer = "/byte", column = "byte", type = "byte" },
    { pointer = "/double", column = "double", type = "double" },
    { pointer = "/float", column = "float", type = "float" },
    { pointer = "/decimal", column = "decimal", type = "decimal(38,10)" },
    { pointer = "/boolean", column = "boolean", type = "boolean" },
    { pointer = "/binary", column = "binary", type = "binary" },
    { pointer = "/date", column = "date", type = "date" },
    { pointer = "/timestamp", column = "timestamp", type = "timestamp" },
    { pointer = "/local", column = "local", type = "timestamp_ntz" },
    { pointer = "/deep/list/1", column = "second", type = "string" },
]
"#;

/// Values at the ends of their types, as they are sent and as they are read.
fn edges() -> Vec<(&'static str, Value, Value)> {
    let text = |of: &str| (json!(of), json!(of));
    let of = |column, (sent, read): (Value, Value)| (column, sent, read);
    let (long_text, same) = text(&"ä".repeat(500_000));
    vec![
        (
            "long",
            json!(9_007_199_254_740_993_i64),
            json!(9_007_199_254_740_993_i64),
        ),
        (
            "long",
            json!(9_007_199_254_740_991_i64),
            json!(9_007_199_254_740_991_i64),
        ),
        ("long", json!(i64::MAX), json!(i64::MAX)),
        ("long", json!(i64::MIN), json!(i64::MIN)),
        ("short", json!(-32_768), json!(-32_768)),
        ("byte", json!(127), json!(127)),
        ("double", json!(0.1), json!(0.1)),
        (
            "double",
            json!(-1.797_693_134_862_315_7e308),
            json!(-1.797_693_134_862_315_7e308),
        ),
        ("float", json!(1.5), json!(1.5)),
        (
            "decimal",
            json!("1234567890123456789012345678.0123456789"),
            json!("1234567890123456789012345678.0123456789"),
        ),
        ("decimal", json!(-0.5), json!("-0.5000000000")),
        ("boolean", json!(false), json!(false)),
        of("binary", text("AP9hYg==")),
        of("date", text("0001-01-01")),
        of("date", text("9999-12-31")),
        (
            "timestamp",
            json!("2024-01-31T23:30:00.000001-02:00"),
            json!("2024-02-01T01:30:00.000001+00:00"),
        ),
        (
            "timestamp",
            json!("9999-12-31T23:59:59.999999Z"),
            json!("9999-12-31T23:59:59.999999+00:00"),
        ),
        ("timestamp", json!(-1), json!("1969-12-31T23:59:59.999999+00:00")),
        of("local", text("2024-01-31T23:30:00.5")),
        of("string", text("a\u{0}b \u{1f600} \"quoted\"")),
        of("string", text("")),
        ("string", long_text, same),
        ("string", json!({"a": [1, null]}), json!("{\"a\":[1,null]}")),
        ("string", Value::Null, Value::Null),
    ]
}

#[tokio::test]
async fn every_value_that_a_column_holds_is_read_as_it_was_sent() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    let sink = sink(&one(&url, TYPES));
    let edges = edges();
    let writes = edges.iter().enumerate().map(|(key, (column, sent, _))| {
        insert(
            &key.to_string(),
            &json!({"key": key, *column: sent, "deep": {"list": [0, "x"]}}).to_string(),
        )
    });
    append(&sink, &writes.collect::<Vec<_>>()).await;
    sink.close().await.expect("it closes");
    if !reader::is_installed() {
        return;
    }
    let read = reader::read(&url);
    assert_eq!(read.rows.len(), edges.len());
    for row in &read.rows {
        let (column, _, expected) = &edges[usize::try_from(row["key"].as_u64().expect("a key")).expect("small")];
        let found = &row[*column];
        let is_same_moment = *column == "local"
            && found
                .as_str()
                .is_some_and(|text| text.starts_with("2024-01-31T23:30:00.5"));
        assert!(
            found == expected || is_same_moment,
            "{column}: {found} is not {expected}"
        );
        assert_eq!(row["second"], "x");
    }
    // The engine of another program.
    let counted = reader::clickhouse(&format!(
        "SELECT count() AS rows, max(long) AS long, toString(min(timestamp)) AS first, max(decimal) AS decimal \
         FROM deltaLakeLocal('{url}') SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_quote_decimals = 1"
    ));
    assert_eq!(counted[0]["rows"], edges.len());
    assert_eq!(counted[0]["long"], i64::MAX);
    assert_eq!(counted[0]["decimal"], "1234567890123456789012345678.0123456789");
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_with_its_pointer_value_column_and_type() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    let sink = sink(&one(&url, TYPES));
    for (column, value, says) in [
        (
            "long",
            "18446744073709551615",
            "(long) does not hold: it is not from -9223372036854775808",
        ),
        ("long", "5.7", "(long) does not hold: it is not a whole number"),
        (
            "long",
            "\"1234\"",
            "`/long` is \"1234\", which column `long` (long) does not hold",
        ),
        ("byte", "128", "(byte)"),
        ("double", "9007199254740993", "it would be 9007199254740992"),
        ("double", "1e400", "too large"),
        ("decimal", "0.00000000001", "more than 10 digits behind the point"),
        ("boolean", "1", "neither true nor false"),
        ("binary", "\"???\"", "not Base64"),
        ("date", "\"2023-02-29\"", "not a date"),
        ("date", "\"10000-01-01\"", "not a date"),
        ("timestamp", "\"2024-01-31T23:30:00\"", "not a moment"),
        ("timestamp", "\"2016-12-31T23:59:60Z\"", "not a moment"),
        (
            "timestamp",
            "\"2024-01-01T00:00:00.0000001Z\"",
            "finer than a microsecond",
        ),
        ("local", "\"2024-01-31T23:30:00Z\"", "without a zone"),
        ("string", "\"\\ud800\"", "not Unicode"),
        ("key", "null", "may not be null"),
    ] {
        let body = if column == "key" {
            "{}".to_owned()
        } else {
            format!("{{\"key\":1,\"{column}\":{value}}}")
        };
        let why = refused(&sink, &body).await;
        assert!(
            why.contains(says) && why.contains(&format!("`/{column}`")),
            "{body}: {why}"
        );
    }
    assert!(refused(&sink, "[1]").await.contains("not a JSON object"));
    assert!(refused(&sink, "{").await.contains("not valid JSON"));
}

/// delta-io/delta-rs#2478: times without a zone in a column of moments could be compared with nothing later.
#[tokio::test]
async fn moments_that_were_sent_with_different_offsets_are_equal_to_other_programs() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    let sink = sink(&one(&url, TYPES));
    let moments = [
        "2024-01-31T23:30:00.000001-02:00",
        "2024-02-01T01:30:00.000001Z",
        "2024-02-01T07:00:00.000001+05:30",
        "2024-02-01T01:30:00.000002Z",
    ];
    let write =
        |(key, moment): (usize, &str)| insert(&key.to_string(), &json!({"key": key, "timestamp": moment}).to_string());
    append(&sink, &moments.into_iter().enumerate().map(write).collect::<Vec<_>>()).await;
    sink.close().await.expect("it closes");
    if !reader::is_installed() {
        return;
    }
    let found = reader::clickhouse(&format!(
        "SELECT uniqExact(timestamp) AS moments, countIf(timestamp = toDateTime64('2024-02-01 01:30:00.000001', 6, 'UTC')) AS equal, \
         countIf(timestamp < toDateTime64('2024-02-01 01:30:00.000002', 6, 'UTC')) AS before \
         FROM deltaLakeLocal('{url}') SETTINGS output_format_json_quote_64bit_integers = 0"
    ));
    assert_eq!(
        (&found[0]["moments"], &found[0]["equal"], &found[0]["before"]),
        (&json!(2), &json!(3), &json!(3)),
        "{found}"
    );
    let read = reader::read(&url);
    let is_of_utc = |row: &Value| row["timestamp"].as_str().is_some_and(|text| text.ends_with("+00:00"));
    assert!(read.rows.len() == 4 && read.rows.iter().all(is_of_utc), "{read:?}");
}

#[tokio::test]
async fn one_bad_record_does_not_drop_its_batch() {
    // delta-io/delta#882, ArroyoSystems/arroyo#477
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    let sink = sink(&one(&url, TYPES));
    let mut writes: Vec<_> = (0..3_000)
        .map(|key| insert(&key.to_string(), &format!("{{\"key\":{key}}}")))
        .collect();
    writes[1_500].body = "{\"key\":\"poison\"}".into();
    let report = report(&sink, &writes).await;
    assert_eq!(report.refused.len(), 1);
    assert_eq!(report.refused[0].0, 1_500);
    if reader::is_installed() {
        // danube-connect lost the rows beyond 1,024.
        assert_eq!(reader::read(&url).rows.len(), 2_999);
    }
}

#[tokio::test]
async fn fields_without_a_column_are_refused_dropped_or_kept_as_the_file_says() {
    let dir = tempfile::tempdir().expect("a directory");
    for (keys, rest) in [
        ("unknown_fields = \"refuse\"", None),
        ("", Some(Value::Null)),
        ("rest_column = \"rest\"", Some(json!("{\"x/y\":1.50,\"z\":null}"))),
    ] {
        let url = dir.path().join(format!("table{}", keys.len())).display().to_string();
        let mapping = "create = true\nfield_mappings = [{ pointer = \"/n\", column = \"n\", type = \"long\" }]\n";
        let sink = sink(&one(&url, &format!("{mapping}{keys}")));
        let body = "{\"n\":1,\"x/y\":1.50,\"z\":null}";
        let Some(rest) = rest else {
            assert!(refused(&sink, body).await.contains("`/x~1y` has no column"));
            continue;
        };
        append(&sink, &[insert("1", body)]).await;
        if reader::is_installed() {
            let read = reader::read(&url);
            assert_eq!(read.rows[0].get("rest").cloned().unwrap_or_default(), rest);
        }
    }
}

#[tokio::test]
async fn a_table_without_field_mappings_has_its_columns_by_their_names() {
    if !reader::is_installed() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let url = dir.path().join("table").display().to_string();
    let row = json!([{"n": 0, "tags": ["a"], "of": {"x": 1, "y": "z"}}]);
    reader::python("writer.py", &[&url, "{}", &row.to_string(), "error"]);
    let sink = sink(&one(&url, ""));
    append(
        &sink,
        &[insert(
            "1",
            "{\"n\":1,\"of\":{\"y\":\"w\",\"x\":-1},\"tags\":[\"b\",null]}",
        )],
    )
    .await;
    append(&sink, &[insert("2", "{}")]).await;
    assert!(
        refused(&sink, "{\"of\":{\"x\":\"text\"}}")
            .await
            .contains("`/of/x` is \"text\"")
    );
    assert!(refused(&sink, "{\"of\":{\"z\":1}}").await.contains("`/of/z` is 1"));
    assert!(refused(&sink, "{\"other\":1}").await.contains("`/other` has no column"));
    let mut rows = reader::read(&url).rows;
    rows.sort_by_key(|row| row["n"].as_i64());
    assert_eq!(rows[0], json!({"n": null, "tags": null, "of": null}));
    assert_eq!(rows[2], json!({"n": 1, "tags": ["b", null], "of": {"x": -1, "y": "w"}}));
}
