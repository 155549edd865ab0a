//! The components do the work, and what they do badly stays theirs.

use serde_json::json;

use crate::harness::{self, Setup, payment, texts::DatabaseSink};

#[test]
fn a_component_that_changes_a_field_changes_the_rows() {
    let scratch = Setup {
        sink: harness::guest("change_one_field"),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    assert_eq!(pipeline.post(&payment(7)).status, 200);
    pipeline.until("the row", |_| scratch.rows() == 1);
    let rows = scratch.query("SELECT * FROM payments");
    assert_eq!((&rows[0]["touched"], &rows[0]["amount"]), (&json!(true), &json!(7)));
}

#[test]
fn a_component_that_drops_everything_leaves_the_table_empty() {
    let scratch = Setup {
        sink: harness::guest("drop_everything"),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    for n in 0..20 {
        assert_eq!(pipeline.post(&payment(n)).status, 200);
    }
    let done = "danube_connector_messages_processed_total{connector=\"test/surrealdb\",topic=\"/stripe/payments\"} 20";
    pipeline.until("all are acknowledged", |p| p.admin("/metrics").1.contains(done));
    assert_eq!(scratch.rows(), 0);
}

#[test]
fn a_component_that_merges_ten_messages_acknowledges_all_ten() {
    let mapping = "batch_size = 10\nflush_interval_ms = 60000\nidle_ms = 60000".to_owned();
    let scratch = Setup {
        sink: harness::guest("merge_ten"),
        mapping,
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    for n in 0..10 {
        assert_eq!(pipeline.post(&payment(n)).status, 200);
    }
    pipeline.until("one row", |_| scratch.rows() == 1);
    let rows = scratch.query("SELECT * FROM payments");
    assert_eq!(rows[0]["count"], 10);
    pipeline.until("no lag", |p| {
        p.admin("/metrics")
            .1
            .contains("danube_wasm_subscription_lag_messages{subscription=\"test-sink\",topic=\"/stripe/payments\"} 0")
    });
    pipeline.stop();
    let pipeline = scratch.start();
    assert_eq!(
        pipeline.post(&payment(10)).status,
        200,
        "all ten were acknowledged: none comes again"
    );
    pipeline.stop();
    assert_eq!(
        scratch.query("SELECT VALUE count FROM payments ORDER BY count DESC")[0],
        10
    );
}

#[test]
fn an_event_that_breaks_the_component_is_answered_500_and_its_neighbours_get_their_own_answers() {
    let source = harness::guest("misbehave");
    let bottom = "[sources.limits]\ncall_budget_ms = 200\n".to_owned();
    let scratch = Setup {
        source,
        schema: false,
        ..Setup::default()
    }
    .write();
    let text = std::fs::read_to_string(scratch.file()).expect("the file");
    std::fs::write(
        scratch.file(),
        text.replace("[[sinks]]", &format!("{bottom}\n[[sinks]]")),
    )
    .expect("the file");
    let pipeline = scratch.start();
    let address = pipeline.address();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = ["ok", "trap", "ok", "loop", "bomb", "bad-columns", "reject", "ok"]
            .into_iter()
            .map(|what| {
                let (client, address) = (pipeline.client(), address.clone());
                let body = json!({ "do": what }).to_string();
                (
                    what,
                    scope.spawn(move || harness::post(&client, &address, &[], body).expect("an answer")),
                )
            })
            .collect();
        asked
            .into_iter()
            .map(|(what, thread)| (what, thread.join().expect("an answer")))
            .collect()
    });
    for (what, answer) in &answers {
        let expected = match *what {
            "ok" => 200,
            "reject" => 422,
            _ => 500,
        };
        assert_eq!(answer.status, expected, "{what}: {answer:?}\n{}", pipeline.dump());
    }
    let (_, metrics) = pipeline.admin("/metrics");
    for kind in ["trap", "budget", "limit", "invalid_output"] {
        let counter = format!("danube_wasm_guest_failures_total{{connector=\"test/webhook\",kind=\"{kind}\"}}");
        assert!(metrics.contains(&counter), "no {counter} in\n{metrics}");
    }
    assert_eq!(pipeline.post(&json!({ "do": "ok" })).status, 200, "the host goes on");
    let answer = pipeline.post(&json!({ "do": "answer" }));
    assert!(
        answer.status != 500 && answer.body["status"] != "accepted",
        "its own answer: {answer:?}"
    );
}

#[test]
fn a_component_writes_to_the_tables_of_its_sink_and_to_no_other() {
    let good = DatabaseSink {
        name: "good",
        subscription: "good",
        table: "good",
        mapping: "id_pointer = \"/name\"",
        ..DatabaseSink::default()
    };
    let scratch = Setup {
        sink: harness::guest("write_anywhere"),
        schema: false,
        mapping: "tables = [\"refunds\"]".to_owned(),
        bottom: good.to_string(),
        ..Setup::default()
    }
    .write();
    let pipeline = scratch.start();
    let post = |event: serde_json::Value| assert_eq!(pipeline.post(&event).status, 200);
    post(json!({ "name": "x", "own": true }));
    let processed = |sink: &str, n: usize| {
        let counter = format!(
            "danube_connector_messages_processed_total{{connector=\"test/{sink}\",topic=\"/stripe/payments\"}} {n}\n"
        );
        pipeline.until("messages are processed", |p| p.admin("/metrics").1.contains(&counter));
    };
    processed("good", 1);
    let foreign = ["good", "a; REMOVE TABLE good", "_danube_wasm_order", "Payments"];
    for (n, target) in foreign.into_iter().enumerate() {
        for operation in ["insert", "upsert", "merge", "delete"] {
            let name = format!("{n}-{operation}");
            post(json!({ "name": name, "target": target, "id": "x", "operation": operation }));
        }
    }
    post(json!({ "name": "r", "target": "refunds", "id": "r" }));
    let refused = "danube_wasm_foreign_writes_total{connector=\"test/surrealdb\"} 16";
    pipeline.until("all foreign writes are refused", |p| {
        p.admin("/metrics").1.contains(refused)
    });
    let letters = "danube_wasm_dead_letters_total{connector=\"test/surrealdb\",reason=\"refused\"} 16";
    pipeline.until("each is a dead letter", |p| p.admin("/metrics").1.contains(letters));
    processed("surrealdb", 18);
    processed("good", 18);
    assert_eq!(
        scratch.query("SELECT VALUE name FROM refunds"),
        json!(["r"]),
        "the rest goes on"
    );
    assert_eq!(scratch.query("SELECT id FROM good").as_array().map(Vec::len), Some(18));
    assert_eq!(
        scratch.query("SELECT own FROM good:x")[0]["own"],
        true,
        "nobody has touched it"
    );
    assert_eq!(
        scratch.query("SELECT id FROM payments").as_array().map(Vec::len),
        Some(1)
    );
    let tables = scratch.query("RETURN object::keys((INFO FOR DB).tables)");
    assert_eq!(tables, json!(["_danube_wasm_order", "good", "payments", "refunds"]));
    let listed = harness::cli(["dlq", "ls", "--json", &scratch.file().display().to_string()]);
    let said = String::from_utf8_lossy(&listed.stdout).into_owned();
    let why = "the component wrote to \\\"a; REMOVE TABLE good\\\", which is not";
    assert!(listed.status.success() && said.contains(why), "{said}");
}
