//! Schemes that no preset has.

use danube_wasm_ingress_http::{
    ContentKind, Secrets, Signature,
    signature::{Algorithm, Encoding, Preset, Scheme, SecretEncoding, SignedTime, TimePlace, TimeUnit},
};
use hmac::{KeyInit, Mac};
use http::HeaderName;

use crate::{signer::now_secs, support::Server, table::secrets};

fn plain(header: &'static str) -> Scheme {
    Scheme {
        header: HeaderName::from_static(header),
        ..Preset::named("gitea").and_then(Preset::scheme).unwrap()
    }
}

async fn server(scheme: Scheme, secrets: &Secrets) -> Server {
    let signature = Signature::try_new(scheme, secrets).expect("a scheme");
    Server::start(|endpoint| {
        endpoint.auth = signature.into();
        endpoint.content = ContentKind::Any.into();
    })
    .await
}

/// As Paddle signs: `ts=…;h1=…` over `ts:body`.
#[tokio::test]
async fn a_list_with_another_separator() {
    let scheme = Scheme {
        prefix: "h1=".to_owned(),
        separator: Some(';'),
        signed: "{timestamp}:{body}".parse().unwrap(),
        time: Some(SignedTime {
            place: TimePlace::Prefix("ts=".to_owned()),
            unit: TimeUnit::Secs,
            tolerance_secs: 5,
        }),
        ..plain("paddle-signature")
    };
    let server = server(scheme, &secrets(&["pdl_ntfset_a"])).await;
    let sign = |time: u64| {
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"pdl_ntfset_a").unwrap();
        mac.update(format!("{time}:{{}}").as_bytes());
        format!(
            "paddle-signature: ts={time};h1={}",
            hex::encode(mac.finalize().into_bytes())
        )
    };
    let old = "0".repeat(64);
    let (now, before) = (now_secs(), now_secs() - 60);
    assert_eq!(server.post(&[&sign(now)], "{}").await.status, 200);
    assert_eq!(
        server.post(&[&format!("{};h1={old}", sign(now))], "{}").await.status,
        200
    );
    assert_eq!(server.post(&[&sign(before)], "{}").await.status, 401);
    assert_eq!(server.post(&[&sign(now)], "[]").await.status, 401);
}

#[tokio::test]
async fn sha512_in_base64_with_a_secret_in_base64() {
    let scheme = Scheme {
        algorithm: Algorithm::Sha512,
        encoding: Encoding::Base64,
        secret: SecretEncoding::Base64,
        ..plain("x-signature")
    };
    let server = server(scheme, &secrets(&["AAECAwQ"])).await;
    let mut mac = hmac::Hmac::<sha2::Sha512>::new_from_slice(&[0, 1, 2, 3, 4]).unwrap();
    mac.update(b"{}");
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(
        server.post(&[&format!("x-signature: {signature}")], "{}").await.status,
        200
    );
    assert_eq!(
        server.post(&[&format!("x-signature: {signature}")], "{ }").await.status,
        401
    );
    let unpadded = signature.trim_end_matches('=');
    assert_eq!(
        server.post(&[&format!("x-signature: {unpadded}")], "{}").await.status,
        401
    );
}

#[tokio::test]
async fn any_of_several_secrets_will_do() {
    let server = server(plain("x-signature"), &secrets(&["new", "old", "older"])).await;
    for (secret, status) in [("new", 200), ("old", 200), ("older", 200), ("other", 401), ("", 401)] {
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(b"{}");
        let line = format!("x-signature: {}", hex::encode(mac.finalize().into_bytes()));
        assert_eq!(server.post(&[&line], "{}").await.status, status, "{secret}");
    }
}
