//! Encrypted connections.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use danube_wasm_connector::Outcome;
use danube_wasm_test_certs::{Authority, write_pem};

use crate::support::{
    server::Postgres,
    source::{PostgresProcess as _, Process, new_log, probe, table, texts_once},
};

/// An authority, and a certificate of it for the server.
fn certificates(dir: &Path) {
    let authority = Authority::new();
    write_pem(dir, "ca.pem", &authority.pem());
    let identity = authority.issue(&["localhost"]);
    write_pem(dir, "data/server.crt", &identity.cert);
    let path = write_pem(dir, "data/server.key", &identity.key);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its mode");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_checked_against_the_authority_and_the_name() {
    let Some(postgres) = Postgres::start_with("ssl = on", certificates).await else {
        return;
    };
    postgres
        .sql("CREATE TABLE a (id int PRIMARY KEY); GRANT SELECT ON a TO danube; CREATE PUBLICATION danube FOR TABLE a");
    let ca = format!(
        "\n[sources.postgres.tls]\nca_path = \"{}\"\n",
        postgres.file("ca.pem").display()
    );
    let of = |host: &str, tls: &str| {
        let table = table(postgres.port, &["a"], "sslmode = \"verify-full\"");
        format!("{}{tls}", table.replace("//127.0.0.1", &format!("//{host}")))
    };
    let right = of("localhost", &ca);
    let findings = probe(&right).await;
    assert!(
        !findings.iter().any(|one| matches!(one.outcome, Outcome::Failed(_))),
        "{findings:?}"
    );
    for wrong in [of("localhost", ""), of("127.0.0.1", &ca)] {
        let findings = probe(&wrong).await;
        assert!(
            matches!(&findings[..], [one] if matches!(&one.outcome, Outcome::Failed(why) if why.contains("certificate"))),
            "{findings:?}"
        );
    }
    let log = new_log();
    let process = Process::start(&log, &right).await;
    process.streaming(1).await;
    assert_eq!(
        postgres
            .sql("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'danube'"),
        "t"
    );
    postgres.sql("INSERT INTO a VALUES (1)");
    assert_eq!(texts_once(&log.records(1).await), [r#"{"id":1}"#]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_encryption_is_named() {
    let Some(postgres) = Postgres::start("").await else {
        return;
    };
    let findings = probe(&table(postgres.port, &["a"], "sslmode = \"verify-full\"")).await;
    assert!(
        matches!(&findings[..], [one] if matches!(&one.outcome, Outcome::Failed(why) if why.contains("takes no encrypted connections"))),
        "{findings:?}"
    );
}
