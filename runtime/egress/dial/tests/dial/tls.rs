//! TLS to a checked address, verified by the host's name.

use danube_wasm_egress_dial::{DialError, Dialer, Redirects, TlsIdentity, TlsSettings, TlsSettingsError, start_tls};
use rustls::CertificateError;
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_rustls::client::TlsStream;

use crate::support::{
    ALLOWED, DEADLINE, DENIED, assert_denied,
    certs::{identity, pem, trusting},
    dialer,
    dns::ScriptedResolver,
    server::{Answer, Server},
};
use danube_wasm_test_certs::Authority;

async fn serving(authority: &Authority, names: &[&str], expired: bool) -> Server {
    let identity = match expired {
        true => authority.issue_expired(names),
        false => authority.issue(names),
    };
    let tls = identity.server(None);
    Server::start_tls(ALLOWED, tls, |_| Answer::ok()).await
}

async fn connect(trusted: &Authority, server: &Server, host: &str) -> Result<TlsStream<TcpStream>, DialError> {
    let dns = ScriptedResolver::default().answering(host, &[ALLOWED]);
    let tls = trusting(trusted, None);
    dialer(&dns).connect_tls(host, server.port(), &tls, DEADLINE).await
}

fn fault(result: Result<TlsStream<TcpStream>, DialError>) -> (CertificateError, String) {
    match result.expect_err("a refusal") {
        error @ DialError::Certificate { .. } => {
            let message = error.to_string();
            let DialError::Certificate { fault, .. } = error else {
                unreachable!()
            };
            (fault, message)
        }
        other => panic!("not about the certificate: {other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_for_the_host_is_accepted() {
    let authority = Authority::new();
    let server = serving(&authority, &["shop.example", ALLOWED], false).await;
    for host in ["shop.example", "SHOP.example", "shop.example.", ALLOWED, "2130706433"] {
        let stream = {
            let dns = ScriptedResolver::default()
                .answering("shop.example", &[ALLOWED])
                .answering("shop.example.", &[ALLOWED]);
            let tls = trusting(&authority, None);
            dialer(&dns).connect_tls(host, server.port(), &tls, DEADLINE).await
        };
        let stream = stream.unwrap_or_else(|e| panic!("{host}: {e}"));
        assert_eq!(stream.get_ref().0.peer_addr().unwrap(), server.address, "{host}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let server = serving(&authority, &["other.example"], false).await;
    for host in ["shop.example", ALLOWED] {
        let (fault, message) = fault(connect(&authority, &server, host).await);
        assert!(
            matches!(
                fault,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            ),
            "{fault:?}"
        );
        assert!(
            message.starts_with(&format!("the certificate of `{host}` was not made for the name")),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_and_an_expired_one_are_refused() {
    let authority = Authority::new();
    let server = serving(&authority, &["shop.example"], false).await;
    let (_, message) = fault(connect(&Authority::new(), &server, "shop.example").await);
    assert!(message.contains("authority that is not trusted here"), "{message}");
    let server = serving(&authority, &["shop.example"], true).await;
    let (_, message) = fault(connect(&authority, &server, "shop.example").await);
    assert!(message.contains("has expired: renew it"), "{message}");
}

#[tokio::test]
async fn a_port_without_tls_is_an_error_that_says_so() {
    let authority = Authority::new();
    let server = Server::start(ALLOWED, |_| Answer::ok()).await;
    let error = connect(&authority, &server, "shop.example").await.expect_err("no TLS");
    assert!(matches!(error, DialError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains("check that this port speaks TLS"), "{error}");
}

#[tokio::test]
async fn a_refused_address_is_refused_before_the_handshake() {
    let authority = Authority::new();
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default().answering("shop.example", &[DENIED]);
    let tls = trusting(&authority, None);
    let error = dialer(&dns)
        .connect_tls("shop.example", victim.port(), &tls, DEADLINE)
        .await;
    assert_denied(&error.expect_err("a refusal"), &[DENIED]);
    victim.assert_untouched().await;
}

#[tokio::test]
async fn a_client_presents_its_certificate_if_requested() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let tls = authority.server("shop.example", Some(&clients));
    let server = Server::start_tls(ALLOWED, tls, |_| Answer::ok()).await;
    let url = format!("https://shop.example:{}/", server.port());
    let identity = Some(identity(&clients.issue(&["client.example"])));
    for (identity, accepted) in [(identity, true), (None, false)] {
        let dns = ScriptedResolver::default().answering("shop.example", &[ALLOWED]);
        let client = dialer(&dns)
            .http_client(&trusting(&authority, identity), Redirects::None)
            .build()
            .unwrap();
        assert_eq!(client.get(&url).send().await.is_ok(), accepted);
    }
}

#[tokio::test]
async fn tls_begins_on_a_connection_that_was_plain_before() {
    let authority = Authority::new();
    let acceptor = authority.server("db.example", None);
    let (near, far) = tokio::io::duplex(4096);
    let server = tokio::spawn(async move { acceptor.accept(far).await });
    let mut stream = start_tls(near, "db.example", &trusting(&authority, None))
        .await
        .unwrap();
    drop(server.await.unwrap().unwrap());
    assert!(stream.read_u8().await.is_err(), "the other side is gone");
}

async fn https(authority: &Authority, dns: ScriptedResolver, redirects: Redirects, url: &str) -> reqwest::Result<u16> {
    let dialer: Dialer = dialer(&dns);
    let client = dialer
        .http_client(&trusting(authority, None), redirects)
        .timeout(DEADLINE)
        .build()?;
    client.get(url).send().await.map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn an_http_client_checks_names_too() {
    let authority = Authority::new();
    let server = serving(&authority, &["shop.example"], false).await;
    let dns = || {
        ScriptedResolver::default()
            .answering("shop.example", &[DENIED, ALLOWED])
            .answering("evil.example", &[ALLOWED])
    };
    let url = |host: &str| format!("https://{host}:{}/", server.port());
    let good = https(&authority, dns(), Redirects::None, &url("shop.example")).await;
    assert_eq!(good.unwrap(), 200);
    let error = https(&authority, dns(), Redirects::None, &url("evil.example")).await;
    let error = format!("{:?}", error.expect_err("another name"));
    assert!(error.contains("NotValidForName"), "{error}");
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_not_followed() {
    let authority = Authority::new();
    let plain = Server::start(ALLOWED, |_| Answer::ok()).await;
    let location = format!("http://shop.example:{}/", plain.port());
    let tls = authority.server("shop.example", None);
    let server = Server::start_tls(ALLOWED, tls, move |_| Answer::redirect(307, &location)).await;
    let dns = ScriptedResolver::default()
        .answering("shop.example", &[ALLOWED])
        .answering("shop.example", &[ALLOWED]);
    let url = format!("https://shop.example:{}/", server.port());
    let error = https(&authority, dns, Redirects::Checked { max: 5 }, &url)
        .await
        .expect_err("not followed");
    assert!(
        matches!(DialError::within(&error), Some(DialError::InsecureRedirect { .. })),
        "{error:?}"
    );
    plain.assert_untouched().await;
}

#[test]
fn errors_of_settings_say_what_is_wrong() {
    let authority = Authority::new();
    let (one, other) = (
        identity(&authority.issue(&["one.example"])),
        identity(&authority.issue(&["other.example"])),
    );
    let config = |ca_pem: &[u8], cert_pem: &[u8], key_pem: &[u8]| {
        let identity = Some(TlsIdentity {
            cert_pem: cert_pem.to_vec(),
            key_pem: key_pem.to_vec(),
        });
        let ca_pem = Some(ca_pem.to_vec());
        TlsSettings { ca_pem, identity }.client_config()
    };
    let ca = pem(&authority);
    assert!(config(&ca, &one.cert_pem, &one.key_pem).is_ok());
    let error = config(b"", &one.cert_pem, &one.key_pem).expect_err("no authority");
    assert!(
        error
            .to_string()
            .starts_with("the authority holds no usable PEM certificate"),
        "{error}"
    );
    let error = config(&ca, b"-----", &one.key_pem).expect_err("no certificate");
    assert!(
        error.to_string().starts_with("the client certificate holds no usable"),
        "{error}"
    );
    let error = config(&ca, &one.cert_pem, b"").expect_err("no key");
    assert!(matches!(error, TlsSettingsError::Key(_)), "{error}");
    let error = config(&ca, &one.cert_pem, &other.key_pem).expect_err("no pair");
    assert!(matches!(error, TlsSettingsError::Mismatch(_)), "{error}");
    assert!(!format!("{one:?}").contains("PRIVATE"));
}
