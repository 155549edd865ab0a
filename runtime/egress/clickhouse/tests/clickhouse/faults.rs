//! What other sinks were reported for, where no other file has it already: a list with all of them is in the page of the sink.

use crate::support::{Database, Fate, Relay, done, inserts, report, sink, text, try_write, upsert};

/// vectordotdev/vector#23633, ClickHouse#7630: what does not fit vanished, or was stored as something else.
#[tokio::test]
async fn rows_that_do_not_fit_the_schema_do_not_vanish() {
    let Some(database) = Database::new("vanish").await else {
        return;
    };
    database
        .create("t", "id String, n UInt8", "MergeTree ORDER BY id")
        .await;
    let report = report(&database.sink("id_column = \"id\""), &inserts(250..260)).await;
    assert_eq!(report.refused.len(), 4);
    assert_eq!(database.value("SELECT count(), max(n) FROM {db}.t").await, "6\t255");
}

/// ClickHouse/clickhouse-kafka-connect#24, ClickHouse#83491: a writer that was held up for longer than tokens are remembered.
#[tokio::test]
async fn a_writer_that_wakes_after_its_token_was_forgotten_doubles_nothing() {
    let Some(database) = Database::new("stalled").await else {
        return;
    };
    let columns = "id String, n UInt32, ver UInt64";
    let engine = "ReplacingMergeTree(ver) ORDER BY id SETTINGS non_replicated_deduplication_window = 2";
    database.create("t", columns, engine).await;
    let relay = Relay::to(&database.server.url, |nth| {
        if nth == 0 { Fate::AnswerLost } else { Fate::Passed }
    })
    .await;
    let stalled = sink(&text(&relay.url, &database.name, "", "id_column = \"id\""));
    let writes: Vec<_> = (0..1500)
        .map(|i| upsert(&i.to_string(), 1, &format!("{{\"n\":{i}}}")))
        .collect();
    assert!(try_write(&stalled, &writes).await.is_err());
    let others = database.sink("id_column = \"id\"");
    for batch in 1..5 {
        done(&others, &inserts(batch * 2000..batch * 2000 + 1000)).await;
    }
    done(&stalled, &writes).await;
    assert_eq!(
        database.value("SELECT count(), uniqExact(id) FROM {db}.t FINAL").await,
        "5500\t5500"
    );
}

/// ClickHouse/clickhouse-kafka-connect#280: a token that did not stand for every row, so that rows went with what was there already.
#[tokio::test]
async fn rows_that_come_with_others_that_were_there_are_stored_whatever_tokens_are_remembered() {
    let Some(database) = Database::new("regrouped").await else {
        return;
    };
    let window = "MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100";
    database.create("t", "id String, n UInt32", window).await;
    let relay = Relay::to(&database.server.url, |nth| {
        if nth == 0 { Fate::AnswerLost } else { Fate::Passed }
    })
    .await;
    let text = text(&relay.url, &database.name, "", "id_column = \"id\"");
    let first = inserts(0..1500);
    assert!(try_write(&sink(&text), &first).await.is_err());
    assert_eq!(
        database.value("SELECT count() FROM {db}.t").await,
        "1500",
        "they are there"
    );
    // The next process has them in other groups: longer, as long with another row in the middle, and with another value in it.
    let mut other_row = first.clone();
    other_row[700] = inserts(9000..9001).remove(0);
    let mut other_value = first.clone();
    other_value[700].body = "{\"n\":9001}".into();
    let mut longer = first;
    longer.extend(inserts(1500..2000));
    for writes in [other_row, other_value, longer] {
        done(&sink(&text), &writes).await;
    }
    assert_eq!(
        database
            .value("SELECT uniqExact(id), uniqExact(n), max(n) FROM {db}.t")
            .await,
        "2001\t2002\t9001"
    );
}

/// Altinity/clickhouse-sink-connector#1315: one deterministic error blocked everything behind it.
#[tokio::test]
async fn an_error_that_never_passes_blocks_nothing_behind_it() {
    let Some(database) = Database::new("deterministic").await else {
        return;
    };
    database.create("t", "id String, j JSON", "MergeTree ORDER BY id").await;
    let sink = database.sink("id_column = \"id\"");
    // A path that is a value and an object: only the server sees that.
    let mut writes: Vec<_> = (0..50)
        .map(|i| crate::support::insert(&i.to_string(), "{\"j\":{\"a\":1}}"))
        .collect();
    writes[20].body = "{\"j\":{\"a.b\":1,\"a\":{\"b\":2}}}".into();
    let report = report(&sink, &writes).await;
    assert_eq!(
        report.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
        [20],
        "{report:?}"
    );
    assert_eq!(database.value("SELECT count() FROM {db}.t").await, "49");
}
