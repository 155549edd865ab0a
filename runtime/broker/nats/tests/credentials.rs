//! Files of credentials, as `nsc` writes them: an operator, its account and a user, each signed by the one before.
#![cfg(feature = "credentials")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test may end so")]

mod support;

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use danube_wasm_broker::Broker as _;
use danube_wasm_broker_nats::{Auth, NatsOptions, Secret};
use data_encoding::BASE32_NOPAD;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _};
use rustls::SignatureScheme;
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use support::{One, create, one, open, options, publish, record, topic, within};

/// What begins the text of a key: of an operator, an account, a user, and of a seed.
const OPERATOR: u8 = 14 << 3;
const ACCOUNT: u8 = 0;
const USER: u8 = 20 << 3;
const SEED: u8 = 18 << 3;
/// Where the seed is in PKCS #8.
const SEED_AT: std::ops::Range<usize> = 16..48;

fn crc16(bytes: &[u8]) -> [u8; 2] {
    let crc = bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    });
    crc.to_le_bytes()
}

fn text(prefix: &[u8], bytes: &[u8]) -> String {
    let mut all = [prefix, bytes].concat();
    all.extend(crc16(&all));
    BASE32_NOPAD.encode(&all)
}

/// An nkey.
struct Key {
    kind: u8,
    pair: KeyPair,
}

impl Key {
    fn new(kind: u8) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        Self { kind, pair }
    }

    fn public(&self) -> String {
        text(&[self.kind], self.pair.der_bytes())
    }

    fn seed(&self) -> String {
        let der = self.pair.serialize_der();
        text(&[SEED | (self.kind >> 5), (self.kind & 31) << 3], &der[SEED_AT])
    }

    /// A token that says this of another.
    fn token(&self, of: &Self, name: &str, expires: Option<u64>, nats: &Value) -> String {
        let claims = json!({
            "jti": name, "iat": now(), "iss": self.public(), "name": name, "sub": of.public(), "nats": nats,
            "exp": expires.unwrap_or(0),
        });
        let header = json!({"typ": "JWT", "alg": "ed25519-nkey"});
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let der = PrivateKeyDer::try_from(self.pair.serialize_der()).unwrap();
        let key = rustls::crypto::aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(der)
            .unwrap();
        let signature = key
            .choose_scheme(&[SignatureScheme::ED25519])
            .unwrap()
            .sign(signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A server whose operator knows one account.
struct Operated {
    one: One,
    account: Key,
}

impl Operated {
    fn start() -> Option<Self> {
        let (operator, system, account) = (Key::new(OPERATOR), Key::new(ACCOUNT), Key::new(ACCOUNT));
        let operator_token = operator.token(&operator, "operator", None, &json!({"type": "operator", "version": 2}));
        let of_account = |key: &Key, name: &str, disk: i64| {
            let limits = json!({
                "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
                "mem_storage": 0, "disk_storage": disk, "streams": -1, "consumer": -1,
            });
            operator.token(
                key,
                name,
                None,
                &json!({"limits": limits, "type": "account", "version": 2}),
            )
        };
        let more = format!(
            "operator: \"{operator_token}\"\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: \"{}\", {}: \"{}\" }}",
            system.public(),
            system.public(),
            of_account(&system, "SYS", 0),
            account.public(),
            of_account(&account, "A", -1),
        );
        Some(Self {
            one: one(&more)?,
            account,
        })
    }

    /// The text of a user's file.
    fn user(&self, by: &Key, expires: Option<u64>) -> String {
        let user = Key::new(USER);
        let claims = json!({"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2});
        format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{}\n------END \
             USER NKEY SEED------\n",
            by.token(&user, "user", expires, &claims),
            user.seed()
        )
    }

    fn options(&self, auth: Auth) -> NatsOptions {
        let mut options = options(&self.one.server);
        options.auth = auth;
        (options.publish_timeout, options.request_timeout) = (Duration::from_secs(3), Duration::from_secs(3));
        options
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.one.directory.path().join("user.creds");
        write(&path, text);
        path
    }
}

/// As tools do: at once.
fn write(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

async fn refusal(options: NatsOptions) -> String {
    let refused = match danube_wasm_broker_nats::Nats::open(options) {
        Ok(nats) => within(nats.probe()).await.expect_err("is refused"),
        Err(refused) => refused,
    };
    println!("{}", refused.message);
    refused.message
}

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
}

#[tokio::test]
async fn credentials_of_a_file_or_a_text_let_in() {
    let Some(operated) = Operated::start() else { return };
    let text = operated.user(&operated.account, None);
    for auth in [
        Auth::Credentials(Secret::new(text.as_str())),
        Auth::CredentialsFile(operated.file(&text)),
    ] {
        let nats = open(operated.options(auth));
        within(nats.probe()).await.unwrap();
        create(&nats, &topic("t")).await;
    }
}

#[tokio::test]
async fn credentials_that_do_not_let_in_are_told() {
    let Some(operated) = Operated::start() else { return };
    let refused = &["does not accept this user", "`credentials`", "renew"];
    let stranger = operated.user(&Key::new(ACCOUNT), None);
    says(
        &refusal(operated.options(Auth::CredentialsFile(operated.file(&stranger)))).await,
        refused,
    );
    let expired = operated.user(&operated.account, Some(now() - 60));
    says(
        &refusal(operated.options(Auth::CredentialsFile(operated.file(&expired)))).await,
        refused,
    );
    says(&refusal(operated.options(Auth::None)).await, refused);
    let halved = operated
        .user(&operated.account, None)
        .split("-----BEGIN USER")
        .next()
        .unwrap()
        .to_owned();
    let message = refusal(operated.options(Auth::CredentialsFile(operated.file(&halved)))).await;
    says(&message, &["user.creds", "has no user's seed", "nsc generate creds"]);
    let missing = operated.one.directory.path().join("missing.creds");
    says(
        &refusal(operated.options(Auth::CredentialsFile(missing))).await,
        &["missing.creds", "cannot be read"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_expire_are_told_and_renewed_ones_are_read_without_a_restart() {
    let Some(operated) = Operated::start() else { return };
    let file = operated.file(&operated.user(&operated.account, Some(now() + 5)));
    let nats = open(operated.options(Auth::CredentialsFile(file.clone())));
    create(&nats, &topic("t")).await;
    let publisher = nats.publisher("p").await.unwrap();
    let one_record = || vec![vec![record(&topic("t"), None, "x")]];
    publish(&*publisher, one_record()).await.remove(0).unwrap();
    let refused = within(async {
        loop {
            if let Err(refused) = publish(&*publisher, one_record()).await.remove(0) {
                break refused;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    println!("{refused}");
    assert!(refused.is_transient(), "{refused}");
    says(&refused.message, &["does not accept this user", "renew"]);
    write(&file, &operated.user(&operated.account, None));
    within(async { while publish(&*publisher, one_record()).await.remove(0).is_err() {} }).await;
}
