//! Tables in S3 and in Azure, and what networks do to their commits.

use danube_wasm_model::door::EgressError;
use futures_util::future::join_all;

use crate::support::{
    COLUMNS, append, azure, inserts,
    proxy::{Fate, Proxy, is_commit},
    reader, s3, sink, sink_as, try_write, unfit, until_ok, with_storage,
};

fn numbers(url: &str, port: u16) -> Vec<i64> {
    reader::read_with(url, &s3::options(&format!("http://127.0.0.1:{port}"))).numbers()
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_not_made_again() {
    // delta-io/delta-rs#268, delta-io/delta#7345
    let Some(server) = s3::start().await else { return };
    let proxy = Proxy::to(server.port).await;
    let url = "s3://bucket/lost-answer";
    let sink = sink(&with_storage(url, COLUMNS, &s3::storage(proxy.port)));
    append(&sink, &inserts(0..10)).await;
    // The store's client asks again by itself, and is told that the version is there.
    proxy.next_commits(1, Fate::LoseAnswer);
    until_ok(&sink, &inserts(10..20)).await;
    // All its questions remain without an answer.
    proxy.next_commits(100, Fate::LoseAnswer);
    until_ok(&sink, &inserts(20..30)).await;
    proxy.set(|_, _| Fate::Pass);
    until_ok(&sink, &inserts(0..35)).await;
    if reader::is_installed() {
        assert_eq!(numbers(url, server.port), Vec::from_iter(0..35));
    }
}

#[tokio::test]
async fn a_process_that_ends_before_its_commit_leaves_nothing_that_counts() {
    let Some(server) = s3::start().await else { return };
    let proxy = Proxy::to(server.port).await;
    let url = "s3://bucket/ended-before";
    let text = with_storage(url, COLUMNS, &s3::storage(proxy.port));
    append(&sink(&text), &inserts(0..10)).await;
    {
        // Its ids and files are in the store, its commit is not.
        let sink = sink(&text);
        proxy.next_commits(100, Fate::Answer(503));
        match try_write(&sink, &inserts(10..20)).await {
            Err(EgressError::Transient { .. }) => {}
            other => panic!("{other:?}"),
        }
        proxy.set(|_, _| Fate::Pass);
    }
    // The next one has other batches: what the first wanted to write comes later.
    for rows in [5..12, 15..25, 10..30] {
        append(&sink(&text), &inserts(rows)).await;
    }
    if reader::is_installed() {
        assert_eq!(numbers(url, server.port), Vec::from_iter(0..30));
    }
}

#[tokio::test]
async fn a_store_that_replaces_commits_is_refused() {
    // delta-io/delta#1410, delta-io/delta-rs#1348, PostHog/posthog#69909
    let Some(server) = s3::start().await else { return };
    let proxy = Proxy::to(server.port).await;
    proxy.set(|_, _| Fate::Unconditional);
    let sink = sink(&with_storage("s3://bucket/replaced", COLUMNS, &s3::storage(proxy.port)));
    let message = unfit(try_write(&sink, &inserts(0..1)).await);
    assert!(
        message.contains("the store replaces an object although it is asked not to"),
        "{message}"
    );
}

#[tokio::test]
async fn writers_at_the_same_time_lose_nothing_and_double_nothing() {
    let Some(server) = s3::start().await else { return };
    let url = "s3://bucket/together";
    let text = with_storage(url, COLUMNS, &s3::storage(server.port));
    append(&sink_as(&text, "first"), &inserts(0..1)).await;
    let sinks: Vec<_> = (0..4).map(|n| sink_as(&text, &format!("process-{n}"))).collect();
    // Each row comes to two of them.
    join_all(sinks.iter().enumerate().map(async |(n, sink)| {
        for round in 0..3 {
            let start = 1 + round * 40 + n * 10;
            until_ok(sink, &inserts(start..start + 20)).await;
        }
    }))
    .await;
    if reader::is_installed() {
        assert_eq!(numbers(url, server.port), Vec::from_iter(0..131));
    }
}

#[tokio::test]
async fn refused_credentials_and_absent_buckets_wait_for_somebody() {
    let Some(server) = s3::start().await else { return };
    let proxy = Proxy::to(server.port).await;
    let storage = s3::storage(proxy.port);
    let message = unfit(
        try_write(
            &sink(&with_storage("s3://absent/table", COLUMNS, &storage)),
            &inserts(0..1),
        )
        .await,
    );
    assert!(message.contains("the bucket or container is not there"), "{message}");
    proxy.set(|_, _| Fate::Answer(403));
    let message = unfit(
        try_write(
            &sink(&with_storage("s3://bucket/refused", COLUMNS, &storage)),
            &inserts(0..1),
        )
        .await,
    );
    assert!(message.contains("the store refuses the credentials"), "{message}");
    assert!(!message.contains("secret"), "{message}");
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    let Some(server) = s3::start().await else { return };
    let proxy = Proxy::to(server.port).await;
    let url = "s3://bucket/away";
    let sink = sink(&with_storage(url, COLUMNS, &s3::storage(proxy.port)));
    append(&sink, &inserts(0..10)).await;
    proxy.set(|_, _| Fate::LoseRequest);
    match try_write(&sink, &inserts(10..20)).await {
        Err(EgressError::Transient { .. }) => {}
        other => panic!("{other:?}"),
    }
    // Requests of all kinds fail now and then, in no pattern that could always meet the same ones.
    let mut nth: u32 = 0;
    proxy.set(move |_, path| {
        nth = nth.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match (nth >> 16) % 10 {
            0 if !is_commit(path) => Fate::Answer(500),
            1 => Fate::LoseAnswer,
            2 => Fate::LoseRequest,
            _ => Fate::Pass,
        }
    });
    for round in 1..6 {
        until_ok(&sink, &inserts(round * 10..round * 10 + 10)).await;
    }
    proxy.set(|_, _| Fate::Pass);
    if reader::is_installed() {
        assert_eq!(numbers(url, server.port), Vec::from_iter(0..60));
    }
}

#[tokio::test]
async fn azure_keeps_tables_as_s3_does() {
    let Some(server) = azure::start().await else { return };
    server.create_container().await;
    let url = "az://container/table";
    let text = with_storage(url, COLUMNS, &server.storage());
    let (one, other) = (sink_as(&text, "one"), sink_as(&text, "other"));
    for round in 0..3 {
        let rows = inserts(round * 20..round * 20 + 20);
        tokio::join!(until_ok(&one, &rows), until_ok(&other, &rows));
    }
    if reader::is_installed() {
        let read = reader::read_with(url, &server.options());
        assert_eq!(read.numbers(), Vec::from_iter(0..60));
    }
}
