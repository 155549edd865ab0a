//! Adyen's signatures, which are in the body: each item of a notification has one over some of its fields.
//!
//! Source: Adyen's documentation, "Verify HMAC signatures"; standard notifications as JSON. The fields that are not signed
//! (`reason`, `additionalData`, …) can be changed by whoever can read a request on its way: use TLS.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use subtle::{Choice, ConstantTimeEq};

use aws_lc_rs::hmac::{self, HMAC_SHA256};

use super::{AuthError, Denied};
use crate::{limits::ADYEN_ITEMS_MAX, secret::Secrets};

const CHALLENGE: &str = "Signature";

/// The keys of an endpoint that takes Adyen's notifications.
#[derive(Clone)]
pub struct Adyen(Vec<hmac::Key>);

/// Of a notification, what is signed. Nothing else sees it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    notification_items: Vec<Wrapped>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wrapped {
    notification_request_item: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    psp_reference: String,
    #[serde(default)]
    original_reference: String,
    #[serde(default)]
    merchant_account_code: String,
    #[serde(default)]
    merchant_reference: String,
    amount: Amount,
    event_code: String,
    success: String,
    additional_data: Additional,
}

#[derive(Deserialize)]
struct Amount {
    value: i64,
    currency: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Additional {
    hmac_signature: String,
}

impl Adyen {
    /// Accepts notifications whose items are all signed with any of these keys, in hexadecimal digits.
    pub fn try_new(secrets: &Secrets) -> Result<Self, AuthError> {
        let key = |secret: &crate::Secret| match hex::decode(secret.reveal()) {
            Ok(bytes) => Ok(hmac::Key::new(HMAC_SHA256, &bytes)),
            Err(_) => Err(AuthError::Secret("it is written in hexadecimal digits".to_owned())),
        };
        secrets.iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn verify(&self, body: &[u8]) -> Result<(), Denied> {
        let denied = |message: &'static str| Denied::unauthenticated(CHALLENGE, message);
        let notification: Notification = serde_json::from_slice(body)
            .map_err(|_| denied("the body is not a notification whose items have `additionalData.hmacSignature`"))?;
        let items = notification.notification_items;
        if items.is_empty() || items.len() > ADYEN_ITEMS_MAX {
            return Err(denied("a notification has 1 to 100 items"));
        }
        let all = items.iter().fold(Choice::from(1), |all, item| {
            all & self.is_signed(&item.notification_request_item)
        });
        match all.into() {
            true => Ok(()),
            false => Err(denied("`additionalData.hmacSignature` of an item is not its signature")),
        }
    }

    fn is_signed(&self, item: &Item) -> Choice {
        let signed = item.signed();
        let signature = BASE64_STANDARD
            .decode(&item.additional_data.hmac_signature)
            .unwrap_or_default();
        let of = |key| hmac::sign(key, signed.as_bytes()).as_ref().ct_eq(&signature);
        self.0.iter().fold(Choice::from(0), |any, key| any | of(key))
    }
}

impl Item {
    fn signed(&self) -> String {
        let value = self.amount.value.to_string();
        [
            &*self.psp_reference,
            &self.original_reference,
            &self.merchant_account_code,
            &self.merchant_reference,
            &value,
            &self.amount.currency,
            &self.event_code,
            &self.success,
        ]
        .join(":")
    }
}

impl std::fmt::Debug for Adyen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Adyen({} keys hidden)", self.0.len())
    }
}
