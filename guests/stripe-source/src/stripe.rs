//! Stripe's objects, as far as they are read.

use danube_connector::{Error, Result};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

/// Stripe's envelope of every event.
#[derive(Debug)]
pub(crate) struct StripeEvent<'a> {
    /// `evt_…`.
    pub(crate) id: String,
    /// Such as `payment_intent.succeeded`.
    pub(crate) kind: String,
    /// In seconds since 1970-01-01 UTC.
    pub(crate) created: u64,
    /// Whether real money moved.
    pub(crate) livemode: bool,
    object: &'a RawValue,
}

/// What any event of Stripe's says of itself. Thin events have other fields, and of other types.
#[derive(Debug, Deserialize)]
struct Kind {
    object: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    created: Option<u64>,
    #[serde(default)]
    livemode: bool,
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Debug, Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

impl<'a> StripeEvent<'a> {
    /// Reads the envelope. What is missing is [`Error::InvalidData`] that names it.
    pub(crate) fn try_from_json(json: &'a str) -> Result<Self> {
        let wrong = |error| Error::invalid_data(format!("the body is not a Stripe event: {error}"));
        let kind: Kind = serde_json::from_str(json).map_err(wrong)?;
        match kind.object {
            Some(Value::String(object)) if object == "event" => {}
            object => return Err(other_object(object)),
        }
        let envelope: Envelope<'_> = serde_json::from_str(json).map_err(wrong)?;
        let missing = |field| move || Error::invalid_data(format!("the Stripe event has no `{field}`"));
        Ok(Self {
            id: envelope.id.filter(|id| !id.is_empty()).ok_or_else(missing("id"))?,
            kind: envelope.kind.ok_or_else(missing("type"))?,
            created: envelope.created.ok_or_else(missing("created"))?,
            livemode: envelope.livemode,
            object: envelope
                .data
                .and_then(|data| data.object)
                .ok_or_else(missing("data.object"))?,
        })
    }

    /// The object that the event is about.
    pub(crate) fn object<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(self.object.get()).map_err(|error| self.invalid(format!("`data.object`: {error}")))
    }

    /// An error that names the event.
    pub(crate) fn invalid(&self, reason: impl std::fmt::Display) -> Error {
        Error::invalid_data(format!("Stripe event `{}` of type `{}`: {reason}", self.id, self.kind))
    }
}

/// The body is something else, or a thin event (`v2.core.event`), which does not hold what it is about.
fn other_object(object: Option<Value>) -> Error {
    let said = match object {
        Some(Value::String(object)) => format!("its `object` is `{}`", object.chars().take(64).collect::<String>()),
        Some(_) => "its `object` is not a string".to_owned(),
        None => "it has no `object`".to_owned(),
    };
    Error::invalid_data(format!(
        "the body is not a Stripe event: {said}, not `event`; send snapshot events to this endpoint, not thin ones"
    ))
}

/// A payment intent.
#[derive(Debug, Deserialize)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) amount: Option<u64>,
    pub(crate) amount_received: Option<u64>,
    pub(crate) currency: String,
    pub(crate) customer: Option<Reference>,
    pub(crate) metadata: Option<Map<String, Value>>,
}

/// A charge.
#[derive(Debug, Deserialize)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) amount_refunded: Option<u64>,
    pub(crate) currency: String,
    pub(crate) customer: Option<Reference>,
    pub(crate) payment_intent: Option<Reference>,
    pub(crate) metadata: Option<Map<String, Value>>,
}

/// The id of another object, given alone or in the object itself.
#[derive(Debug)]
pub(crate) struct Reference(pub(crate) String);

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Spelling {
            Id(String),
            Object { id: String },
        }
        let (Spelling::Id(id) | Spelling::Object { id }) = Spelling::deserialize(deserializer)
            .map_err(|_| serde::de::Error::custom("a reference is an id or an object with an `id`"))?;
        Ok(Self(id))
    }
}
