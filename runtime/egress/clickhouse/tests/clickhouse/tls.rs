//! Whom the sink trusts, and who it is.

use danube_wasm_egress_clickhouse::ClickHouseEgress;

use danube_wasm_test_certs::{Authority, write_pem};

use crate::support::{Fake, done, inserts, read, text, try_write, unfit};

/// A sink that trusts this authority, with a certificate of another one.
fn sink(url: &str, ca: &Authority, clients: &Authority) -> ClickHouseEgress {
    let dir = tempfile::tempdir().expect("a directory");
    write_pem(dir.path(), "ca.pem", &ca.pem());
    clients.issue(&["danube"]).write(dir.path(), "client");
    let tls = "tls = { ca_file = \"ca.pem\", cert_file = \"client.pem\", key_file = \"client-key.pem\" }";
    let config = read(dir.path(), &text(url, "d", tls, "id_column = \"id\"")).unwrap_or_else(|wrong| panic!("{wrong}"));
    ClickHouseEgress::new(&config).expect("it opens")
}

#[tokio::test]
async fn a_server_with_the_right_certificate_is_written_to_and_sees_the_sinks_own() {
    let (ca, clients) = (Authority::new(), Authority::new());
    let fake = Fake::start_tls(ca.server("localhost", Some(&clients))).await;
    done(&sink(&fake.url, &ca, &clients), &inserts(0..3)).await;
    assert_eq!(fake.inserts().len(), 1);
}

#[tokio::test]
async fn a_certificate_of_another_name_or_authority_is_not_accepted() {
    let (ca, clients) = (Authority::new(), Authority::new());
    let other_name = Fake::start_tls(ca.server("elsewhere.example", None)).await;
    let message = unfit(try_write(&sink(&other_name.url, &ca, &clients), &inserts(0..1)).await);
    assert!(
        message.contains("certificate") && message.contains("`url`"),
        "{message}"
    );
    let unknown = Fake::start_tls(Authority::new().server("localhost", None)).await;
    let message = unfit(try_write(&sink(&unknown.url, &ca, &clients), &inserts(0..1)).await);
    assert!(
        message.contains("certificate") && message.contains("`tls`"),
        "{message}"
    );
    assert!(other_name.seen().is_empty() && unknown.seen().is_empty());
}
