//! Keys of issuers at a URL: rotated, gone, and of every algorithm.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use danube_wasm_egress_dial::{DialPolicy, Dialer, TlsSettings};
use danube_wasm_ingress_http::{Auth, Fetcher, Jwks, JwksTimes, Jwt, TokenAlgorithm};
use danube_wasm_model::clock::now_ms;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, PublicKeyUse},
};
use serde_json::{Value, json};

use crate::{
    support::Server,
    web::{Page, Web},
};

/// An issuer: what it publishes, and how often it was asked.
struct Issuer {
    web: Web,
    published: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
}

/// A key of an issuer.
struct Key {
    id: &'static str,
    algorithm: Algorithm,
    private: EncodingKey,
    /// As a curve writes it.
    public: Vec<u8>,
}

impl Key {
    fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let kind = match algorithm {
            Algorithm::ES256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Algorithm::ES384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Algorithm::EdDSA => &rcgen::PKCS_ED25519,
            _ => &rcgen::PKCS_RSA_SHA256,
        };
        let pair = rcgen::KeyPair::generate_for(kind).unwrap();
        let (pem, public) = (pair.serialize_pem(), pair.public_key_raw().to_vec());
        let pem = pem.as_bytes();
        let private = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem),
            _ => EncodingKey::from_rsa_pem(pem),
        };
        Self {
            id,
            algorithm,
            private: private.unwrap(),
            public,
        }
    }

    fn jwk(&self) -> Jwk {
        if self.algorithm == Algorithm::EdDSA {
            let x = BASE64_URL_SAFE_NO_PAD.encode(&self.public);
            let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "use": "sig", "alg": "EdDSA" });
            return serde_json::from_value(jwk).unwrap();
        }
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        jwk
    }

    fn token(&self, claims: &Value) -> String {
        self.token_with(Some(self.id), self.algorithm, claims)
    }

    fn token_with(&self, id: Option<&str>, algorithm: Algorithm, claims: &Value) -> String {
        let header = Header {
            kid: id.map(str::to_owned),
            ..Header::new(algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

impl Issuer {
    async fn start(keys: &[&Key]) -> Self {
        let published = Arc::new(Mutex::new(None::<Value>));
        let asked = Arc::new(AtomicUsize::new(0));
        let (shown, counted) = (published.clone(), asked.clone());
        let web = Web::start(move |_| {
            counted.fetch_add(1, SeqCst);
            match &*shown.lock().unwrap() {
                Some(keys) => Page::ok(keys.to_string()),
                None => Page::status(500),
            }
        })
        .await;
        let issuer = Self { web, published, asked };
        issuer.publish(keys);
        issuer
    }

    fn publish(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        *self.published.lock().unwrap() = Some(json!({ "keys": keys }));
    }

    fn keys(&self, times: JwksTimes) -> Jwks {
        let tls = TlsSettings {
            ca_pem: Some(fs::read(self.web.ca_path()).unwrap()),
            ..TlsSettings::default()
        };
        let fetcher = Fetcher::try_new(Dialer::new(DialPolicy::everything_but_metadata()), &tls).unwrap();
        let url = format!("https://{}/jwks.json", self.web.authority());
        Jwks::new(url.parse().unwrap(), fetcher, times)
    }
}

const AT_ONCE: JwksTimes = JwksTimes {
    refresh_after: Duration::from_secs(3_600),
    ask_again_after: Duration::ZERO,
};

fn claims() -> Value {
    json!({ "exp": now_ms() / 1000 + 300 })
}

async fn server(jwt: Jwt) -> Server {
    Server::start(|endpoint| endpoint.auth = Auth::Jwt(jwt)).await
}

async fn send(server: &Server, token: &str) -> u16 {
    server
        .post(&[&format!("authorization: Bearer {token}")], "{}")
        .await
        .status
}

#[tokio::test]
async fn each_algorithm_by_the_keys_of_a_url() {
    for (algorithm, told) in [
        (Algorithm::RS256, TokenAlgorithm::RS256),
        (Algorithm::PS256, TokenAlgorithm::PS256),
        (Algorithm::ES256, TokenAlgorithm::ES256),
        (Algorithm::ES384, TokenAlgorithm::ES384),
        (Algorithm::EdDSA, TokenAlgorithm::EdDSA),
    ] {
        let (key, other) = (Key::new("a", algorithm), Key::new("a", algorithm));
        let issuer = Issuer::start(&[&key]).await;
        let server = server(Jwt::try_jwks(told, issuer.keys(JwksTimes::default())).unwrap()).await;
        assert_eq!(send(&server, &key.token(&claims())).await, 200, "{algorithm:?}");
        assert_eq!(
            send(&server, &key.token_with(None, algorithm, &claims())).await,
            200,
            "without the key's id"
        );
        assert_eq!(
            send(&server, &other.token(&claims())).await,
            401,
            "another key with this id"
        );
        assert_eq!(issuer.asked.load(SeqCst), 1, "keys are kept");
    }
}

#[tokio::test]
async fn the_algorithm_is_the_endpoints_and_a_published_secret_is_no_key() {
    let key = Key::new("a", Algorithm::RS256);
    let issuer = Issuer::start(&[&key]).await;
    let rs256 = server(Jwt::try_jwks(TokenAlgorithm::RS256, issuer.keys(AT_ONCE)).unwrap()).await;
    assert_eq!(
        send(&rs256, &key.token_with(Some("a"), Algorithm::PS256, &claims())).await,
        401
    );
    let secret = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&secret, Algorithm::HS256).unwrap()).unwrap();
    jwk["kid"] = "s".into();
    *issuer.published.lock().unwrap() = Some(json!({ "keys": [jwk, {"kty": "unknown"}, key.jwk()] }));
    let header = Header {
        kid: Some("s".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let token = jsonwebtoken::encode(&header, &claims(), &secret).unwrap();
    assert_eq!(send(&rs256, &token).await, 401);
    assert_eq!(
        send(&rs256, &key.token(&claims())).await,
        200,
        "a key that cannot be read does not hide the others"
    );
    Jwt::try_jwks(TokenAlgorithm::HS256, issuer.keys(AT_ONCE)).expect_err("a URL has no secrets");
    assert_eq!(rs256.inbox.count(), 1);
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_an_old_one_is_forgotten() {
    let (old, new) = (Key::new("old", Algorithm::ES256), Key::new("new", Algorithm::ES256));
    let issuer = Issuer::start(&[&old]).await;
    let server = server(Jwt::try_jwks(TokenAlgorithm::ES256, issuer.keys(AT_ONCE)).unwrap()).await;
    assert_eq!(send(&server, &old.token(&claims())).await, 200);
    assert_eq!(send(&server, &new.token(&claims())).await, 401);
    issuer.publish(&[&new]);
    assert_eq!(send(&server, &new.token(&claims())).await, 200);
    assert_eq!(send(&server, &old.token(&claims())).await, 401);
}

#[tokio::test]
async fn made_up_keys_do_not_make_the_host_ask_each_time() {
    let (key, other) = (Key::new("a", Algorithm::ES256), Key::new("b", Algorithm::ES256));
    let issuer = Issuer::start(&[&key]).await;
    let server = server(Jwt::try_jwks(TokenAlgorithm::ES256, issuer.keys(JwksTimes::default())).unwrap()).await;
    assert_eq!(send(&server, &key.token(&claims())).await, 200);
    for n in 0..20 {
        let token = other.token_with(Some(&n.to_string()), Algorithm::ES256, &claims());
        assert_eq!(send(&server, &token).await, 401);
    }
    assert_eq!(issuer.asked.load(SeqCst), 1);
}

#[tokio::test]
async fn while_an_issuer_is_away_its_keys_are_used_and_before_that_the_sender_comes_again() {
    let key = Key::new("a", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let published = issuer.published.lock().unwrap().take();
    let soon = JwksTimes {
        refresh_after: Duration::ZERO,
        ask_again_after: Duration::ZERO,
    };
    let server = server(Jwt::try_jwks(TokenAlgorithm::ES256, issuer.keys(soon)).unwrap()).await;
    let line = format!("authorization: Bearer {}", key.token(&claims()));
    let answer = server.post(&[&line], "{}").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    *issuer.published.lock().unwrap() = published;
    assert_eq!(server.post(&[&line], "{}").await.status, 200);
    issuer.published.lock().unwrap().take();
    for _ in 0..5 {
        assert_eq!(server.post(&[&line], "{}").await.status, 200, "the old keys are used");
    }
}

#[tokio::test]
async fn a_token_cannot_choose_another_issuers_keys() {
    let (one, two) = (Key::new("k", Algorithm::ES256), Key::new("k", Algorithm::RS256));
    let (first, second) = (Issuer::start(&[&one]).await, Issuer::start(&[&two]).await);
    let of = |algorithm, issuer: &Issuer, name: &str| {
        Jwt::try_jwks(algorithm, issuer.keys(AT_ONCE))
            .unwrap()
            .try_with_issuer(name)
            .unwrap()
    };
    let jwt =
        of(TokenAlgorithm::ES256, &first, "https://one").try_or(of(TokenAlgorithm::RS256, &second, "https://two"));
    let server = server(jwt.unwrap()).await;
    let claims = |issuer: &str| json!({ "exp": now_ms() / 1000 + 300, "iss": issuer });
    assert_eq!(send(&server, &one.token(&claims("https://one"))).await, 200);
    assert_eq!(send(&server, &two.token(&claims("https://two"))).await, 200);
    assert_eq!(send(&server, &one.token(&claims("https://two"))).await, 401);
    assert_eq!(send(&server, &two.token(&claims("https://one"))).await, 401);
    assert_eq!(send(&server, &one.token(&claims("https://three"))).await, 401);
    assert_eq!(send(&server, &one.token(&self::claims())).await, 401, "of nobody");
    assert_eq!(send(&server, "a.b.c").await, 401);
    assert_eq!(server.inbox.count(), 2);
}

/// The address of a cloud's metadata service, whoever names it.
#[tokio::test]
async fn keys_are_not_fetched_where_credentials_are() {
    let key = Key::new("a", Algorithm::ES256);
    let fetcher = Fetcher::try_new(
        Dialer::new(DialPolicy::everything_but_metadata()),
        &TlsSettings {
            ca_pem: Some(fs::read(Issuer::start(&[&key]).await.web.ca_path()).unwrap()),
            ..TlsSettings::default()
        },
    );
    let jwks = Jwks::new(
        "http://169.254.169.254/keys".parse().unwrap(),
        fetcher.unwrap(),
        AT_ONCE,
    );
    let server = server(Jwt::try_jwks(TokenAlgorithm::ES256, jwks).unwrap()).await;
    assert_eq!(send(&server, &key.token(&claims())).await, 503);
}
