//! What a server refuses, in the sentence that the user reads, at the start and from `check --connect`.

use danube_wasm_connector::{Finding, Outcome};

use crate::support::{
    server::Postgres,
    source::{Process, new_log, probe, table},
};

const TABLE: &str = "CREATE TABLE a (id int PRIMARY KEY); GRANT SELECT ON a TO danube;";

/// What the source stops with.
async fn refused(table: &str) -> String {
    let log = new_log();
    let process = Process::start(&log, table).await;
    let why = process.failed().await;
    process.stop().await;
    why
}

fn failures(findings: &[Finding]) -> Vec<String> {
    let failed = findings.iter().filter_map(|finding| match &finding.outcome {
        Outcome::Failed(why) => Some(format!("{}: {why}", finding.what)),
        _ => None,
    });
    failed.collect()
}

/// It is found both ways, and says all of these.
async fn both(table: &str, says: &[&str]) {
    let (run, found) = (refused(table).await, failures(&probe(table).await));
    for word in says {
        assert!(run.contains(word), "{word}: {run}");
        assert!(found.iter().any(|why| why.contains(word)), "{word}: {found:?}");
    }
    for text in found.iter().chain([&run]) {
        assert!(!text.contains("sesame"), "no secret is shown: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_named_with_its_cure() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(TABLE);
    let port = postgres.port;
    both(
        &table(port, &["a"], "password = \"wrong-sesame\""),
        &["password authentication failed", "`user` and `password`"],
    )
    .await;
    let elsewhere = table(port, &["a"], "").replace("/shop\"", "/attic\"");
    both(&elsewhere, &["no `attic`"]).await;
    both(
        &table(port, &["a"], ""),
        &[
            "has no publication `danube`",
            "CREATE PUBLICATION \"danube\" FOR TABLE",
            "create_publication = true",
        ],
    )
    .await;
    postgres.sql("CREATE TABLE b (id int PRIMARY KEY); CREATE PUBLICATION danube FOR TABLE b");
    both(
        &table(port, &["a"], ""),
        &[
            "does not have `public.a`",
            "ALTER PUBLICATION \"danube\" ADD TABLE \"public\".\"a\"",
        ],
    )
    .await;
    both(&table(port, &["nowhere"], ""), &["has no table `public.nowhere`"]).await;
    postgres.sql("ALTER PUBLICATION danube ADD TABLE a; REVOKE ALL ON a FROM danube");
    both(&table(port, &["a"], ""), &["GRANT SELECT ON public.a"]).await;
    postgres.sql("GRANT SELECT ON a TO danube; ALTER ROLE danube NOREPLICATION");
    both(&table(port, &["a"], ""), &["ALTER ROLE \"danube\""]).await;
    postgres.sql("ALTER ROLE danube REPLICATION");
    let findings = probe(&table(port, &["a"], "")).await;
    assert_eq!(failures(&findings), Vec::<String>::new());
    let awaited = findings
        .iter()
        .any(|one| matches!(&one.outcome, Outcome::Awaited(_)) && one.what.contains("slot"));
    assert!(awaited, "the slot is made by `run`: {findings:?}");
    assert_eq!(
        postgres.sql("SELECT count(*) FROM pg_replication_slots"),
        "0",
        "nothing was changed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_logical_replication_is_named() {
    let Some(postgres) = Postgres::start("wal_level = replica").await else {
        return;
    };
    postgres.sql(&format!("{TABLE} CREATE PUBLICATION danube FOR TABLE a"));
    both(
        &table(postgres.port, &["a"], ""),
        &["`wal_level = replica`", "restart the server"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_table_that_is_published_by_its_partitions_is_named() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql(
        "CREATE TABLE m (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE m1 PARTITION OF m DEFAULT; \
         GRANT SELECT ON m TO danube; CREATE PUBLICATION danube FOR TABLE m",
    );
    both(
        &table(postgres.port, &["m"], ""),
        &["publish_via_partition_root = true"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_key_is_said_before_its_writers_are_refused() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    postgres.sql("CREATE TABLE a (id int); GRANT SELECT ON a TO danube; CREATE PUBLICATION danube FOR TABLE a");
    let findings = probe(&table(postgres.port, &["a"], "")).await;
    let said = findings.iter().any(|one| {
        matches!(&one.outcome, Outcome::Unknown(why) if why.contains("REPLICA IDENTITY FULL"))
            && one.what.contains("public.a")
    });
    assert!(said, "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_database_is_named() {
    let web = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = web.local_addr().expect("its address").port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((socket, _)) = web.accept().await {
            kept.push(socket);
        }
    });
    let table = table(port, &["a"], "connect_timeout_ms = 300");
    let found = failures(&probe(&table).await);
    assert!(
        matches!(&found[..], [why] if why.contains("has not answered within 300 ms: check that this is a PostgreSQL port")),
        "{found:?}"
    );
}
