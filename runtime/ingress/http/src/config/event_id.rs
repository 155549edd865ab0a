//! Where the id of an event comes from.

use danube_wasm_settings::{Kind, ValueRef, values::HeaderName};
use toml::de::DeValue;

use crate::EventIdSource;

/// Reads `"well-known"`, `"minted"`, `{ header = "…" }` and `{ pointer = "…" }`.
pub(crate) struct EventIdKind;

impl Kind for EventIdKind {
    type Value = EventIdSource;

    fn what(&self) -> String {
        "`{ header = \"NAME\" }`, `{ pointer = \"/PATH\" }`, `\"well-known\"` or `\"minted\"`".to_owned()
    }

    fn show(&self, value: &EventIdSource) -> String {
        match value {
            EventIdSource::WellKnown => "\"well-known\"".to_owned(),
            EventIdSource::Minted => "\"minted\"".to_owned(),
            EventIdSource::Header(name) => format!("{{ header = \"{name}\" }}"),
            EventIdSource::JsonPointer(pointer) => format!("{{ pointer = \"{pointer}\" }}"),
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<EventIdSource> {
        let refused = || input.refuse(format!("`{}` must be {}", input.name(), self.what()));
        let (key, text) = match input.value {
            DeValue::String(_) => {
                return match input.text("a string")?.as_str() {
                    "well-known" => Some(EventIdSource::WellKnown),
                    "minted" => Some(EventIdSource::Minted),
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
            "header" => text.parse().map(|name: HeaderName| EventIdSource::Header(name.into())),
            "pointer" => text.parse().map(EventIdSource::JsonPointer),
            _ => return refused(),
        };
        match parsed {
            Ok(event_id) => Some(event_id),
            Err(error) => input.refuse(format!("`{}`: {error}", input.name())),
        }
    }
}
