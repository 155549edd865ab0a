//! Values at the edges of every type, read back by the engine: each is stored as it was, or refused by pointer, value and type.

use serde_json::Value;

use crate::support::{Database, insert, report};

/// A value in JSON, and what the engine says of it; nothing where it is to be refused.
type Case = (&'static str, Option<&'static str>);

/// A type, how its values are read, and values.
type Cases = (&'static str, &'static str, &'static [Case]);

const ALL: &[Cases] = &[
    (
        "Bool",
        "toString(v)",
        &[
            ("true", Some("true")),
            ("false", Some("false")),
            ("1", None),
            ("\"true\"", None),
            ("null", None),
        ],
    ),
    (
        "UInt8",
        "toString(v)",
        &[
            ("0", Some("0")),
            ("255", Some("255")),
            ("\"255\"", Some("255")),
            ("1.0", Some("1")),
            ("2.55e2", Some("255")),
            ("256", None),
            ("300", None),
            ("-1", None),
            ("1.5", None),
            ("true", None),
            ("\"x\"", None),
            ("null", None),
            ("[]", None),
        ],
    ),
    (
        "Int8",
        "toString(v)",
        &[
            ("-128", Some("-128")),
            ("127", Some("127")),
            ("128", None),
            ("-129", None),
        ],
    ),
    ("UInt16", "toString(v)", &[("65535", Some("65535")), ("65536", None)]),
    ("Int16", "toString(v)", &[("-32768", Some("-32768")), ("32768", None)]),
    (
        "UInt32",
        "toString(v)",
        &[("4294967295", Some("4294967295")), ("4294967296", None)],
    ),
    (
        "Int32",
        "toString(v)",
        &[("-2147483648", Some("-2147483648")), ("2147483648", None)],
    ),
    (
        "Int64",
        "toString(v)",
        &[
            ("9007199254740991", Some("9007199254740991")),
            ("9007199254740992", Some("9007199254740992")),
            ("9007199254740993", Some("9007199254740993")),
            ("\"9223372036854775807\"", Some("9223372036854775807")),
            ("-9223372036854775808", Some("-9223372036854775808")),
            ("9223372036854775808", None),
            ("99999999999999999999", None),
        ],
    ),
    (
        "UInt64",
        "toString(v)",
        &[
            ("18446744073709551615", Some("18446744073709551615")),
            ("18446744073709551616", None),
            ("-1", None),
        ],
    ),
    (
        "Int128",
        "toString(v)",
        &[
            (
                "170141183460469231731687303715884105727",
                Some("170141183460469231731687303715884105727"),
            ),
            (
                "-170141183460469231731687303715884105728",
                Some("-170141183460469231731687303715884105728"),
            ),
            ("170141183460469231731687303715884105728", None),
        ],
    ),
    (
        "UInt128",
        "toString(v)",
        &[
            (
                "340282366920938463463374607431768211455",
                Some("340282366920938463463374607431768211455"),
            ),
            ("340282366920938463463374607431768211456", None),
            ("-1", None),
        ],
    ),
    (
        "Int256",
        "toString(v)",
        &[
            (
                "57896044618658097711785492504343953926634992332820282019728792003956564819967",
                Some("57896044618658097711785492504343953926634992332820282019728792003956564819967"),
            ),
            (
                "-57896044618658097711785492504343953926634992332820282019728792003956564819968",
                Some("-57896044618658097711785492504343953926634992332820282019728792003956564819968"),
            ),
            (
                "57896044618658097711785492504343953926634992332820282019728792003956564819968",
                None,
            ),
            ("-1", Some("-1")),
        ],
    ),
    (
        "UInt256",
        "toString(v)",
        &[
            (
                "115792089237316195423570985008687907853269984665640564039457584007913129639935",
                Some("115792089237316195423570985008687907853269984665640564039457584007913129639935"),
            ),
            (
                "115792089237316195423570985008687907853269984665640564039457584007913129639936",
                None,
            ),
        ],
    ),
    (
        "Float64",
        "toString(v)",
        &[
            ("0.1", Some("0.1")),
            ("1.7976931348623157e308", Some("1.7976931348623157e308")),
            ("5e-324", Some("5e-324")),
            ("9007199254740992", Some("9007199254740992")),
            ("9007199254740993", None),
            ("1e309", None),
            ("1e-400", None),
            ("\"0.1\"", None),
            ("\"NaN\"", None),
        ],
    ),
    (
        "Float32",
        "toString(v)",
        &[
            ("0.5", Some("0.5")),
            ("3.4028235e38", Some("3.4028235e38")),
            ("16777216", Some("16777216")),
            ("16777217", None),
            ("1e40", None),
        ],
    ),
    (
        "BFloat16",
        "toString(v)",
        &[
            ("1.5", Some("1.5")),
            ("256", Some("256")),
            ("257", None),
            ("3.4e38", None),
        ],
    ),
    (
        "Decimal(10, 2)",
        "toString(v)",
        &[
            ("1.23", Some("1.23")),
            ("\"99999999.99\"", Some("99999999.99")),
            ("-99999999.99", Some("-99999999.99")),
            ("1.230", Some("1.23")),
            ("1.239", None),
            ("100000000", None),
            ("\"x\"", None),
        ],
    ),
    (
        "Decimal(18, 18)",
        "toString(v)",
        &[("0.123456789012345678", Some("0.123456789012345678")), ("1", None)],
    ),
    (
        "Decimal(76, 38)",
        "toString(v)",
        &[
            (
                "-12345678901234567890123456789012345678.12345678901234567890123456789012345678",
                Some("-12345678901234567890123456789012345678.12345678901234567890123456789012345678"),
            ),
            ("100000000000000000000000000000000000000", None),
            ("0.000000000000000000000000000000000000001", None),
        ],
    ),
    (
        "String",
        "v",
        &[
            ("\"\"", Some("")),
            ("\"a\\u0000b\"", Some("a\0b")),
            ("\"\\ud83d\\ude00\"", Some("😀")),
            ("\"ü \\\"x\\\" \\\\ \\n\"", Some("ü \"x\" \\ \n")),
            ("\"\\ud800\"", None),
            ("\"\\udc00x\"", None),
            ("5", None),
            ("{\"a\":1}", None),
            ("null", None),
        ],
    ),
    (
        "FixedString(4)",
        "v",
        &[
            ("\"abcd\"", Some("abcd")),
            ("\"ab\"", Some("ab\0\0")),
            ("\"abcde\"", None),
            ("\"üüü\"", None),
        ],
    ),
    (
        "UUID",
        "toString(v)",
        &[
            (
                "\"61f0c404-5cb3-11e7-907b-a6006ad3dba0\"",
                Some("61f0c404-5cb3-11e7-907b-a6006ad3dba0"),
            ),
            (
                "\"FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\"",
                Some("ffffffff-ffff-ffff-ffff-ffffffffffff"),
            ),
            ("\"61f0c4045cb311e7907ba6006ad3dba0\"", None),
            ("\"x\"", None),
        ],
    ),
    (
        "IPv4",
        "toString(v)",
        &[
            ("\"255.0.0.1\"", Some("255.0.0.1")),
            ("\"256.0.0.1\"", None),
            ("\"::1\"", None),
            ("1", None),
        ],
    ),
    (
        "IPv6",
        "toString(v)",
        &[
            ("\"2001:db8::ff\"", Some("2001:db8::ff")),
            ("\"::ffff:1.2.3.4\"", Some("::ffff:1.2.3.4")),
            ("\"1.2.3.4\"", None),
        ],
    ),
    (
        "Date",
        "toString(v)",
        &[
            ("\"1970-01-01\"", Some("1970-01-01")),
            ("\"2149-06-06\"", Some("2149-06-06")),
            ("\"2024-02-29T00:00:00Z\"", Some("2024-02-29")),
            ("\"1969-12-31\"", None),
            ("\"2149-06-07\"", None),
            ("\"2023-02-29\"", None),
            ("\"2024-02-29T12:00:00Z\"", None),
            ("19000", None),
        ],
    ),
    (
        "Date32",
        "toString(v)",
        &[
            ("\"1900-01-01\"", Some("1900-01-01")),
            ("\"2299-12-31\"", Some("2299-12-31")),
            ("\"1899-12-31\"", None),
            ("\"2300-01-01\"", None),
            ("\"9999-12-31\"", None),
        ],
    ),
    (
        "DateTime('UTC')",
        "toString(v)",
        &[
            ("\"1970-01-01T00:00:00Z\"", Some("1970-01-01 00:00:00")),
            ("\"2106-02-07T06:28:15Z\"", Some("2106-02-07 06:28:15")),
            ("\"2024-01-01T01:00:00+01:00\"", Some("2024-01-01 00:00:00")),
            ("\"2106-02-07T06:28:16Z\"", None),
            ("\"2016-12-31T23:59:60Z\"", None),
            ("\"2024-01-01T00:00:00.5Z\"", None),
            ("\"2024-01-01\"", None),
            ("1704067200", None),
        ],
    ),
    (
        "DateTime64(3, 'UTC')",
        "toString(v)",
        &[
            ("\"1900-01-01T00:00:00Z\"", Some("1900-01-01 00:00:00.000")),
            ("\"2299-12-31T23:59:59.999Z\"", Some("2299-12-31 23:59:59.999")),
            ("\"1969-12-31T23:59:59.999Z\"", Some("1969-12-31 23:59:59.999")),
            ("\"0001-01-01T00:00:00Z\"", None),
            ("\"9999-12-31T23:59:59Z\"", None),
            ("\"2024-01-01T00:00:00.0001Z\"", None),
        ],
    ),
    (
        "DateTime64(9, 'UTC')",
        "toString(v)",
        &[
            (
                "\"2262-04-11T23:47:16.854775807Z\"",
                Some("2262-04-11 23:47:16.854775807"),
            ),
            ("\"2262-04-11T23:47:16.854775808Z\"", None),
        ],
    ),
    (
        "Enum8('a''b' = -128, 'é' = 127)",
        "toString(v)",
        &[
            ("\"a'b\"", Some("a'b")),
            ("\"é\"", Some("é")),
            ("\"c\"", None),
            ("127", None),
        ],
    ),
    (
        "Enum16('x' = -32768, 'y' = 32767)",
        "toString(v)",
        &[("\"x\"", Some("x")), ("\"y\"", Some("y")), ("\"\"", None)],
    ),
    (
        "Nullable(UInt8)",
        "toString(v)",
        &[("5", Some("5")), ("null", Some("NULL")), ("300", None)],
    ),
    ("LowCardinality(String)", "v", &[("\"x\"", Some("x")), ("null", None)]),
    (
        "LowCardinality(Nullable(String))",
        "v",
        &[("\"\"", Some("")), ("null", Some("NULL"))],
    ),
    (
        "Array(Nullable(Int64))",
        "toString(v)",
        &[
            ("[]", Some("[]")),
            ("[1, null, -9007199254740993]", Some("[1,NULL,-9007199254740993]")),
            ("5", None),
            ("[1.5]", None),
            ("null", None),
        ],
    ),
    (
        "Array(Array(String))",
        "toString(v)",
        &[("[[],[\"a\",\"\"]]", Some("[[],['a','']]")), ("[\"a\"]", None)],
    ),
    (
        "Tuple(UInt8, String)",
        "toString(v)",
        &[
            ("[1,\"x\"]", Some("(1,'x')")),
            ("[1]", None),
            ("[1,\"x\",2]", None),
            ("{\"1\":1}", None),
        ],
    ),
    (
        "Tuple(a UInt8, `b c` Nullable(String))",
        "toString(v)",
        &[
            ("{\"b c\":\"x\",\"a\":1}", Some("(1,'x')")),
            ("{\"a\":1}", Some("(1,NULL)")),
            ("[1,null]", Some("(1,NULL)")),
            ("{\"a\":300}", None),
            ("{\"b c\":\"x\"}", None),
            ("{\"a\":1,\"d\":2}", None),
            ("{\"a\":1,\"a\":2}", None),
        ],
    ),
    (
        "Map(String, UInt64)",
        "toString(v)",
        &[
            ("{}", Some("{}")),
            ("{\"a\":18446744073709551615}", Some("{'a':18446744073709551615}")),
            ("{\"a\":-1}", None),
            ("{\"a\":1,\"a\":2}", None),
            ("[]", None),
        ],
    ),
    (
        "Map(UInt16, Array(String))",
        "toString(v)",
        &[
            ("{\"7\":[\"x\"]}", Some("{7:['x']}")),
            ("{\"x\":[]}", None),
            ("{\"65536\":[]}", None),
        ],
    ),
    (
        "JSON",
        "toString(v)",
        &[
            ("{}", Some("{}")),
            (
                "{\"a\":9007199254740993,\"b\":[1,\"x\"]}",
                Some("{\"a\":9007199254740993,\"b\":[1,\"x\"]}"),
            ),
            ("{\"a\":18446744073709551615}", Some("{\"a\":18446744073709551615}")),
            ("{\"a\":{\"b\":true}}", Some("{\"a\":{\"b\":true}}")),
            ("{\"a\":18446744073709551616}", None),
            ("{\"a\":1e400}", None),
            ("{\"a\":1,\"a\":2}", None),
            ("{\"a\":\"\\ud800\"}", None),
            ("[]", None),
            ("\"x\"", None),
        ],
    ),
    (
        "JSON(a.b UInt8, t DateTime('UTC'))",
        "toString(v)",
        &[
            (
                "{\"a\":{\"b\":255},\"t\":\"2024-01-01T00:00:00Z\"}",
                Some("{\"a\":{\"b\":255},\"t\":\"2024-01-01 00:00:00\"}"),
            ),
            ("{\"a\":{\"b\":1.5}}", None),
            ("{\"a.b\":300}", None),
            ("{\"t\":\"2200-01-01T00:00:00Z\"}", None),
        ],
    ),
    (
        "Variant(String, UInt64, Array(UInt8))",
        "concat(variantType(v), ' ', toString(v))",
        &[
            ("\"5\"", Some("String 5")),
            ("18446744073709551615", Some("UInt64 18446744073709551615")),
            ("[1,2]", Some("Array(UInt8) [1,2]")),
            ("-1", None),
            ("[300]", None),
            ("{}", None),
        ],
    ),
    (
        "Dynamic",
        "concat(dynamicType(v), ' ', toString(v))",
        &[
            ("\"5\"", Some("String 5")),
            ("true", Some("Bool true")),
            ("-9007199254740993", Some("Int64 -9007199254740993")),
            ("18446744073709551615", Some("UInt64 18446744073709551615")),
            ("1.5", Some("Float64 1.5")),
            ("99999999999999999999", Some("String 99999999999999999999")),
            ("{\"a\":[1]}", Some("String {\"a\":[1]}")),
            ("\"\\ud800\"", None),
        ],
    ),
    (
        "SimpleAggregateFunction(max, UInt8)",
        "toString(v)",
        &[("255", Some("255")), ("256", None)],
    ),
];

#[tokio::test]
async fn every_value_is_stored_as_it_was_or_refused_by_name() {
    let Some(database) = Database::new("round_trip").await else {
        return;
    };
    for (number, (of, read, cases)) in ALL.iter().enumerate() {
        round_trip(&database, &format!("t{number}"), of, read, cases).await;
    }
}

async fn round_trip(database: &Database, table: &str, of: &str, read: &str, cases: &[Case]) {
    database
        .create(table, &format!("id UInt32, v {of}"), "MergeTree ORDER BY id")
        .await;
    let sink = crate::support::sink(
        &database
            .text("", "")
            .replace("\"t\"", &format!("\"{table}\"\nid_column = \"id\"")),
    );
    let write = |(place, (value, _)): (usize, &Case)| {
        crate::support::to(table, insert(&place.to_string(), &format!("{{\"v\":{value}}}")))
    };
    let writes: Vec<_> = cases.iter().enumerate().map(write).collect();
    let report = report(&sink, &writes).await;
    assert!(report.later.is_empty(), "{of}: {report:?}");
    let query = format!("SELECT id, {read} AS r FROM {{db}}.{table} ORDER BY id");
    let rows = database.rows(&query).await;
    for (place, (value, expected)) in cases.iter().enumerate() {
        let refused = report.refused.iter().find(|(refused, _)| *refused == place);
        let stored = rows.iter().find(|row| row["id"] == place);
        match (expected, refused) {
            (Some(expected), None) => {
                let read = match &stored.unwrap_or_else(|| panic!("{of}: {value} is not there"))["r"] {
                    Value::String(text) => text.as_str(),
                    Value::Null => "NULL",
                    other => panic!("{of}: {other}"),
                };
                assert_eq!(read, *expected, "{of}: {value}");
            }
            (None, Some((_, reason))) => {
                // A document that is no JSON, for a key that appears twice at its top, has no value to name.
                let is_named = reason.starts_with("`/v") && reason.contains("which column `v`");
                assert!(is_named && stored.is_none(), "{of}: {value}: {reason}");
            }
            (expected, refused) => panic!("{of}: {value}: expected {expected:?}, {refused:?}, {stored:?}"),
        }
    }
}

#[tokio::test]
async fn texts_of_a_mebibyte_are_stored_whole() {
    let Some(database) = Database::new("mebibyte").await else {
        return;
    };
    database
        .create(
            "t",
            "id String, v String, m Map(String, String)",
            "MergeTree ORDER BY id",
        )
        .await;
    let sink = database.sink("id_column = \"id\"");
    let long = "ü\\u0000".repeat(1 << 18);
    let writes: Vec<_> = (0..3)
        .map(|i| {
            insert(
                &i.to_string(),
                &format!("{{\"v\":\"{long}\",\"m\":{{\"k\":\"{long}\"}}}}"),
            )
        })
        .collect();
    crate::support::done(&sink, &writes).await;
    let expected = format!("3\t{}\t1", 3 << 18);
    let query = "SELECT count(), any(length(v)), min(v = repeat('ü\\0', 262144) AND m['k'] = v) FROM {db}.t";
    assert_eq!(database.value(query).await, expected);
    let long = format!("{{\"v\":{}}}", "9".repeat(1 << 20));
    let report = report(&sink, &[insert("x", &long)]).await;
    assert!(report.refused[0].1.len() < 400, "the value is cut");
}

/// What the server itself would make of them: the reason for all of this.
#[tokio::test]
async fn the_server_alone_changes_values_without_a_word() {
    let Some(database) = Database::new("silent").await else {
        return;
    };
    database
        .create("t", "a UInt8, b Int64, c Decimal(10, 2)", "MergeTree ORDER BY a")
        .await;
    let row = "{\"a\":300,\"b\":9223372036854775808,\"c\":1.239,\"unknown\":1}";
    database
        .run(&format!("INSERT INTO {}.t FORMAT JSONEachRow {row}", database.name))
        .await;
    assert_eq!(
        database.value("SELECT * FROM {db}.t").await,
        "44\t-9223372036854775808\t1.23"
    );
}

#[tokio::test]
async fn values_that_the_file_lets_in_are_cut_or_become_text_as_it_says() {
    let Some(database) = Database::new("let_in").await else {
        return;
    };
    let columns = "id String, s String, d Date, t DateTime64(3, 'UTC'), n Decimal(5, 1), f Float32";
    database.create("t", columns, "MergeTree ORDER BY id").await;
    let sink = database.sink("id_column = \"id\"\nepoch = \"ms\"\ntruncate = true\njson_to_string = true");
    let body = r#"{"s":{"a":[1.50]},"d":1704110400123,"t":1704110400123.9,"n":"1.29","f":16777217}"#;
    crate::support::done(&sink, &[insert("a", body)]).await;
    let row = database.value("SELECT s, d, t, n, f FROM {db}.t").await;
    assert_eq!(
        row,
        "{\"a\":[1.50]}\t2024-01-01\t2024-01-01 12:00:00.123\t1.2\t16777216"
    );
}
