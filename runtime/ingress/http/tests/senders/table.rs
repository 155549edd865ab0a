//! The senders: how each is told to sign, and what the host is told of it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_wasm_ingress_http::{
    Adyen, ApiKey, Auth, ContentKind, Secret, Secrets, Signature,
    signature::{Preset, Proof},
};
use sha2::{Digest, Sha256};

use crate::{signer::Signed, support::Server};

/// A row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) preset: &'static str,
    /// What the sender signs with.
    pub(crate) secret: &'static str,
    /// Another one.
    pub(crate) other: &'static str,
    /// The header that carries the signature; nothing if it is in the body.
    pub(crate) header: &'static str,
    /// The header that carries its time; Linear's is in the body.
    pub(crate) time: &'static str,
    pub(crate) body: &'static str,
}

const TEXT: Sender = Sender {
    preset: "",
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    other: "0000000000000000000000000000000f",
    header: "",
    time: "",
    body: r#"{"id":"evt_1","text":"Grüße, \"you\" & co"}"#,
};

const STANDARD: Sender = Sender {
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    other: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ..TEXT
};

/// Seeds of key pairs.
const SEED: &str = "ed25519:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const OTHER_SEED: &str = "ed25519:4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";

pub(crate) const SENDERS: &[Sender] = &[
    Sender {
        preset: "adyen",
        secret: "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
        other: "00782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
        body: r#"{"live":"false","notificationItems":[{"NotificationRequestItem":{"eventCode":"AUTHORISATION","success":"true","pspReference":"7914073381342284","originalReference":"","merchantAccountCode":"TestMerchant","merchantReference":"Order:1\\2","amount":{"value":1130,"currency":"EUR"}}},{"NotificationRequestItem":{"eventCode":"CAPTURE","success":"true","pspReference":"7914073381342285","merchantAccountCode":"TestMerchant","merchantReference":"2","amount":{"value":1,"currency":"USD"}}}]}"#,
        ..TEXT
    },
    Sender {
        preset: "discord",
        secret: SEED,
        other: OTHER_SEED,
        header: "x-signature-ed25519",
        time: "x-signature-timestamp",
        body: r#"{"type":2,"id":"1"}"#,
    },
    Sender {
        preset: "gitea",
        header: "x-gitea-signature",
        ..TEXT
    },
    Sender {
        preset: "github",
        header: "x-hub-signature-256",
        ..TEXT
    },
    Sender {
        preset: "gitlab",
        header: "x-gitlab-token",
        ..TEXT
    },
    Sender {
        preset: "hubspot",
        header: "x-hubspot-signature-v3",
        time: "x-hubspot-request-timestamp",
        ..TEXT
    },
    Sender {
        preset: "intercom",
        header: "x-hub-signature",
        ..TEXT
    },
    Sender {
        preset: "linear",
        header: "linear-signature",
        time: "webhookTimestamp",
        ..TEXT
    },
    Sender {
        preset: "meta",
        header: "x-hub-signature-256",
        ..TEXT
    },
    Sender {
        preset: "sentry",
        header: "sentry-hook-signature",
        ..TEXT
    },
    Sender {
        preset: "shopify",
        header: "x-shopify-hmac-sha256",
        ..TEXT
    },
    Sender {
        preset: "slack",
        header: "x-slack-signature",
        time: "x-slack-request-timestamp",
        ..TEXT
    },
    Sender {
        preset: "square",
        header: "x-square-hmacsha256-signature",
        ..TEXT
    },
    Sender {
        preset: "standard-webhooks",
        header: "webhook-signature",
        time: "webhook-timestamp",
        ..STANDARD
    },
    Sender {
        preset: "standard-webhooks",
        header: "webhook-signature",
        time: "webhook-timestamp",
        secret: SEED,
        other: OTHER_SEED,
        ..STANDARD
    },
    Sender {
        preset: "stripe",
        secret: "whsec_0123456789abcdef",
        other: "whsec_fedcba9876543210",
        header: "stripe-signature",
        time: "stripe-signature",
        ..TEXT
    },
    Sender {
        preset: "svix",
        header: "svix-signature",
        time: "svix-timestamp",
        ..STANDARD
    },
    Sender {
        preset: "twilio",
        header: "x-twilio-signature",
        body: "To=%2B18005551212&From=%2B14158675310&Body=a+b%26c&Body=second&Empty=",
        ..TEXT
    },
    // A body that is no form: its digest is in the query.
    Sender {
        preset: "twilio",
        header: "x-twilio-signature",
        ..TEXT
    },
    Sender {
        preset: "zoom",
        header: "x-zm-signature",
        time: "x-zm-request-timestamp",
        ..TEXT
    },
];

/// Where senders think that the endpoint is.
const PUBLIC: &str = "https://hooks.example:8443";

impl Sender {
    /// The path and query that it posts to.
    pub(crate) fn target(&self, body: &str) -> String {
        match (self.preset, body.starts_with('{')) {
            ("twilio", true) => format!("/hook?a=1&bodySHA256={}", hex::encode(Sha256::digest(body))),
            ("twilio" | "hubspot" | "square", _) => "/hook?a=1&b=x".to_owned(),
            _ => "/hook".to_owned(),
        }
    }

    pub(crate) fn signed_url(&self, body: &str) -> String {
        format!("{PUBLIC}{}", self.target(body))
    }

    /// The secret as the sender shows it to its receiver: of a key pair, the public key.
    pub(crate) fn shown(&self) -> String {
        let Some(seed) = self.secret.strip_prefix("ed25519:") else {
            return self.secret.to_owned();
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(&hex::decode(seed).unwrap()).unwrap();
        match self.preset {
            "discord" => hex::encode(pair.public_key()),
            _ => format!("whpk_{}", BASE64_STANDARD.encode(pair.public_key())),
        }
    }

    /// What the host checks it with, beside the secret that it replaces.
    pub(crate) fn auth(&self) -> Auth {
        let preset = Preset::named(self.preset).expect(self.preset);
        let secrets = secrets(&[&self.shown()]);
        match preset.proof {
            Proof::Token => Auth::ApiKey(ApiKey::new(&secrets).with_header(preset.token_header().unwrap())),
            Proof::Adyen => Auth::Adyen(Adyen::try_new(&secrets).unwrap()),
            Proof::Signature => {
                let signature = Signature::preset(self.preset, &secrets).expect(self.preset);
                signature.with_public_url(PUBLIC.parse().unwrap()).into()
            }
        }
    }

    pub(crate) async fn server(&self) -> Server {
        let auth = self.auth();
        Server::start(|endpoint| {
            endpoint.auth = auth;
            // Of a JSON endpoint, a body that is no JSON could be refused for that.
            endpoint.content = ContentKind::Any.into();
        })
        .await
    }

    /// Posts it, and gives the status and the sentence.
    pub(crate) async fn post(&self, server: &Server, signed: &Signed) -> (u16, String) {
        let lines = signed.lines();
        self.post_raw(server, &lines, signed.body.as_bytes()).await
    }

    pub(crate) async fn post_raw(&self, server: &Server, lines: &[String], body: &[u8]) -> (u16, String) {
        let target = self.target(&String::from_utf8_lossy(body));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = server.send("POST", &target, &lines, body).await;
        let said = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
        let error = said["error"].as_str().unwrap_or_default().to_owned();
        for secret in [self.secret, &self.shown()] {
            assert!(!error.contains(secret), "the answer has the secret: {error}");
        }
        (answer.status, error)
    }

    pub(crate) fn signs_body(&self) -> bool {
        self.preset != "gitlab"
    }
}

pub(crate) fn secrets(texts: &[&str]) -> Secrets {
    Secrets::try_new(texts.iter().map(|text| Secret::try_new(*text).unwrap()).collect()).unwrap()
}

#[test]
fn every_preset_is_in_the_table() {
    let missing: Vec<_> = danube_wasm_ingress_http::signature::PRESETS
        .iter()
        .filter(|preset| SENDERS.iter().all(|sender| sender.preset != preset.name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
