//! Engines that keep every row.

use crate::support::{Database, Fate, Relay, done, inserts, report, sink, text, transient, try_write, write};
use danube_wasm_model::message::Operation;

const WINDOW: &str = "MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100";

#[tokio::test]
async fn an_insert_whose_answer_was_lost_is_stored_once_where_tokens_are_remembered() {
    let Some(database) = Database::new("tokens").await else {
        return;
    };
    database.create("t", "id String, n UInt32", WINDOW).await;
    let relay = Relay::to(&database.server.url, |nth| {
        if nth == 0 { Fate::AnswerLost } else { Fate::Passed }
    })
    .await;
    let sink = sink(&text(&relay.url, &database.name, "", "id_column = \"id\""));
    let writes = inserts(0..2000);
    let (message, _) = transient(try_write(&sink, &writes).await);
    assert!(
        message.contains("whether the rows were taken is not known"),
        "{message}"
    );
    assert_eq!(database.value("SELECT count() FROM {db}.t").await, "2000", "they were");
    done(&sink, &writes).await;
    assert_eq!(database.value("SELECT count() FROM {db}.t").await, "2000");
}

#[tokio::test]
async fn two_equal_documents_with_ids_of_their_own_are_two_rows() {
    let Some(database) = Database::new("equal").await else {
        return;
    };
    database.create("t", "id String, n UInt32", WINDOW).await;
    let sink = database.sink("id_column = \"id\"");
    for id in ["a", "b"] {
        done(&sink, &[write(Operation::Insert, id, 0, "{\"n\":1}")]).await;
    }
    assert_eq!(database.value("SELECT count() FROM {db}.t").await, "2");
}

#[tokio::test]
async fn every_write_of_an_id_is_a_row_with_its_order_and_deletes_too() {
    let Some(database) = Database::new("changes").await else {
        return;
    };
    database
        .create(
            "t",
            "id String, n Nullable(UInt32), ord UInt64, del Bool",
            "MergeTree ORDER BY id",
        )
        .await;
    let sink = database.sink("id_column = \"id\"\norder_column = \"ord\"\ndeleted_column = \"del\"");
    let change = |operation, order, body| write(operation, "a", order, body);
    let writes = [
        change(Operation::Upsert, 1, "{\"n\":1}"),
        change(Operation::Upsert, 2, "{\"n\":2}"),
        change(Operation::Delete, 3, ""),
    ];
    done(&sink, &writes).await;
    let rows = database
        .value("SELECT groupArray((n, ord, del)) FROM (SELECT * FROM {db}.t ORDER BY ord)")
        .await;
    assert_eq!(rows, "[(1,1,false),(2,2,false),(NULL,3,true)]");
}

#[tokio::test]
async fn a_merge_is_refused_with_what_to_do() {
    let Some(database) = Database::new("merges").await else {
        return;
    };
    database
        .create("t", "id String, n UInt32", "MergeTree ORDER BY id")
        .await;
    let sink = database.sink("id_column = \"id\"");
    let report = report(&sink, &[write(Operation::Merge, "a", 1, "{\"n\":1}")]).await;
    assert!(report.refused[0].1.contains("REPLICA IDENTITY FULL"), "{report:?}");
}
