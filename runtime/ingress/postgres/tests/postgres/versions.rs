//! The newer versions, each through a snapshot, changes, a kill and what only they have.

use crate::support::{
    server::Postgres,
    source::{Change as _, PostgresProcess as _, Process, SLOT, new_log, table},
};

async fn journey(version: u32) {
    let Some(mut postgres) = Postgres::start_version(version, "").await else {
        return;
    };
    postgres.sql(
        "CREATE TABLE a (id int PRIMARY KEY, body text, n int); ALTER TABLE a ALTER body SET STORAGE EXTERNAL; \
         GRANT SELECT ON a TO danube; CREATE PUBLICATION danube FOR TABLE a; INSERT INTO a VALUES (1, repeat('x', 9000), 1)",
    );
    let log = new_log();
    let table = table(postgres.port, &["a"], "origin = \"none\"");
    let process = Process::start(&log, &table).await;
    process.streaming(1).await;
    if version >= 17 {
        let failover = format!("SELECT failover FROM pg_replication_slots WHERE slot_name = '{SLOT}'");
        assert_eq!(postgres.sql(&failover), "t");
    }
    postgres.sql("UPDATE a SET n = 2; UPDATE a SET id = 2; DELETE FROM a");
    log.records(5).await;
    postgres.kill_and_restart().await;
    process.streaming(2).await;
    postgres.sql("INSERT INTO a VALUES (3, 'y', 3); TRUNCATE a");
    let records = log
        .until("the truncate is there", |records| {
            records.iter().any(|record| record.op() == "truncate")
        })
        .await;
    let mut ids = std::collections::HashSet::new();
    let once: Vec<_> = records.iter().filter(|record| ids.insert(&record.id)).collect();
    let ops: Vec<_> = once.iter().map(|record| record.op()).collect();
    assert_eq!(
        ops,
        ["read", "update", "delete", "update", "delete", "insert", "truncate"]
    );
    assert_eq!(once[1].attribute("change.unchanged"), "body");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_16() {
    journey(16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_17() {
    journey(17).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_18() {
    journey(18).await;
}
