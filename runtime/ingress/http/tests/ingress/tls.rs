//! TLS: both protocols by ALPN, and certificates that expire.

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use danube_wasm_ingress_http::{BindError, HttpListener, ListenerOptions, TlsError, TlsOptions};
use http::Request;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{Client, Server, request, soon};

/// Writes a new certificate for `localhost` and its key; gives the certificate.
fn issue(options: &TlsOptions) -> CertificateDer<'static> {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&options.cert_path, issued.cert.pem()).unwrap();
    fs::write(&options.key_path, issued.signing_key.serialize_pem()).unwrap();
    CertificateDer::from_pem_slice(issued.cert.pem().as_bytes()).unwrap()
}

fn files(dir: &Path) -> TlsOptions {
    TlsOptions {
        cert_path: dir.join("cert.pem"),
        key_path: dir.join("key.pem"),
        client_ca_path: None,
    }
}

async fn server(tls: &TlsOptions) -> Server {
    let tls = tls.clone();
    Server::start_with(|options| options.tls = Some(tls), |_| {}).await
}

async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    alpn: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let tcp = TcpStream::connect(server.listener.local_addr()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    soon("the handshake", TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
}

#[tokio::test]
async fn both_protocols_by_alpn() {
    let dir = tempfile::tempdir().unwrap();
    let tls = files(dir.path());
    let certificate = issue(&tls);
    let server = server(&tls).await;

    let mut client = Client::new(connect(&server, &certificate, "http/1.1").await.unwrap());
    client.send(request("POST", "/hook", &[], b"{}")).await;
    assert_eq!(client.answer().await.status, 200);

    let stream = connect(&server, &certificate, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let post = Request::post("https://localhost/hook")
        .body(Full::new(Bytes::from("{}")))
        .unwrap();
    assert_eq!(
        soon("the answer", sender.send_request(post)).await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn what_is_not_tls_is_closed_and_disturbs_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let tls = files(dir.path());
    let certificate = issue(&tls);
    let server = Server::start_with(
        |options| {
            options.tls = Some(tls);
            options.limits.tls_handshake_ms_max = 200;
        },
        |_| {},
    )
    .await;
    let mut plain = server.connect().await;
    plain.send(request("POST", "/hook", &[], b"{}")).await;
    assert!(plain.try_answer().await.is_none());
    // One that never says anything.
    server.connect().await.closed().await;
    connect(&server, &certificate, "http/1.1")
        .await
        .expect("others are served");
}

#[tokio::test]
async fn certificates_are_reloaded_and_kept_if_they_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let tls = files(dir.path());
    let old = issue(&tls);
    let server = server(&tls).await;
    let mut kept = Client::new(connect(&server, &old, "http/1.1").await.unwrap());

    let new = issue(&tls);
    connect(&server, &new, "http/1.1").await.expect_err("not read yet");
    server.listener.reload_tls().unwrap();
    connect(&server, &new, "http/1.1").await.unwrap();
    connect(&server, &old, "http/1.1").await.expect_err("replaced");
    kept.send(request("POST", "/hook", &[], b"{}")).await;
    assert_eq!(kept.answer().await.status, 200, "connections live on");

    fs::write(&tls.cert_path, "").unwrap();
    assert!(matches!(
        server.listener.reload_tls(),
        Err(TlsError::Certificate { .. })
    ));
    connect(&server, &new, "http/1.1").await.expect("still served");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let tls = files(dir.path());
    let bind = async || {
        let mut options = ListenerOptions::new(([127, 0, 0, 1], 0).into());
        options.tls = Some(tls.clone());
        match HttpListener::bind(options).await {
            Err(BindError::Tls(error)) => error,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("must not listen"),
        }
    };
    let error = bind().await;
    assert!(
        matches!(error, TlsError::Certificate { .. }) && error.to_string().contains("cert.pem"),
        "{error}"
    );
    issue(&tls);
    fs::write(&tls.key_path, "no key").unwrap();
    assert!(matches!(bind().await, TlsError::Key { .. }));
    let other = rcgen::KeyPair::generate().unwrap();
    fs::write(&tls.key_path, other.serialize_pem()).unwrap();
    assert!(matches!(bind().await, TlsError::Mismatch { .. }));
}
