//! Where the id of an event comes from.

use toml::de::DeValue;

use danube_wasm_settings::{
    ValueRef,
    kinds::Kind,
    values::{HeaderName, JsonPointer},
};

/// Where the id of an event comes from. Where the sender gives none, it gets one when it arrives, and the sender's retry
/// is a new event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EventId {
    /// The first of the headers that senders commonly use: `Idempotency-Key`, `webhook-id`, `X-GitHub-Delivery`.
    #[default]
    WellKnown,
    /// A header.
    Header(HeaderName),
    /// A string or whole number in the body.
    Pointer(JsonPointer),
    /// Nowhere: every request is a new event.
    Minted,
}

/// Reads `"well-known"`, `"minted"`, `{ header = "…" }` and `{ pointer = "…" }`.
pub(crate) struct EventIdKind;

impl Kind for EventIdKind {
    type Value = EventId;

    fn what(&self) -> String {
        "`{ header = \"NAME\" }`, `{ pointer = \"/PATH\" }`, `\"well-known\"` or `\"minted\"`".to_owned()
    }

    fn show(&self, value: &EventId) -> String {
        match value {
            EventId::WellKnown => "\"well-known\"".to_owned(),
            EventId::Minted => "\"minted\"".to_owned(),
            EventId::Header(name) => format!("{{ header = \"{name}\" }}"),
            EventId::Pointer(pointer) => format!("{{ pointer = \"{pointer}\" }}"),
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<EventId> {
        let refused = || input.refuse(format!("`{}` must be {}", input.name(), self.what()));
        let (key, text) = match input.value {
            DeValue::String(_) => {
                return match input.text("a string")?.as_str() {
                    "well-known" => Some(EventId::WellKnown),
                    "minted" => Some(EventId::Minted),
                    _ => refused(),
                };
            }
            DeValue::Table(entries) if entries.len() == 1 => {
                let (key, value) = entries.iter().next()?;
                let member = input.member(key.get_ref(), value);
                (key.get_ref().as_ref(), member.text("a string")?)
            }
            _ => return refused(),
        };
        let parsed = match key {
            "header" => text.parse().map(EventId::Header),
            "pointer" => text.parse().map(EventId::Pointer),
            _ => return refused(),
        };
        match parsed {
            Ok(event_id) => Some(event_id),
            Err(error) => input.refuse(format!("`{}`: {error}", input.name())),
        }
    }
}
