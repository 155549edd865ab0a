//! What `check --connect` says.

use std::sync::Arc;

use danube_wasm_connector::{Finding, Outcome, ProbeContext, SinkConnector as _};
use danube_wasm_egress_clickhouse::ClickHouseSink;

use crate::support::{Database, Fake, Reply, config, soon, text};

async fn probed(text: &str) -> Vec<Finding> {
    let context = ProbeContext {
        id: "test/out".parse().expect("an id"),
        shared: Arc::new(()),
        is_builtin: true,
        is_running: false,
    };
    soon("findings", ClickHouseSink::probe(&config(text), context)).await
}

fn failed(findings: &[Finding]) -> &str {
    match findings {
        [
            Finding {
                outcome: Outcome::Failed(why),
                ..
            },
        ] => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_finding_says_what_the_table_can_promise() {
    let Some(database) = Database::new("promises").await else {
        return;
    };
    let columns = "id String, tenant UInt8, n UInt32, ver UInt64, gone UInt8, at DateTime";
    for (engine, mapping, says) in [
        (
            "ReplacingMergeTree(ver, gone) ORDER BY id",
            "id_column = \"id\"",
            &[
                "ReplacingMergeTree: each id once",
                "the newest row of an id remains",
                "deletes are rows",
            ][..],
        ),
        (
            "ReplacingMergeTree ORDER BY id",
            "id_column = \"id\"",
            &[
                "inserted last remains",
                "deletes are refused: it has no column for deletes",
            ],
        ),
        (
            "ReplacingMergeTree(at) ORDER BY id",
            "id_column = \"id\"",
            &["the one with the highest `at` remains"],
        ),
        (
            "ReplacingMergeTree(ver, gone) PARTITION BY toYYYYMM(at) ORDER BY id",
            "id_column = \"id\"",
            &["one row of it in each partition, since `toYYYYMM(at)`"],
        ),
        (
            "ReplacingMergeTree(ver, gone) ORDER BY (tenant, id)",
            "id_column = \"id\"",
            &[
                "at least once (it is sorted by `tenant, id`",
                "deletes are refused: it is sorted by",
            ],
        ),
        (
            "ReplacingMergeTree(ver) ORDER BY id",
            "",
            &["add `id_column` for one row of each id"],
        ),
        (
            "MergeTree ORDER BY id",
            "",
            &["MergeTree: at least once", "a row is stored twice if it is sent twice"],
        ),
        (
            "MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100",
            "",
            &["at least once", "while the server remembers its token"],
        ),
        (
            "MergeTree ORDER BY id",
            "id_column = \"id\"\ndedup = \"lookup\"",
            &["looked up by id before they are inserted"],
        ),
    ] {
        database.run(&format!("DROP TABLE IF EXISTS {}.t", database.name)).await;
        database.create("t", columns, engine).await;
        let findings = probed(&database.text("", mapping)).await;
        assert_eq!(
            (findings.len(), &findings[0].outcome),
            (1, &Outcome::Reached),
            "{findings:?}"
        );
        for says in says {
            assert!(findings[0].what.contains(says), "{engine}: {}", findings[0].what);
        }
    }
    assert_eq!(
        database.value("SELECT count() FROM {db}.t").await,
        "0",
        "it changes nothing"
    );
}

#[tokio::test]
async fn what_cannot_work_says_why_and_what_to_do() {
    let Some(database) = Database::new("unfit").await else {
        return;
    };
    let missing = probed(&database.text("", "")).await;
    assert!(failed(&missing).contains("create the table"), "{missing:?}");
    database
        .create("t", "id String, p Point", "MergeTree ORDER BY id")
        .await;
    let unsupported = probed(&database.text("", "")).await;
    assert!(
        failed(&unsupported).contains("`p` is of the type Point"),
        "{unsupported:?}"
    );
    database.run(&format!("DROP TABLE {}.t", database.name)).await;
    database
        .create("t", "id String, n Float64", "MergeTree ORDER BY id")
        .await;
    for (mapping, says) in [
        ("id_column = \"uid\"", "no column `uid`"),
        ("id_column = \"n\"", "`n` is of the type Float64"),
        (
            "id_column = \"id\"\norder_column = \"n\"",
            "a column of orders is UInt64",
        ),
        (
            "unknown_fields = \"column:n\"",
            "a column for unknown fields is String or JSON",
        ),
        ("columns = [{ pointer = \"/x\", column = \"y\" }]", "no column `y`"),
    ] {
        let findings = probed(&database.text("", mapping)).await;
        assert!(failed(&findings).contains(says), "{findings:?}");
    }
    let elsewhere = probed(&text(&database.server.url, "nowhere", "", "")).await;
    assert!(failed(&elsewhere).contains("create the database"), "{elsewhere:?}");
    database
        .run(&format!("CREATE VIEW {0}.v AS SELECT 1 AS x", database.name))
        .await;
    let view = probed(&database.text("", "").replace("\"t\"", "\"v\"")).await;
    assert!(failed(&view).contains("it is a view"), "{view:?}");
}

#[tokio::test]
async fn who_is_not_clickhouse_and_who_is_not_there_is_said() {
    let page = Fake::answering(|_, _| Reply::Answer(200, Vec::new(), "<html>Hello</html>".to_owned())).await;
    let findings = probed(&text(&page.url, "d", "", "")).await;
    assert!(failed(&findings).contains("not ClickHouse's"), "{findings:?}");
    let findings = probed(&text("http://127.0.0.1:9", "d", "", "")).await;
    assert!(failed(&findings).contains("refused"), "{findings:?}");
    let findings = probed(&text(&page.url.replace("http:", "https:"), "d", "", "")).await;
    assert!(
        failed(&findings).contains("check scheme, port and `tls`"),
        "{findings:?}"
    );
}

#[tokio::test]
async fn a_default_that_is_another_one_each_time_is_warned_of_where_tokens_are_remembered() {
    let Some(database) = Database::new("changing").await else {
        return;
    };
    let columns = "id String, at DateTime DEFAULT now()";
    let window = "MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100";
    database.create("t", columns, window).await;
    let findings = probed(&database.text("", "")).await;
    let warned = |finding: &Finding| matches!(&finding.outcome, Outcome::Unknown(why) if why.contains("`at` is by default `now()`"));
    assert!(findings.len() == 2 && findings.iter().any(warned), "{findings:?}");
}
