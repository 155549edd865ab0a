//! Secrets in `authorization` and in the query, and certificates of clients.

use std::{fs, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_wasm_ingress_http::{ApiKey, Auth, ClientCertificate, Secret, Secrets, TlsOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::{Client, Server, request, soon};

fn secrets(texts: &[&str]) -> Secrets {
    Secrets::try_new(texts.iter().map(|text| Secret::try_new(*text).unwrap()).collect()).unwrap()
}

async fn server(key: ApiKey) -> Server {
    Server::start(|endpoint| endpoint.auth = Auth::ApiKey(key)).await
}

#[tokio::test]
async fn bearer_tokens_of_several_senders() {
    let server = server(ApiKey::bearer(&secrets(&["one", "two", "three"]))).await;
    for token in ["one", "two", "three"] {
        let line = format!("authorization: bearer {token}");
        assert_eq!(server.post(&[&line], "{}").await.status, 200, "{token}");
    }
    for line in [
        "authorization: Bearer four",
        "authorization: Bearer ",
        "authorization: Basic one",
        "authorization: one",
    ] {
        let answer = server.post(&[line], "{}").await;
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, Some("Bearer")),
            "{line}"
        );
    }
    let twice = ["authorization: Bearer one", "authorization: Bearer one"];
    assert_eq!(
        server.post(&twice, "{}").await.error(),
        "header authorization is there twice"
    );
    assert_eq!(server.inbox.count(), 3);
    let names: Vec<_> = server.inbox.events()[0]
        .headers
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(names, ["host"], "the token is not handed on");
}

#[tokio::test]
async fn basic_passwords() {
    let server = server(ApiKey::basic("shop", &secrets(&["new:er", "old"]))).await;
    let send = async |pair: &str| {
        let line = format!("authorization: Basic {}", BASE64_STANDARD.encode(pair));
        server.post(&[&line], "{}").await
    };
    assert_eq!(send("shop:new:er").await.status, 200);
    assert_eq!(send("shop:old").await.status, 200);
    for pair in ["shop:other", "other:old", "shop", "shop:", ":old", "shopold:"] {
        let answer = send(pair).await;
        assert_eq!(answer.status, 401, "{pair}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic realm="));
    }
    assert_eq!(server.post(&["authorization: Basic ???"], "{}").await.status, 401);
    assert_eq!(server.inbox.count(), 2);
}

#[tokio::test]
async fn tokens_of_the_query_are_not_handed_on() {
    let server = server(ApiKey::query("token", &secrets(&["a b"]))).await;
    let send = async |query: &str| server.send("POST", &format!("/hook{query}"), &[], "{}").await.status;
    assert_eq!(send("?x=1&tok%65n=a+b&y=%20").await, 200);
    for query in [
        "",
        "?token",
        "?token=",
        "?token=other",
        "?token=a+b&token=a+b",
        "?Token=a+b",
    ] {
        assert_eq!(send(query).await, 401, "{query}");
    }
    let events = server.inbox.events();
    let query = events[0].attributes.iter().find(|(name, _)| name == "query").unwrap();
    assert_eq!((events.len(), &*query.1), (1, "x=1&y=%20"));
}

/// An authority, and a certificate of it for this name.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let issued = params.signed_by(&key, &self.0).unwrap();
        (issued.der().clone(), key)
    }
}

/// A client that trusts the authority, with a certificate or without.
async fn connect(
    server: &Server,
    authority: &Authority,
    identity: Option<(CertificateDer<'static>, KeyPair)>,
) -> std::io::Result<Client<tokio_rustls::client::TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    let tcp = TcpStream::connect(server.listener.local_addr()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let tls = soon("the handshake", TlsConnector::from(Arc::new(config)).connect(name, tcp)).await?;
    Ok(Client::new(tls))
}

#[tokio::test]
async fn certificates_of_clients_by_name_and_by_fingerprint() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let client = |of: &Authority, name: &str| of.issue(name, ExtendedKeyUsagePurpose::ClientAuth);
    let (certificate, key) = authority.issue("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let tls = TlsOptions {
        cert_path: dir.path().join("cert.pem"),
        key_path: dir.path().join("key.pem"),
        client_ca_path: Some(dir.path().join("ca.pem")),
    };
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(&certificate)
    );
    fs::write(&tls.cert_path, pem).unwrap();
    fs::write(&tls.key_path, key.serialize_pem()).unwrap();
    fs::write(tls.client_ca_path.as_ref().unwrap(), authority.0.pem()).unwrap();

    let by_print = client(&authority, "unnamed.example");
    let print = hex::encode_upper(Sha256::digest(&by_print.0));
    let accepted = ClientCertificate::try_new(&["sender.example".to_owned()], &[print]).unwrap();
    let server = Server::start_with(
        |options| options.tls = Some(tls),
        |endpoint| endpoint.auth = Auth::Certificate(accepted),
    )
    .await;

    let status = async |identity| {
        let mut client = connect(&server, &authority, identity).await.expect("TLS begins");
        client.send(request("POST", "/hook", &[], b"{}")).await;
        client.try_answer().await.map(|answer| answer.status)
    };
    assert_eq!(status(Some(client(&authority, "sender.example"))).await, Some(200));
    assert_eq!(status(Some(by_print)).await, Some(200));
    assert_eq!(status(Some(client(&authority, "other.example"))).await, Some(403));
    assert_eq!(status(None).await, Some(401));
    let forged = connect(&server, &authority, Some(client(&stranger, "sender.example"))).await;
    if let Ok(mut client) = forged {
        // TLS 1.3 tells a client only after it has begun.
        client.try_send(&request("POST", "/hook", &[], b"{}")).await;
        assert!(client.try_answer().await.is_none(), "an authority that is not trusted");
    }
    assert_eq!(server.inbox.count(), 2);
}
