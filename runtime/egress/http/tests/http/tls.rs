//! Whom the sink trusts, and who it is.

use danube_wasm_egress_dial::Dialer;
use danube_wasm_egress_http::{Http, HttpEgress};

use danube_wasm_test_certs::{Authority, write_pem};

use crate::support::{inserts, one, read, report, server::Server, try_write, unfit};

fn open(config: &Http) -> HttpEgress {
    HttpEgress::new(config, &Dialer::new(config.guard.policy())).expect("it opens")
}

/// A sink for this server whose file names these certificates.
fn sink(url: &str, ca: &Authority, client: Option<&Authority>) -> HttpEgress {
    let dir = tempfile::tempdir().expect("a directory");
    let mut keys = format!("ca_file = \"{}\"", write_pem(dir.path(), "ca.pem", &ca.pem()).display());
    if let Some(client) = client {
        let (cert, key) = client.issue(&["danube"]).write(dir.path(), "client");
        keys += &format!(", cert_file = \"{}\", key_file = \"{}\"", cert.display(), key.display());
    }
    let text = one(url, &format!("tls = {{ {keys} }}"));
    open(&read(dir.path(), &text).unwrap_or_else(|wrong| panic!("{wrong}")))
}

#[tokio::test]
async fn an_authority_of_the_file_is_trusted() {
    let ca = Authority::new();
    let server = Server::start_tls(ca.server("localhost", None), |_, _| 200.into()).await;
    assert_eq!(
        report(&sink(&server.url("/"), &ca, None), &inserts(3)).await,
        Default::default()
    );
}

#[tokio::test]
async fn a_certificate_of_nobody_known_or_for_another_name_holds_the_endpoint() {
    let (ca, other) = (Authority::new(), Authority::new());
    let server = Server::start_tls(ca.server("localhost", None), |_, _| 200.into()).await;
    let message = unfit(try_write(&sink(&server.url("/"), &other, None), &inserts(1)).await);
    assert!(message.contains("certificate"), "{message}");
    let named = Server::start_tls(ca.server("api.example", None), |_, _| 200.into()).await;
    let message = unfit(try_write(&sink(&named.url("/"), &ca, None), &inserts(1)).await);
    assert!(message.contains("localhost"), "{message}");
    assert_eq!((server.seen().len(), named.seen().len()), (0, 0));
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_who_asks_for_one() {
    let (ca, clients) = (Authority::new(), Authority::new());
    let server = Server::start_tls(ca.server("localhost", Some(&clients)), |_, _| 200.into()).await;
    let with = sink(&server.url("/"), &ca, Some(&clients));
    assert_eq!(report(&with, &inserts(1)).await, Default::default());
    let without = sink(&server.url("/"), &ca, None);
    let result = try_write(&without, &inserts(1)).await;
    assert!(result.is_err() || !result.expect("a report").later.is_empty());
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_certificate_that_changes_in_its_file_is_another_configuration() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = || write_pem(dir.path(), "ca.pem", &Authority::new().pem());
    let text = one(
        "https://localhost/",
        &format!("tls = {{ ca_file = \"{}\" }}", write().display()),
    );
    let read = || read(dir.path(), &text).expect("valid");
    let (first, again) = (read(), read());
    assert_eq!(first, again, "a reload leaves the sink as it is");
    write();
    assert_ne!(first, read(), "a reload starts it with the new one");
}
