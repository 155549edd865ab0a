//! Who may send.

use danube_wasm_ingress_http::{ApiKey, Auth, AuthError, Jwt, RateLimit, Secret, Secrets, Signature};
use danube_wasm_model::clock::now_ms;
use hmac::{KeyInit, Mac};
use http::{HeaderName, Method};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::Server;

fn secrets(texts: &[&str]) -> Secrets {
    Secrets::try_new(texts.iter().map(|text| Secret::try_new(*text).unwrap()).collect()).unwrap()
}

fn sign(secret: &str, parts: &[&[u8]]) -> String {
    let mut mac = hmac::Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    hex::encode(mac.finalize().into_bytes())
}

fn now_secs() -> u64 {
    now_ms() / 1000
}

fn preset(name: &str, texts: &[&str]) -> Signature {
    Signature::preset(name, &secrets(texts)).expect(name)
}

fn signed(name: &str, texts: &[&str]) -> Auth {
    preset(name, texts).into()
}

async fn server(auth: Auth) -> Server {
    Server::start(|endpoint| endpoint.auth = auth).await
}

#[tokio::test]
async fn api_keys() {
    let server = server(Auth::ApiKey(ApiKey::new(&secrets(&["new-key", "old-key"])))).await;
    for key in ["new-key", "old-key"] {
        assert_eq!(
            server.post(&[&format!("x-api-key: {key}")], "{}").await.status,
            200,
            "{key}"
        );
    }
    for key in ["other", "new-key2", "new-ke", ""] {
        let answer = server.post(&[&format!("x-api-key: {key}")], "{}").await;
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, Some("ApiKey")),
            "{key}"
        );
    }
    let answer = server.post(&[], "{}").await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (401, "header x-api-key is missing")
    );
    assert_eq!(server.inbox.count(), 2);
}

#[tokio::test]
async fn api_keys_in_another_header() {
    let header = HeaderName::from_static("x-shop-token");
    let server = server(Auth::ApiKey(ApiKey::new(&secrets(&["key"])).with_header(header))).await;
    assert_eq!(server.post(&["x-api-key: key"], "{}").await.status, 401);
    assert_eq!(server.post(&["X-Shop-Token: key"], "{}").await.status, 200);
    let names: Vec<_> = server.inbox.events()[0]
        .headers
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(names, ["host"], "the key is not handed on");
}

#[tokio::test]
async fn strangers_do_not_use_up_the_rate() {
    let server = Server::start(|endpoint| {
        endpoint.auth = Auth::ApiKey(ApiKey::new(&secrets(&["key"])));
        endpoint.rate = Some(RateLimit::try_new(1, Some(1)).unwrap());
    })
    .await;
    for _ in 0..20 {
        assert_eq!(server.post(&["x-api-key: guess"], "{}").await.status, 401);
    }
    assert_eq!(server.post(&["x-api-key: key"], "{}").await.status, 200);
}

#[tokio::test]
async fn stripe_signatures() {
    let server = server(signed("stripe", &["whsec_new", "whsec_old"])).await;
    let body = r#"{"id":"evt_1"}"#;
    let now = now_secs();
    let signature = |secret: &str, time: u64| sign(secret, &[format!("{time}.").as_bytes(), body.as_bytes()]);
    let right = signature("whsec_new", now);
    let status = async |header: String| {
        server
            .post(&[&format!("stripe-signature: {header}")], body)
            .await
            .status
    };

    assert_eq!(status(format!("t={now},v1={right}")).await, 200);
    assert_eq!(
        status(format!("t={now},v1={}", signature("whsec_old", now))).await,
        200,
        "rotated"
    );
    let zeros = "0".repeat(64);
    assert_eq!(
        status(format!("t={now},v1={zeros},v1={right},v0={zeros}")).await,
        200,
        "one of several"
    );
    let earlier = now - 200;
    assert_eq!(
        status(format!("t={earlier},v1={}", signature("whsec_new", earlier))).await,
        200,
        "recent"
    );
    assert_eq!(server.inbox.count(), 4);

    assert_eq!(
        status(format!("t={now},v1={}", signature("whsec_other", now))).await,
        401,
        "another secret"
    );
    assert_eq!(status(format!("t={},v1={right}", now - 1)).await, 401, "another time");
    assert_eq!(status(format!("t={now},v0={right}")).await, 401, "another scheme");
    for replayed in [now - 1_000, now + 1_000] {
        let header = format!("t={replayed},v1={}", signature("whsec_new", replayed));
        assert_eq!(status(header).await, 401, "outside the tolerance");
    }
    let answer = server
        .post(&[&format!("stripe-signature: t={now},v1={right}")], r#"{"id":"evt_2"}"#)
        .await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, Some("Signature")),
        "another body"
    );
    assert_eq!(
        server.post(&[], body).await.error(),
        "header stripe-signature is missing"
    );
    assert_eq!(server.inbox.count(), 4);
}

#[tokio::test]
async fn an_unsigned_body_is_not_even_read() {
    let server = server(signed("stripe", &["whsec"])).await;
    let mut client = server.connect().await;
    client
        .send("POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 401, "answered before the body came");
}

#[tokio::test]
async fn github_signatures() {
    let server = server(signed("github", &["It's a Secret to Everybody", "old"])).await;
    let body = r#"{"zen":"Design for failure."}"#;
    let status = async |header: String| {
        server
            .post(&[&format!("x-hub-signature-256: {header}")], body)
            .await
            .status
    };
    assert_eq!(
        status(format!(
            "sha256={}",
            sign("It's a Secret to Everybody", &[body.as_bytes()])
        ))
        .await,
        200
    );
    assert_eq!(status(format!("sha256={}", sign("old", &[body.as_bytes()]))).await, 200);
    assert_eq!(
        status(format!("sha256={}", sign("other", &[body.as_bytes()]))).await,
        401
    );
    assert_eq!(status(format!("sha256={}", sign("old", &[b"another body"]))).await, 401);
    assert_eq!(status("sha256=".to_owned()).await, 401);
    assert_eq!(server.inbox.count(), 2);
}

#[tokio::test]
async fn handshakes_may_be_unsigned_where_allowed() {
    let github = preset("github", &["secret"]);
    let start = async |signature: Signature| {
        Server::start(|endpoint| {
            endpoint.auth = signature.into();
            endpoint.methods = vec![Method::GET, Method::POST];
        })
        .await
    };
    let strict = start(github.clone()).await;
    assert_eq!(strict.send("GET", "/hook", &[], "").await.status, 401);
    let open = start(github.with_unsigned_get()).await;
    assert_eq!(open.send("GET", "/hook?hub.challenge=1", &[], "").await.status, 200);
    assert_eq!(open.post(&[], "{}").await.status, 401);
}

fn token(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, key).expect("a token")
}

const SECRET: &str = "a shared secret of at least 32 bytes";

#[tokio::test]
async fn hs256_tokens() {
    let old = "another shared secret that is long enough";
    let jwt = Jwt::try_hs256(&secrets(&[SECRET, old])).unwrap();
    let jwt = jwt
        .try_with_issuer("shop")
        .unwrap()
        .try_with_audience("danube")
        .unwrap();
    let server = server(Auth::Jwt(jwt)).await;
    let send = async |token: String| server.post(&[&format!("authorization: bearer {token}")], "{}").await;
    let signed =
        |secret: &str, claims: Value| token(Algorithm::HS256, &EncodingKey::from_secret(secret.as_bytes()), &claims);
    let later = now_secs() + 3_600;
    let valid = json!({"exp": later, "iss": "shop", "aud": ["other", "danube"]});

    assert_eq!(send(signed(SECRET, valid.clone())).await.status, 200);
    assert_eq!(send(signed(old, valid.clone())).await.status, 200, "rotated");
    assert_eq!(server.inbox.count(), 2);

    let refused = async |token: String| {
        let answer = send(token).await;
        (answer.status, answer.error())
    };
    let with = |name: &str, value: Value| {
        let mut claims = valid.clone();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        signed(SECRET, claims)
    };
    let wrong_key = signed("a secret that nobody here has ever seen", valid.clone());
    assert_eq!(
        refused(wrong_key).await,
        (401, "the token is not signed with a key that is valid here".into())
    );
    assert_eq!(
        refused(with("exp", json!(now_secs() - 1_000))).await,
        (401, "the token has expired".into())
    );
    assert_eq!(
        refused(with("exp", Value::Null)).await,
        (401, "the token never expires; it needs `exp`".into())
    );
    assert_eq!(
        refused(with("nbf", json!(later))).await,
        (401, "the token is not valid yet".into())
    );
    for (name, value) in [
        ("iss", json!("x")),
        ("iss", Value::Null),
        ("aud", json!("x")),
        ("aud", Value::Null),
    ] {
        let expected = (403, "the token is valid, but not for this endpoint".to_owned());
        assert_eq!(refused(with(name, value.clone())).await, expected, "{name} {value}");
    }
    assert_eq!(refused("a.b.c".to_owned()).await.0, 401);
    assert_eq!(server.post(&["authorization: Basic x"], "{}").await.status, 401);
    let answer = server.post(&[], "{}").await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, Some("Bearer"))
    );
    assert_eq!(server.inbox.count(), 2);
}

#[tokio::test]
async fn rs256_tokens_and_no_other_algorithm() {
    let pair = || rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("an RSA key");
    let (new, old, other) = (pair(), pair(), pair());
    let public = [new.public_key_pem(), old.public_key_pem()];
    let jwt = Jwt::try_rs256(public.iter().map(String::as_bytes)).unwrap();
    let server = server(Auth::Jwt(jwt)).await;
    let claims = json!({"exp": now_secs() + 3_600, "aud": "not looked at"});
    let send = async |token: &str| {
        server
            .post(&[&format!("authorization: Bearer {token}")], "{}")
            .await
            .status
    };
    let private = |pair: &rcgen::KeyPair| EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();

    assert_eq!(send(&token(Algorithm::RS256, &private(&new), &claims)).await, 200);
    assert_eq!(
        send(&token(Algorithm::RS256, &private(&old), &claims)).await,
        200,
        "rotated"
    );
    assert_eq!(send(&token(Algorithm::RS256, &private(&other), &claims)).await, 401);
    assert_eq!(
        send(&token(Algorithm::RS384, &private(&new), &claims)).await,
        401,
        "the algorithm is not the token's to choose"
    );
    // The public key is no secret: a token "signed" with it as one must not pass.
    let confused = EncodingKey::from_secret(public[0].as_bytes());
    assert_eq!(send(&token(Algorithm::HS256, &confused, &claims)).await, 401);
    let valid = token(Algorithm::RS256, &private(&new), &claims);
    let claims_part = valid.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}
    assert_eq!(
        send(&format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims_part}.")).await,
        401
    );
    assert_eq!(server.inbox.count(), 2);
}

#[tokio::test]
async fn tokens_with_critical_extensions_are_refused() {
    let server = server(Auth::Jwt(Jwt::try_hs256(&secrets(&[SECRET])).unwrap())).await;
    let header = Header {
        crit: Some(vec!["b64".to_owned()]),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&header, &json!({"exp": now_secs() + 60}), &key).unwrap();
    assert_eq!(
        server
            .post(&[&format!("authorization: Bearer {token}")], "{}")
            .await
            .status,
        401
    );
}

#[test]
fn keys_that_cannot_be_are_refused() {
    let short = Jwt::try_hs256(&secrets(&["x".repeat(31).as_str()])).unwrap_err();
    assert_eq!(short, AuthError::ShortSecret { bytes: 31 });
    Jwt::try_hs256(&secrets(&["x".repeat(32).as_str()])).expect("32 bytes are enough");
    assert!(matches!(
        Jwt::try_rs256([&b"not PEM"[..]]),
        Err(AuthError::PublicKey(_))
    ));
    assert!(matches!(
        Jwt::try_rs256(std::iter::empty::<&[u8]>()),
        Err(AuthError::KeyCount(0))
    ));
    assert_eq!(
        preset("stripe", &["s"]).try_with_tolerance(0).unwrap_err(),
        AuthError::Tolerance
    );
}

#[test]
fn debug_shows_no_secret() {
    let hidden = secrets(&["hunter2-hunter2-hunter2-hunter2-hunter2"]);
    let all = [
        Auth::ApiKey(ApiKey::new(&hidden)),
        Signature::preset("stripe", &hidden).unwrap().into(),
        Auth::Jwt(Jwt::try_hs256(&hidden).unwrap()),
    ];
    assert!(!format!("{all:?}").contains("hunter2"));
}
