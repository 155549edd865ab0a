//! `dedup = "lookup"`: rows that come again are asked for.

use danube_wasm_model::door::Write;

use crate::support::{Database, done, insert, inserts, report, upsert};

const MAPPING: &str = "id_column = \"id\"\ndedup = \"lookup\"";

fn again(writes: &[Write]) -> Vec<Write> {
    let again = |write: &Write| Write {
        redelivered: true,
        ..write.clone()
    };
    writes.iter().map(again).collect()
}

#[tokio::test]
async fn rows_that_come_again_in_other_groups_are_stored_once() {
    let Some(database) = Database::new("lookup").await else {
        return;
    };
    database
        .create("t", "id String, n UInt32", "MergeTree ORDER BY id")
        .await;
    let sink = database.sink(MAPPING);
    let writes = inserts(0..5000);
    done(&sink, &writes[..3000]).await;
    let report = report(&sink, &again(&writes[500..])).await;
    assert_eq!(report.unchanged, 2500);
    assert_eq!(
        database.value("SELECT count(), uniqExact(id) FROM {db}.t").await,
        "5000\t5000"
    );
}

#[tokio::test]
async fn ids_of_every_type_are_found_again() {
    for (of, ids) in [
        ("String", vec!["a", "it's", "back\\slash", "nul\0", "ü\n\t"]),
        ("FixedString(6)", vec!["a", "abcdef"]),
        ("UInt64", vec!["0", "18446744073709551615"]),
        (
            "Int256",
            vec!["-57896044618658097711785492504343953926634992332820282019728792003956564819968"],
        ),
        (
            "UUID",
            vec![
                "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
                "61F0C404-5CB3-11E7-907B-A6006AD3DBA1",
            ],
        ),
        ("LowCardinality(String)", vec!["x"]),
    ] {
        let Some(database) = Database::new("lookup_ids").await else {
            return;
        };
        database
            .create("t", &format!("id {of}, n UInt32"), "MergeTree ORDER BY id")
            .await;
        let sink = database.sink(MAPPING);
        let writes: Vec<_> = ids.iter().map(|id| insert(id, "{\"n\":1}")).collect();
        done(&sink, &writes).await;
        let report = report(&sink, &again(&writes)).await;
        assert_eq!(report.unchanged, ids.len(), "{of}");
        assert_eq!(
            database.value("SELECT count() FROM {db}.t").await,
            ids.len().to_string(),
            "{of}"
        );
    }
}

#[tokio::test]
async fn a_new_version_of_an_id_is_a_row_and_the_same_one_is_not() {
    let Some(database) = Database::new("lookup_versions").await else {
        return;
    };
    database
        .create("t", "id String, n UInt32, ver UInt64", "MergeTree ORDER BY id")
        .await;
    let sink = database.sink(&format!("{MAPPING}\norder_column = \"ver\""));
    let writes = [upsert("a", 1, "{\"n\":1}"), upsert("a", 2, "{\"n\":2}")];
    done(&sink, &writes[..1]).await;
    let report = report(&sink, &again(&writes)).await;
    assert_eq!(report.unchanged, 1);
    assert_eq!(database.value("SELECT count(), max(ver) FROM {db}.t").await, "2\t2");
}
