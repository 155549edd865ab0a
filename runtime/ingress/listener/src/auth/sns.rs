//! Signatures of Amazon SNS, which are in the body, and the confirmation of a subscription.
//!
//! The body names the certificate of the key that signed it. It is fetched over the guarded dialer, from Amazon's hosts alone, and
//! kept. The topic is compared as well: everybody can have a topic of their own, and Amazon signs for all.
//!
//! Source: Amazon's documentation, "Verifying the signatures of Amazon SNS messages". Raw delivery has no signature.

use std::{collections::HashMap, sync::Arc};

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::Uri;
use parking_lot::Mutex;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;
use webpki::EndEntityCert;

use super::Denied;
use crate::{
    fetch::Fetcher,
    limits::{FETCHED_BYTES_MAX, SNS_CERTIFICATES_MAX},
    refusal::Refusal,
};

const CHALLENGE: &str = "Signature";

const UNAVAILABLE: &str = "the certificate of the signature cannot be fetched now: send the message again later";

/// Whose messages an endpoint takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnsOptions {
    /// Names of topics (`arn:aws:sns:…`).
    pub topics: Vec<String>,
    /// Hosts that certificates and confirmations may be fetched from, instead of Amazon's.
    pub hosts: Vec<String>,
}

/// Checks the messages of some topics. Clones share the certificates.
#[derive(Clone)]
pub struct Sns {
    options: Arc<SnsOptions>,
    fetcher: Fetcher,
    keys: Arc<Mutex<HashMap<String, Arc<[u8]>>>>,
}

/// Of a message, what is signed. Nothing else sees it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnsMessage {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    message: String,
    topic_arn: String,
    timestamp: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    token: Option<String>,
    #[serde(rename = "SubscribeURL", default)]
    subscribe_url: Option<String>,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
}

impl Sns {
    /// Fetches certificates as the fetcher may.
    pub fn new(options: SnsOptions, fetcher: Fetcher) -> Self {
        Self {
            options: Arc::new(options),
            fetcher,
            keys: Arc::default(),
        }
    }

    pub(super) async fn verify(&self, body: &[u8]) -> Result<(), Refusal> {
        let message: SnsMessage = serde_json::from_slice(body)
            .map_err(|_| deny("the body is not a message of Amazon SNS with its signature"))?;
        if !self.options.topics.contains(&message.topic_arn) {
            return Err(Denied {
                forbidden: true,
                ..deny("the message is of a topic that this endpoint does not take")
            }
            .into());
        }
        let key = self.key(&message.signing_cert_url).await?;
        let algorithm = match &*message.signature_version {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(deny("the signature is of a version that is not known here").into()),
        };
        let signature = BASE64_STANDARD.decode(&message.signature).unwrap_or_default();
        let signed = message.signed();
        let verified = UnparsedPublicKey::new(algorithm, &*key).verify(signed.as_bytes(), &signature);
        verified.map_err(|_| deny("the signature in the body is not that of the message").into())
    }

    /// Asks the URL of a verified confirmation, which begins the subscription. An error says what went wrong, for the operator.
    pub async fn confirm(&self, subscribe_url: &str) -> Result<(), String> {
        let uri = self
            .trusted(subscribe_url)
            .ok_or("its `SubscribeURL` is not at a host of Amazon SNS")?;
        self.fetcher.get(&uri, FETCHED_BYTES_MAX).await.map(drop)
    }

    /// The public key of the certificate at a URL.
    async fn key(&self, url: &str) -> Result<Arc<[u8]>, Refusal> {
        if let Some(key) = self.keys.lock().get(url) {
            return Ok(key.clone());
        }
        let uri = self.trusted(url).filter(|uri| uri.path().ends_with(".pem"));
        let uri = uri.ok_or_else(|| deny("the certificate of the signature is not at a host of Amazon SNS"))?;
        let fetched = self.fetcher.get(&uri, FETCHED_BYTES_MAX).await;
        let key = fetched.and_then(|pem| public_key(&pem)).map_err(|why| {
            tracing::warn!(url, why, "the certificate of a message of SNS cannot be fetched");
            Refusal::Unavailable(UNAVAILABLE)
        })?;
        let mut keys = self.keys.lock();
        if keys.len() >= SNS_CERTIFICATES_MAX {
            keys.clear();
        }
        keys.insert(url.to_owned(), key.clone());
        Ok(key)
    }

    /// The URL, if it is at a host that is Amazon's and is asked over TLS.
    fn trusted(&self, url: &str) -> Option<Uri> {
        let uri: Uri = url.parse().ok()?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let is_trusted = match self.options.hosts.is_empty() {
            true => is_amazon(authority.host()) && authority.port().is_none(),
            false => self.options.hosts.iter().any(|host| host == authority.as_str()),
        };
        (uri.scheme_str() == Some("https") && is_trusted).then_some(uri)
    }
}

/// `sns.REGION.amazonaws.com`, or in China `sns.REGION.amazonaws.com.cn`.
fn is_amazon(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let of = |suffix: &str| host.strip_prefix("sns.")?.strip_suffix(suffix).map(str::to_owned);
    let region = of(".amazonaws.com").or_else(|| of(".amazonaws.com.cn"));
    region.is_some_and(|region| !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

impl SnsMessage {
    fn signed(&self) -> String {
        let is_notification = self.kind == "Notification";
        let of = |named: bool, value: &Option<String>| value.clone().filter(|_| named);
        let fields = [
            ("Message", Some(self.message.clone())),
            ("MessageId", Some(self.message_id.clone())),
            ("Subject", of(is_notification, &self.subject)),
            ("SubscribeURL", of(!is_notification, &self.subscribe_url)),
            ("Timestamp", Some(self.timestamp.clone())),
            ("Token", of(!is_notification, &self.token)),
            ("TopicArn", Some(self.topic_arn.clone())),
            ("Type", Some(self.kind.clone())),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.map(|(name, value)| format!("{name}\n{value}\n")).collect()
    }
}

fn public_key(pem: &[u8]) -> Result<Arc<[u8]>, String> {
    let certificate = CertificateDer::from_pem_slice(pem).map_err(|error| error.to_string())?;
    let parsed = EndEntityCert::try_from(&certificate).map_err(|error| error.to_string())?;
    Ok(Arc::from(&*parsed.subject_public_key_info()))
}

fn deny(message: &'static str) -> Denied {
    Denied::unauthenticated(CHALLENGE, message)
}

impl std::fmt::Debug for Sns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sns({:?})", self.options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_fetched_from_amazon_alone() {
        for host in [
            "sns.eu-west-1.amazonaws.com",
            "SNS.us-east-1.amazonaws.com",
            "sns.cn-north-1.amazonaws.com.cn",
        ] {
            assert!(is_amazon(host), "{host}");
        }
        for host in [
            "sns.amazonaws.com",
            "sns..amazonaws.com",
            "sns.a.b.amazonaws.com",
            "sns.eu-west-1.amazonaws.com.evil.example",
            "evil-sns.eu-west-1.amazonaws.com",
            "sns.eu-west-1.amazonaws.community",
            "s3.eu-west-1.amazonaws.com",
        ] {
            assert!(!is_amazon(host), "{host}");
        }
    }
}
