//! A row that the server refuses does not take its neighbours with it.

use crate::support::{Database, Fake, Reply, insert, inserts, report, sink, text, try_write, unfit};

#[tokio::test]
async fn rows_that_a_constraint_refuses_are_found_among_thousands() {
    let Some(database) = Database::new("constraint").await else {
        return;
    };
    database
        .create(
            "t",
            "id String, n UInt32, CONSTRAINT small CHECK n < 100000",
            "MergeTree ORDER BY id",
        )
        .await;
    let sink = database.sink("id_column = \"id\"");
    let mut writes = inserts(0..3000);
    for place in [0, 1, 777, 1500, 2999] {
        writes[place].body = "{\"n\":100000}".into();
    }
    let report = report(&sink, &writes).await;
    let places: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [0, 1, 777, 1500, 2999]);
    assert!(
        report.refused.iter().all(|(_, reason)| reason.contains("`small`")),
        "{report:?}"
    );
    assert_eq!(
        database.value("SELECT count(), uniqExact(id) FROM {db}.t").await,
        "2995\t2995"
    );
}

#[tokio::test]
async fn a_hundred_bad_rows_are_refused_and_the_rest_is_stored_once() {
    let Some(database) = Database::new("hundred").await else {
        return;
    };
    database
        .create(
            "t",
            "id String, n UInt32, CONSTRAINT small CHECK n < 100000",
            "MergeTree ORDER BY id",
        )
        .await;
    let sink = database.sink("id_column = \"id\"");
    let mut writes = inserts(0..500);
    writes
        .iter_mut()
        .step_by(5)
        .for_each(|write| write.body = "{\"n\":100000}".into());
    let report = report(&sink, &writes).await;
    assert_eq!(report.refused.len(), 100);
    assert!(report.refused.iter().all(|(place, _)| place % 5 == 0));
    assert_eq!(
        database.value("SELECT count(), uniqExact(id) FROM {db}.t").await,
        "400\t400"
    );
}

#[tokio::test]
async fn a_row_is_refused_only_if_it_is_refused_alone() {
    // It blames the first row, whatever is sent, as a server may that counts the rows of somebody else, too.
    let fake = Fake::start(|_, seen| {
        let has_poison = seen.body.windows(6).any(|bytes| bytes == b"poison");
        match has_poison {
            true => Reply::Exception(469, "Constraint `c` is violated at row 1.".to_owned()),
            false => Reply::Done(String::new()),
        }
    })
    .await;
    let sink = sink(&text(&fake.url, "d", "compression = \"none\"", "id_column = \"id\""));
    let mut writes = inserts(0..20);
    writes[13] = insert("poison", "{\"n\":1}");
    let report = report(&sink, &writes).await;
    let places: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [13], "{report:?}");
    let stored: Vec<_> = fake
        .inserts()
        .into_iter()
        .filter(|seen| !seen.body.windows(6).any(|bytes| bytes == b"poison"))
        .collect();
    assert!(!stored.is_empty());
}

#[tokio::test]
async fn a_table_that_takes_not_even_an_empty_insert_refuses_no_row() {
    let fake = Fake::start(|_, _| Reply::Exception(469, "Constraint `c` is violated at row 1.".to_owned())).await;
    let sink = sink(&text(&fake.url, "d", "", "id_column = \"id\""));
    let message = unfit(try_write(&sink, &inserts(0..3)).await);
    assert!(message.contains("not even an empty one"), "{message}");
}

#[tokio::test]
async fn a_view_behind_the_table_that_refuses_every_row_holds_them() {
    let Some(database) = Database::new("view").await else {
        return;
    };
    let name = &database.name;
    database
        .create("t", "id String, n UInt32", "MergeTree ORDER BY id")
        .await;
    database
        .create("u", "m UInt8, CONSTRAINT never CHECK m > 200", "MergeTree ORDER BY m")
        .await;
    database
        .run(&format!(
            "CREATE MATERIALIZED VIEW {name}.v TO {name}.u AS SELECT toUInt8(n % 10) AS m FROM {name}.t"
        ))
        .await;
    let sink = database.sink("id_column = \"id\"");
    let message = unfit(try_write(&sink, &inserts(0..10)).await);
    assert!(
        message.contains("a view of the table `t` refuses every row"),
        "{message}"
    );
    database.run(&format!("DROP TABLE {name}.v")).await;
    crate::support::done(&sink, &inserts(0..10)).await;
}
