//! What becomes of values on the way to a table, and what an operator is told of it.

use std::{fs, process::Output};

use serde_json::{Value, json};

use crate::harness::{Pipeline, Scratch, Setup, cli};

const AVRO: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}},
    {"name": "count", "type": "long"},
    {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "price", "type": {"type": "fixed", "name": "Money", "size": 9, "logicalType": "decimal",
            "precision": 18, "scale": 4}},
        {"name": "seen", "type": {"type": "map", "values": {"type": "long", "logicalType": "timestamp-millis"}}}
    ]}}, "default": []}
]}"#;

const PROTOBUF: &str = r#"syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
// message: shop.Order
message Line { uint64 cents = 1; map<string, int64> counts = 2; }
message Order {
  string id = 1;
  int64 amount = 2;
  uint64 big = 3;
  bool paid = 4;
  google.protobuf.Timestamp at = 5;
  repeated Line lines = 6;
  optional int32 maybe = 7;
}
"#;

/// A pipeline whose topic has this schema.
fn typed(schema_type: &str, file: &str, definition: &str, mapping: &str) -> Scratch {
    let message = match schema_type {
        "protobuf" => "message = \"shop.Order\"\n",
        _ => "",
    };
    let top = format!(
        "[[schemas]]\ntopic = \"/stripe/payments\"\nsubject = \"orders\"\nschema_type = \"{schema_type}\"\nschema_file = \"{file}\"\n{message}"
    );
    let setup = Setup {
        schema: false,
        mapping: mapping.to_owned(),
        bottom: top,
        ..Setup::default()
    };
    let scratch = setup.write();
    fs::write(scratch.path().join(file), definition).expect("a schema");
    scratch
}

fn row(scratch: &Scratch, event: &Value) -> (Pipeline, Value) {
    let pipeline = scratch.start();
    let answer = pipeline.post(event);
    assert_eq!(answer.status, 200, "{answer:?}");
    pipeline.until("the row", |_| scratch.rows() == 1);
    let kinds = scratch.query("SELECT * FROM payments");
    (pipeline, kinds[0].clone())
}

#[test]
fn decimals_and_dates_of_avro_are_numbers_and_datetimes() {
    let scratch = typed("avro", "order.avsc", AVRO, "");
    let (_pipeline, _) = row(
        &scratch,
        &json!({
            "id": "o-1", "price": "123456789012345678.10", "count": 9_007_199_254_740_993_i64, "day": 1,
            "at": 1_700_000_000_000_001_i64,
            "lines": [{ "price": "-0.0100", "seen": { "x": 1_500 } }, { "price": 7, "seen": {} }]
        }),
    );
    let found = scratch.query(
        "SELECT VALUE [price + 0.9dec = 123456789012345679.00dec, type::is_decimal(price), count = 9007199254740993, \
         day = d'1970-01-02T00:00:00Z', at = d'2023-11-14T22:13:20.000001Z', lines[0].price = -0.01dec, \
         lines[0].seen.x = d'1970-01-01T00:00:01.5Z', type::is_decimal(lines[1].price), math::sum(lines.price) = 6.99dec, \
         type::is_string(_id)] FROM payments",
    );
    assert_eq!(
        found[0],
        json!(vec![true; 10]),
        "{}",
        scratch.query("SELECT * FROM payments")
    );
}

#[test]
fn a_mapping_may_have_text_instead() {
    let scratch = typed("avro", "order.avsc", AVRO, "schema_types = false");
    let event = json!({ "id": "o-1", "price": "0.10", "count": 1, "day": 1, "at": 5 });
    let (_pipeline, row) = row(&scratch, &event);
    assert_eq!(
        (&row["price"], &row["day"], &row["at"]),
        (&json!("0.10"), &json!(1), &json!(5))
    );
}

#[test]
fn numbers_and_dates_of_protobuf_are_such_and_zeros_are_there() {
    let scratch = typed("protobuf", "order.proto", PROTOBUF, "");
    let (pipeline, _) = row(
        &scratch,
        &json!({
            "id": "o-1", "amount": "-9007199254740993", "big": "18446744073709551615", "at": "2024-01-01T00:00:00Z",
            "lines": [{ "cents": "5", "counts": { "a": "7" } }]
        }),
    );
    let found = scratch.query(
        "SELECT VALUE [amount = -9007199254740993, big = 18446744073709551615dec, paid = false, at = d'2024-01-01T00:00:00Z', \
         lines[0].cents = 5, lines[0].counts.a = 7, maybe = NONE] FROM payments",
    );
    assert_eq!(
        found[0],
        json!(vec![true; 7]),
        "{}",
        scratch.query("SELECT * FROM payments")
    );
    assert_eq!(pipeline.post(&json!({ "id": "o-2", "lines": [{}] })).status, 200);
    pipeline.until("the second row", |_| scratch.rows() == 2);
    let zeros = scratch.query(
        "SELECT VALUE [amount = 0, big = 0, paid = false, at = NONE, lines[0].cents = 0, lines[0].counts = {}, maybe = NONE] \
         FROM payments WHERE _id = 'o-2'",
    );
    assert_eq!(
        zeros[0],
        json!(vec![true; 7]),
        "{}",
        scratch.query("SELECT * FROM payments")
    );
}

fn query(scratch: &Scratch, flags: &[&str], statement: &str) -> Output {
    let file = scratch.file().display().to_string();
    cli(["query"]
        .into_iter()
        .chain(flags.iter().copied())
        .chain([&*file, statement]))
}

#[test]
fn a_row_that_cannot_be_shown_hides_no_other_and_none_comes_in() {
    let scratch = Setup {
        schema: false,
        endpoint: "max_body_bytes = 4194304".to_owned(),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    let nested = |depth: usize| format!("{{\"d\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    for (depth, status) in [(63, 200), (64, 422), (126, 422), (127, 400), (100_000, 400)] {
        let answer = pipeline.post_with(&[], nested(depth));
        assert_eq!(answer.status, status, "{depth}: {answer:?}");
        assert!(
            status == 200 || answer.body.to_string().contains("nested deeper than"),
            "{answer:?}"
        );
    }
    let many = format!("[{}0]", "0,".repeat(600_000));
    assert_eq!(pipeline.post_with(&[], many).status, 422);
    pipeline.until("the row", |_| scratch.rows() == 1);

    // From before there was a limit, or from somebody else.
    let (open, close) = ("[".repeat(60), "]".repeat(60));
    let deep = format!("CREATE payments:deep SET d = {open}1{close}; UPDATE payments:deep SET d = {open}d{close}");
    let made = query(&scratch, &["--write"], &deep);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for running in [Some(pipeline), None] {
        let output = query(&scratch, &["--json"], "SELECT * FROM payments");
        let (rows, said) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{said}");
        let rows: Value = serde_json::from_str(&rows).expect("it is read back");
        let rows = rows[0].as_array().expect("rows");
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert!(rows.iter().any(|row| row["d"].is_array()), "the other row is shown");
        let hidden = rows
            .iter()
            .find(|row| row["not_shown"].is_string())
            .expect("a placeholder");
        assert_eq!(hidden["id"], "payments:deep");
        assert!(
            said.contains("payments:deep is not shown: it is nested deeper than"),
            "{said}"
        );
        if let Some(pipeline) = running {
            pipeline.stop();
        }
    }
}

#[test]
fn a_clean_stop_warns_of_nothing() {
    let scratch = Setup::default().write();
    let mut pipeline = scratch.start();
    assert_eq!(pipeline.post(&crate::harness::payment(1)).status, 200);
    pipeline.until("the row", |_| scratch.rows() == 1);
    pipeline.signal("TERM");
    assert!(pipeline.wait().success());
    pipeline.until("the log ends", |p| p.log("stopped").is_some());
    let log = pipeline.dump();
    let (_, stop) = log.split_once("stopping: finishing").expect("it says that it stops");
    for level in ["\"WARN\"", "\"ERROR\""] {
        assert!(!stop.contains(level), "{stop}");
    }
}

#[test]
fn a_database_that_another_process_has_is_said_at_once_and_opened_when_it_is_free() {
    let scratch = Setup::default().write();
    let directory = scratch.path().join("data/db");
    fs::create_dir_all(&directory).expect("a directory");
    let lock = fs::File::create(directory.join("LOCK")).expect("a file");
    lock.lock().expect("nobody else has it");
    let pipeline = Pipeline::spawn(&scratch.file());
    let says = |text: &str| text.contains("waiting up to 30 s for a database") && text.contains("stop that process");
    pipeline.until("it is said", |p| says(&p.dump()));
    let pid = format!("process {} has the database in", std::process::id());
    assert!(pipeline.dump().contains(&pid), "{}", pipeline.dump());
    assert!(pipeline.log("running").is_none(), "{}", pipeline.dump());
    pipeline.until("it is tried again", |p| {
        p.log("not started yet; trying again").is_some()
    });
    drop(lock);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
}

#[test]
fn a_table_that_refuses_what_the_sink_adds_is_found_by_check() {
    let scratch = Setup {
        mapping: "id_pointer = \"/id\"\ninclude_attributes = { agent = \"webhook.user_agent\", \"seen-at\" = \"webhook.ip\" }".into(),
        schema: false,
        ..Setup::default()
    }
    .write();
    scratch.start().stop();
    let write = |statement: &str| {
        let made = query(&scratch, &["--write"], statement);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    let check = || {
        let output = cli(["check", "--connect", &scratch.file().display().to_string()]);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.code(), text)
    };
    write("DEFINE TABLE payments SCHEMAFULL; DEFINE FIELD amount ON payments TYPE number");
    let (code, text) = check();
    assert_eq!(code, Some(78), "{text}");
    for part in [
        "table `payments`",
        "SCHEMAFULL",
        "_danube_metadata",
        "include_danube_metadata = false",
        "`DEFINE FIELD _id ON TABLE … TYPE any`",
        "`DEFINE FIELD agent ON TABLE … TYPE option<string>`",
        "`DEFINE FIELD `seen-at` ON TABLE … TYPE option<string>`",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // Its own cure.
    write(
        "DEFINE FIELD _danube_metadata ON TABLE payments TYPE object FLEXIBLE; DEFINE FIELD _id ON TABLE payments TYPE any; \
           DEFINE FIELD agent ON TABLE payments TYPE option<string>; DEFINE FIELD `seen-at` ON TABLE payments TYPE option<string>",
    );
    let (code, text) = check();
    assert_eq!(code, Some(0), "{text}");
    write(
        "DEFINE FIELD event ON payments TYPE string; DEFINE FIELD currency ON payments TYPE string; \
           DEFINE FIELD timestamp ON payments TYPE number",
    );
    let pipeline = scratch.start();
    let mut payment = crate::harness::payment(1);
    payment["id"] = json!("pay_1");
    assert_eq!(pipeline.post(&payment).status, 200);
    pipeline.until("the row", |_| scratch.rows() == 1);
    assert_eq!(
        scratch.query("SELECT VALUE [_danube_metadata.danube_topic, _id, `seen-at`] FROM payments"),
        json!([["/stripe/payments", "pay_1", "127.0.0.1"]])
    );
}
