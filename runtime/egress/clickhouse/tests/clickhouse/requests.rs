//! What an insert says to the server.

use std::collections::BTreeSet;

use crate::support::{Fake, Reply, done, insert, inserts, report, sink, text, to, transient, try_write};

async fn fake() -> Fake {
    Fake::start(|_, _| Reply::Done(String::new())).await
}

const MAPPING: &str = "id_column = \"id\"";

#[tokio::test]
async fn rows_are_sent_whole_with_their_length_and_not_in_chunks() {
    let fake = fake().await;
    let sink = sink(&text(&fake.url, "d", "compression = \"none\"", MAPPING));
    done(&sink, &inserts(0..2)).await;
    let [seen] = &fake.inserts()[..] else {
        panic!("one insert")
    };
    assert!(seen.headers.get("transfer-encoding").is_none());
    let length = seen
        .headers
        .get("content-length")
        .expect("a length")
        .to_str()
        .expect("text");
    assert_eq!(length, seen.body.len().to_string());
    assert_eq!(
        &seen.body[..],
        b"\x02\x02id\x01n\x06String\x06UInt32\x010\0\0\0\0\x011\x01\0\0\0"
    );
    assert_eq!(
        seen.parameter("query"),
        "INSERT INTO {database:Identifier}.{table:Identifier} (`id`, `n`) FORMAT RowBinaryWithNamesAndTypes"
    );
    assert_eq!(
        (seen.parameter("param_database"), seen.parameter("param_table")),
        ("d", "t")
    );
}

#[tokio::test]
async fn the_settings_that_the_promises_need_are_always_sent_if_the_server_has_them() {
    let fake = fake().await;
    let sink = sink(&text(
        &fake.url,
        "d",
        "settings = { insert_quorum = \"auto\", max_threads = 2 }",
        MAPPING,
    ));
    done(&sink, &inserts(0..999)).await;
    done(&sink, &inserts(0..1000)).await;
    let seen = fake.inserts();
    for seen in &seen {
        for (name, value) in [
            ("wait_end_of_query", "1"),
            ("wait_for_async_insert", "1"),
            ("input_format_null_as_default", "0"),
            ("input_format_skip_unknown_fields", "0"),
            ("distributed_foreground_insert", "1"),
            ("insert_quorum", "auto"),
            ("max_threads", "2"),
        ] {
            assert_eq!(seen.parameter(name), value, "{name}");
        }
        assert_eq!(
            seen.parameter("insert_distributed_sync"),
            "",
            "this server does not have it"
        );
    }
    assert_eq!(
        (seen[0].parameter("async_insert"), seen[1].parameter("async_insert")),
        ("1", "0")
    );
}

#[tokio::test]
async fn a_token_is_the_same_for_the_same_rows_and_another_one_for_all_others() {
    let fake = Fake::start(|nth, _| {
        if nth % 2 == 0 {
            Reply::Cut
        } else {
            Reply::Done(String::new())
        }
    })
    .await;
    let text_of = |settings: &str| text(&fake.url, "d", settings, MAPPING);
    let mut tokens = BTreeSet::new();
    for (settings, writes) in [
        ("", inserts(0..2000)),
        ("", inserts(0..2001)),
        ("", inserts(1..2001)),
        ("settings = { max_insert_block_size = 10 }", inserts(0..2000)),
    ] {
        let before = fake.inserts().len();
        transient(try_write(&sink(&text_of(settings)), &writes).await);
        // In another process, so to speak.
        done(&sink(&text_of(settings)), &writes).await;
        let seen = fake.inserts().split_off(before);
        assert_eq!(seen.len(), 2);
        assert_eq!(
            seen[0].parameter("insert_deduplication_token"),
            seen[1].parameter("insert_deduplication_token")
        );
        assert_eq!(seen[0].body, seen[1].body);
        tokens.insert(seen[0].parameter("insert_deduplication_token").to_owned());
    }
    assert_eq!(tokens.len(), 4);
    assert!(tokens.iter().all(|token| token.len() == 40), "{tokens:?}");
}

#[tokio::test]
async fn columns_that_rows_leave_to_the_server_are_left_out() {
    let columns = "{\"name\":\"id\",\"type\":\"String\",\"default_kind\":\"\",\"default_expression\":\"\"}\n\
         {\"name\":\"n\",\"type\":\"UInt32\",\"default_kind\":\"DEFAULT\",\"default_expression\":\"7\"}\n\
         {\"name\":\"m\",\"type\":\"UInt8\",\"default_kind\":\"MATERIALIZED\",\"default_expression\":\"n % 2\"}\n";
    let engine =
        "{\"engine\":\"MergeTree\",\"engine_full\":\"MergeTree\",\"sorting_key\":\"\",\"partition_key\":\"\"}\n";
    let fake = Fake::answering(move |_, seen| match String::from_utf8_lossy(&seen.body) {
        query if query.contains("system.columns") => Reply::Done(columns.to_owned()),
        query if query.contains("system.tables") => Reply::Done(engine.to_owned()),
        _ => Reply::Done(String::new()),
    })
    .await;
    let sink = sink(&text(&fake.url, "d", "", MAPPING));
    let writes = [
        insert("1", "{\"n\":1}"),
        insert("2", "{}"),
        insert("3", "{\"n\":3}"),
        insert("4", "{}"),
    ];
    done(&sink, &writes).await;
    let mut queries: Vec<_> = fake
        .inserts()
        .iter()
        .map(|seen| seen.parameter("query").to_owned())
        .collect();
    queries.sort();
    assert_eq!(queries.len(), 2, "{queries:?}");
    assert!(
        queries[0].contains("(`id`)") && queries[1].contains("(`id`, `n`)"),
        "{queries:?}"
    );
}

#[tokio::test]
async fn an_error_about_a_row_of_a_shared_insert_is_asked_for_again_alone() {
    // Collected with others' rows, the server blames a row that is not ours.
    let fake = Fake::start(|_, seen| match seen.parameter("async_insert") {
        "1" => Reply::Exception(469, "Constraint `c` is violated at row 2.".to_owned()),
        _ => Reply::Done(String::new()),
    })
    .await;
    let sink = sink(&text(&fake.url, "d", "", MAPPING));
    done(&sink, &inserts(0..5)).await;
    let seen = fake.inserts();
    assert_eq!((seen.len(), seen[1].parameter("async_insert")), (2, "0"));
}

#[tokio::test]
async fn each_table_has_an_insert_of_its_own() {
    let fake = fake().await;
    let sink = sink(&text(&fake.url, "d", "", &format!("{MAPPING}\ntables = [\"u\"]")));
    done(
        &sink,
        &[
            insert("1", "{\"n\":1}"),
            to("u", insert("2", "{\"n\":2}")),
            insert("3", "{\"n\":3}"),
        ],
    )
    .await;
    let tables: BTreeSet<_> = fake
        .inserts()
        .iter()
        .map(|seen| seen.parameter("param_table").to_owned())
        .collect();
    assert_eq!(tables, ["t".to_owned(), "u".to_owned()].into());
    assert_eq!(fake.inserts().len(), 2);
}

#[tokio::test]
async fn an_insert_that_is_too_large_for_a_proxy_is_halved() {
    let fake = Fake::start(|_, seen| match seen.body.len() > 2_000 {
        true => Reply::Answer(413, Vec::new(), "too large".to_owned()),
        false => Reply::Done(String::new()),
    })
    .await;
    let sink = sink(&text(&fake.url, "d", "compression = \"none\"", MAPPING));
    done(&sink, &inserts(0..1000)).await;
    let taken = fake.inserts().into_iter().filter(|seen| seen.body.len() <= 2_000);
    assert!(taken.count() >= 5);
    // One that is too large alone is refused.
    let mut writes = inserts(0..3);
    writes[1].id = "x".repeat(3_000);
    let report = report(&sink, &writes).await;
    let places: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!((places, report.later.len()), (vec![1], 0), "{report:?}");
}
