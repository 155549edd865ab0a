//! Tables that are missing, changed or recreated, and what that means for others.

use crate::support::{Database, done, insert, inserts, report, sink, to, try_write, unfit};

const MAPPING: &str = "tables = [\"u\", \"gone\"]\nid_column = \"id\"";

async fn two_tables(test: &str) -> Option<Database> {
    let database = Database::new(test).await?;
    for table in ["t", "u"] {
        database
            .create(table, "id String, n UInt32", "MergeTree ORDER BY id")
            .await;
    }
    Some(database)
}

#[tokio::test]
async fn one_missing_table_does_not_touch_the_others() {
    let Some(database) = two_tables("missing").await else {
        return;
    };
    let sink = database.sink(MAPPING);
    let mut writes = inserts(0..9);
    for (place, write) in writes.iter_mut().enumerate() {
        *write = to(["t", "gone", "u"][place % 3], write.clone());
    }
    let report = report(&sink, &writes).await;
    let [later] = report.later.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!((&later.places, report.refused.len()), (&vec![1, 4, 7], 0));
    assert!(
        later.message.contains("Code: 60") && later.message.contains("create the table"),
        "{}",
        later.message
    );
    for table in ["t", "u"] {
        assert_eq!(
            database.value(&format!("SELECT count() FROM {{db}}.{table}")).await,
            "3"
        );
    }
    // Alone, it is held by its name.
    let message = unfit(try_write(&sink, &writes[1..2]).await);
    assert!(message.contains("gone"), "{message}");
    database
        .create("gone", "id String, n UInt32", "MergeTree ORDER BY id")
        .await;
    let waiting: Vec<_> = later.places.iter().map(|place| writes[*place].clone()).collect();
    done(&sink, &waiting).await;
    assert_eq!(database.value("SELECT count() FROM {db}.gone").await, "3");
}

#[tokio::test]
async fn a_bad_record_of_one_table_dead_letters_none_of_another() {
    let Some(database) = two_tables("neighbours").await else {
        return;
    };
    let sink = database.sink(MAPPING);
    let writes = [
        insert("1", "{\"n\":1}"),
        to("u", insert("2", "{\"n\":\"x\"}")),
        to("u", insert("3", "{\"n\":3}")),
    ];
    let report = report(&sink, &writes).await;
    assert_eq!(report.refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1]);
    assert_eq!(database.value("SELECT count() FROM {db}.t").await, "1");
    assert_eq!(database.value("SELECT count() FROM {db}.u").await, "1");
}

#[tokio::test]
async fn a_column_that_was_added_is_filled_by_the_next_document_that_has_it() {
    let Some(database) = two_tables("added").await else {
        return;
    };
    let sink = database.sink(MAPPING);
    done(&sink, &[insert("1", "{\"n\":1}")]).await;
    let before = report(&sink, &[insert("2", "{\"n\":2,\"m\":\"x\"}")]).await;
    assert!(
        before.refused[0]
            .1
            .starts_with("`/m` is \"x\", and the table has no column"),
        "{before:?}"
    );
    database
        .run(&format!(
            "ALTER TABLE {}.t ADD COLUMN m String DEFAULT '-'",
            database.name
        ))
        .await;
    done(&sink, &[insert("3", "{\"n\":3,\"m\":\"x\"}"), insert("4", "{\"n\":4}")]).await;
    assert_eq!(
        database
            .value("SELECT groupArray(m) FROM (SELECT m FROM {db}.t ORDER BY id)")
            .await,
        "['-','x','-']"
    );
}

#[tokio::test]
async fn a_column_of_another_type_is_seen_and_nothing_is_wrapped() {
    let Some(database) = two_tables("retyped").await else {
        return;
    };
    let sink = database.sink(MAPPING);
    done(&sink, &inserts(0..2)).await;
    database
        .run(&format!("ALTER TABLE {}.t MODIFY COLUMN n UInt8", database.name))
        .await;
    let report = report(&sink, &inserts(100..300)).await;
    assert_eq!(report.refused.len(), 44, "{report:?}");
    assert!(
        report.refused[0].1.contains("`/n` is 256, which column `n` UInt8"),
        "{report:?}"
    );
    assert_eq!(database.value("SELECT count(), max(n) FROM {db}.t").await, "158\t255");
}

#[tokio::test]
async fn a_table_that_was_dropped_and_recreated_is_written_to_as_it_is_now() {
    let Some(database) = two_tables("recreated").await else {
        return;
    };
    let sink = database.sink(MAPPING);
    done(&sink, &inserts(0..5)).await;
    database.run(&format!("DROP TABLE {}.t", database.name)).await;
    let message = unfit(try_write(&sink, &inserts(5..7)).await);
    assert!(message.contains("Code: 60"), "{message}");
    database
        .create(
            "t",
            "n UInt64, id String, extra String DEFAULT 'e'",
            "MergeTree ORDER BY id",
        )
        .await;
    done(&sink, &inserts(5..7)).await;
    assert_eq!(
        database.value("SELECT count(), min(n), any(extra) FROM {db}.t").await,
        "2\t5\te"
    );
    // A column less.
    database
        .run(&format!("ALTER TABLE {}.t DROP COLUMN n", database.name))
        .await;
    let report = report(&sink, &inserts(7..8)).await;
    assert!(
        report.refused[0]
            .1
            .starts_with("`/n` is 7, and the table has no column"),
        "{report:?}"
    );
}

#[tokio::test]
async fn names_are_names_whatever_they_hold() {
    let Some(database) = Database::new("names").await else {
        return;
    };
    let table = "`o'r\\\\d\\`e\"rs; DROP`";
    database
        .create(table, "`i d` String, `n\\`'` UInt8", "MergeTree ORDER BY `i d`")
        .await;
    let text = database.text("", "").replace(
        "table = \"t\"",
        "table = \"o'r\\\\d`e\\\"rs; DROP\"\nid_column = \"i d\"",
    );
    let sink = sink(&text);
    let write = to("o'r\\d`e\"rs; DROP", insert("1'\\", "{\"n`'\":7}"));
    done(&sink, &[write]).await;
    let rows = database.rows(&format!("SELECT * FROM {{db}}.{table}")).await;
    assert_eq!(rows, [serde_json::json!({"i d": "1'\\", "n`'": 7})]);
}

#[tokio::test]
async fn a_write_to_a_table_that_the_file_does_not_name_is_refused() {
    let Some(database) = two_tables("foreign").await else {
        return;
    };
    let sink = database.sink("");
    let report = report(&sink, &[to("u", insert("1", "{}"))]).await;
    assert!(report.refused[0].1.contains("no table"), "{report:?}");
}
