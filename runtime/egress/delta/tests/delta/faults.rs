//! What was reported of other programs, each by its report, on tables of this machine.

use std::{fs, path::Path};

use danube_wasm_model::{
    door::{Egress as _, EgressError},
    message::Operation,
};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{COLUMNS, append, insert, inserts, one, reader, report, sink, sink_as, try_write, unfit, write};

fn table(dir: &Path) -> String {
    dir.join("table").display().to_string()
}

/// A table of column `n`, made by hand, with these features and properties.
fn made_by_hand(dir: &Path, protocol: &str, properties: &str, field: &str) -> String {
    let log = dir.join("table/_delta_log");
    fs::create_dir_all(&log).expect("a folder");
    let schema = format!("{{\"type\":\"struct\",\"fields\":[{field}]}}");
    let commit = format!(
        "{{\"protocol\":{protocol}}}\n{{\"metaData\":{{\"id\":\"5fba94ed-9794-4965-ba6e-6ee3c0d22af9\",\"format\":{{\"provider\":\"parquet\",\
         \"options\":{{}}}},\"schemaString\":{},\"partitionColumns\":[],\"configuration\":{properties},\"createdTime\":1700000000000}}}}\n",
        json!(schema)
    );
    fs::write(log.join(format!("{:020}.json", 0)), commit).expect("a file");
    table(dir)
}

const N: &str = "{\"name\":\"n\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}";

fn files(folder: &Path, end: &str) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(end)).collect()
}

#[tokio::test]
async fn a_transaction_of_an_older_version_does_not_double_rows() {
    // delta-io/delta-rs#2580, #3821; delta-kernel-rs#1819: `txn` with an old version is committed all the same.
    let dir = tempfile::tempdir().expect("a directory");
    let text = one(&table(dir.path()), COLUMNS);
    for _ in 0..3 {
        let sink = sink(&text);
        append(&sink, &inserts(0..50)).await;
        // It ends without being told to.
        drop(sink);
    }
    if reader::is_installed() {
        assert_eq!(reader::read(&table(dir.path())).numbers(), Vec::from_iter(0..50));
    }
}

#[tokio::test]
async fn two_processes_of_a_connector_do_not_double_what_one_took_from_the_other() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = one(&table(dir.path()), COLUMNS);
    let (one, other) = (sink_as(&text, "one"), sink_as(&text, "other"));
    append(&one, &inserts(0..1)).await;
    append(&other, &inserts(1..2)).await;
    // Neither knows of the other's rows but from the table.
    for round in 1..10 {
        let rows = inserts(round * 20..round * 20 + 20);
        let both = tokio::join!(append(&one, &rows), append(&other, &rows));
        assert_eq!(
            both.0.unchanged + both.1.unchanged,
            0,
            "each took them for its own, and one found them"
        );
    }
    if reader::is_installed() {
        let expected: Vec<_> = (0..2).chain(20..200).collect();
        assert_eq!(reader::read(&table(dir.path())).numbers(), expected);
    }
}

#[tokio::test]
async fn processes_that_make_a_table_at_the_same_time_share_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = one(&table(dir.path()), COLUMNS);
    let sinks: Vec<_> = (0..4).map(|n| sink_as(&text, &format!("process-{n}"))).collect();
    join_all(
        sinks
            .iter()
            .enumerate()
            .map(|(n, sink)| async move { append(sink, &inserts(n..n + 2)).await }),
    )
    .await;
    if reader::is_installed() {
        assert_eq!(reader::read(&table(dir.path())).numbers(), Vec::from_iter(0..5));
    }
}

#[tokio::test]
async fn two_processes_of_one_name_are_told_apart() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = one(&table(dir.path()), COLUMNS);
    let (one, other) = (sink(&text), sink(&text));
    append(&one, &inserts(0..1)).await;
    append(&other, &inserts(1..2)).await;
    match try_write(&one, &inserts(2..3)).await {
        Err(EgressError::Configuration { message }) => assert!(message.contains("another process writes"), "{message}"),
        other => panic!("not found out: {other:?}"),
    }
}

#[tokio::test]
async fn columns_that_are_added_to_a_partitioned_table_have_their_values() {
    // delta-io/delta-rs#2355, #3783, #4568: files had columns that no reader saw.
    let dir = tempfile::tempdir().expect("a directory");
    let keys = "create = true\npartition = [{ column = \"text\" }]\nevolve = \"add-nullable\"\nfield_mappings = [\n\
        { pointer = \"/n\", column = \"n\", type = \"long\" },\n{ pointer = \"/text\", column = \"text\", type = \"string\" },\n";
    append(
        &sink(&one(&table(dir.path()), &format!("{keys}]"))),
        &[insert("1", "{\"n\":1,\"text\":\"a\"}")],
    )
    .await;
    let more =
        format!("{keys}{{ pointer = \"/price\", column = \"price\", type = \"decimal(10,2)\", nullable = false }}]");
    let sink = sink(&one(&table(dir.path()), &more));
    append(&sink, &[insert("2", "{\"n\":2,\"text\":\"a\",\"price\":1.5}")]).await;
    if reader::is_installed() {
        let read = reader::read(&table(dir.path()));
        assert_eq!(read.sorted("price"), [json!("1.50"), json!(null)]);
    }
}

#[tokio::test]
async fn a_column_that_another_writer_adds_is_found_while_rows_are_written() {
    if !reader::is_installed() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let url = table(dir.path());
    reader::python("writer.py", &[&url, "{}", "[{\"n\": 0}]", "error"]);
    let sink = sink(&one(&url, "unknown_fields = \"drop\""));
    append(&sink, &[insert("1", "{\"n\":1,\"more\":\"lost\"}")]).await;
    reader::python("writer.py", &[&url, "{}", "[{\"n\": 2, \"more\": \"x\"}]", "append"]);
    append(&sink, &[insert("3", "{\"n\":3,\"more\":\"kept\"}")]).await;
    let read = reader::read(&url);
    let row = read.rows.iter().find(|row| row["n"] == 3).expect("a row");
    assert_eq!(row["more"], "kept", "{read:?}");
}

#[tokio::test]
async fn tables_of_other_programs_with_features_are_written_to() {
    // delta-io/delta-rs#2910, #2292, #3356: refused, for features that the table lists and does not use.
    for (protocol, field) in [
        ("{\"minReaderVersion\":1,\"minWriterVersion\":2}", N),
        (
            "{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[\"deletionVectors\"],\
             \"writerFeatures\":[\"invariants\",\"appendOnly\",\"deletionVectors\"]}",
            N,
        ),
        (
            "{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[\"columnMapping\"],\
             \"writerFeatures\":[\"columnMapping\",\"invariants\",\"appendOnly\"]}",
            "{\"name\":\"n\",\"type\":\"long\",\"nullable\":true,\"metadata\":{\"delta.columnMapping.id\":1,\
             \"delta.columnMapping.physicalName\":\"col-1\"}}",
        ),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let is_mapped = field.contains("columnMapping");
        let properties = if is_mapped {
            "{\"delta.columnMapping.mode\":\"name\",\"delta.columnMapping.maxColumnId\":\"1\"}"
        } else {
            "{}"
        };
        let url = made_by_hand(dir.path(), protocol, properties, field);
        append(&sink(&one(&url, "")), &inserts(0..3)).await;
        if reader::is_installed() {
            let query = format!(
                "SELECT count() AS rows, max(n) AS n FROM deltaLakeLocal('{url}') SETTINGS output_format_json_quote_64bit_integers = 0"
            );
            assert_eq!(reader::clickhouse(&query), json!([{"rows": 3, "n": 2}]), "{protocol}");
        }
    }
}

#[tokio::test]
async fn a_table_whose_rules_this_sink_cannot_keep_is_not_written_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let protocol = "{\"minReaderVersion\":1,\"minWriterVersion\":3}";
    let url = made_by_hand(dir.path(), protocol, "{\"delta.constraints.positive\":\"n > 0\"}", N);
    let message = unfit(try_write(&sink(&one(&url, "")), &inserts(0..3)).await);
    assert!(message.contains("cannot be read or written as it is"), "{message}");
    assert!(message.contains("DROP FEATURE checkConstraints"), "{message}");
    assert_eq!(files(&dir.path().join("table"), ".parquet"), [""; 0]);
}

#[tokio::test]
async fn a_column_of_a_foreign_type_is_found_before_the_first_byte() {
    // ray-project/ray#64923: the append made the table unreadable.
    let dir = tempfile::tempdir().expect("a directory");
    let url = made_by_hand(dir.path(), "{\"minReaderVersion\":1,\"minWriterVersion\":2}", "{}", N);
    let keys = "field_mappings = [{ pointer = \"/n\", column = \"n\", type = \"string\" }]";
    let message = unfit(try_write(&sink(&one(&url, keys)), &inserts(0..3)).await);
    assert!(
        message.contains("column `n` is string in the file and long in the table"),
        "{message}"
    );
    assert_eq!(files(&dir.path().join("table"), ".parquet"), [""; 0]);
}

#[tokio::test]
async fn checkpoints_are_made_and_used_and_the_files_of_ids_stay_few() {
    // delta-io/delta-rs#1815, #3410, #2628; kafka-delta-ingest#227
    let dir = tempfile::tempdir().expect("a directory");
    let url = table(dir.path());
    let text = one(&url, &format!("{COLUMNS}checkpoint_commits = 5\n"));
    let sink = sink(&text);
    for round in 0..23 {
        append(&sink, &inserts(round..round + 1)).await;
    }
    sink.close().await.expect("it closes");
    drop(sink);
    let log = dir.path().join("table/_delta_log");
    danube_wasm_testkit::until("the checkpoint of version 20", || {
        files(&log, ".checkpoint.parquet")
            .iter()
            .any(|name| name.contains("00020."))
            .then_some(())
    })
    .await;
    danube_wasm_testkit::until("the pointer to it", || {
        fs::read_to_string(log.join("_last_checkpoint"))
            .ok()
            .filter(|text| text.contains("20"))
    })
    .await;
    assert_eq!(
        files(&dir.path().join("table/_danube_wasm/lake"), ".ids").len(),
        1,
        "each has those of the one before"
    );
    // Nothing before the checkpoint is needed.
    for version in 0..20 {
        fs::remove_file(log.join(format!("{version:020}.json"))).expect("it was there");
    }
    let sink = crate::support::sink(&text);
    assert_eq!(append(&sink, &inserts(0..25)).await.unchanged, 23);
    if reader::is_installed() {
        assert_eq!(reader::read(&url).numbers(), Vec::from_iter(0..25));
    }
}

#[tokio::test]
async fn what_lanes_hand_in_together_is_one_commit() {
    // delta-io/delta#779, danube-connect: a file and a commit for each small batch.
    let dir = tempfile::tempdir().expect("a directory");
    let sink = sink(&one(&table(dir.path()), COLUMNS));
    let batches: Vec<_> = (0..50).map(|lane| inserts(lane * 10..lane * 10 + 10)).collect();
    join_all(batches.iter().map(|batch| append(&sink, batch))).await;
    let versions = files(&dir.path().join("table/_delta_log"), ".json").len();
    assert!(versions < 10, "{versions} versions");
    if reader::is_installed() {
        assert_eq!(reader::read(&table(dir.path())).numbers(), Vec::from_iter(0..500));
    }
}

#[tokio::test]
async fn a_table_that_is_made_anew_gets_no_hole_in_its_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = table(dir.path());
    let sink = sink(&one(&url, COLUMNS));
    append(&sink, &inserts(0..3)).await;
    append(&sink, &inserts(3..5)).await;
    fs::remove_dir_all(dir.path().join("table")).expect("it was there");
    append(&sink, &inserts(5..8)).await;
    if reader::is_installed() {
        let read = reader::read(&url);
        assert_eq!((read.numbers(), read.version), (vec![5, 6, 7], 1));
    }
}

#[tokio::test]
async fn changes_of_documents_are_rows_and_the_latest_is_told_by_its_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = table(dir.path());
    let sink = sink(&one(&url, &format!("{COLUMNS}changes = true\n")));
    assert!(sink.accepts("a", Operation::Delete) && !sink.accepts("a", Operation::Merge));
    let changes = [
        write(Operation::Upsert, "x", "{\"n\":1}", 10),
        write(Operation::Upsert, "x", "{\"n\":2}", 30),
        write(Operation::Delete, "y", "", 20),
    ];
    append(&sink, &changes).await;
    assert_eq!(append(&sink, &changes).await.unchanged, 3);
    if reader::is_installed() {
        let mut rows = reader::read(&url).rows;
        rows.sort_by_key(|row| row["_order"].as_i64());
        assert_eq!(
            rows,
            [
                json!({"_id": "x", "_op": "upsert", "_order": 10, "n": 1, "text": null}),
                json!({"_id": "y", "_op": "delete", "_order": 20, "n": null, "text": null}),
                json!({"_id": "x", "_op": "upsert", "_order": 30, "n": 2, "text": null}),
            ]
        );
    }
    let without = crate::support::sink(&one(&dir.path().join("other").display().to_string(), COLUMNS));
    assert!(without.accepts("a", Operation::Insert) && !without.accepts("a", Operation::Upsert));
}

#[tokio::test]
async fn a_table_that_is_not_there_holds_its_own_rows_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let (url, other) = (table(dir.path()), dir.path().join("other").display().to_string());
    let text =
        one(&url, COLUMNS) + &format!("tables = [\"b\"]\n[[sinks.delta.tables]]\nname = \"b\"\nurl = \"{other}\"\n");
    let sink = sink(&text);
    let mut writes = inserts(0..4);
    writes[1].target = "b".into();
    match try_write(&sink, &writes).await {
        Err(EgressError::Unfit { target, message }) => {
            assert_eq!(&*target, "b");
            assert!(
                message.contains("is not there: make it, or write `create = true`"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    writes.remove(1);
    assert_eq!(report(&sink, &writes).await.unchanged, 3, "they are there already");
}
