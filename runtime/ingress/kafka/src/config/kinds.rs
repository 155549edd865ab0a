//! Kinds of values that only this table has.

use danube_wasm_settings::{
    Kind, ValueRef,
    kinds::{Text, quote},
};
use toml::de::DeValue;

use super::EventIdSource;

/// Reads `"offset"` and `{ header = "NAME" }`.
pub(super) struct EventIdKind;

impl Kind for EventIdKind {
    type Value = EventIdSource;

    fn what(&self) -> String {
        "`\"offset\"` or `{ header = \"NAME\" }`".to_owned()
    }

    fn show(&self, value: &EventIdSource) -> String {
        match value {
            EventIdSource::Offset => "\"offset\"".to_owned(),
            EventIdSource::Header(name) => format!("{{ header = {} }}", quote(name)),
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<EventIdSource> {
        let refused = || input.refuse(format!("`{}` must be {}", input.name(), self.what()));
        match input.value {
            DeValue::String(_) if input.text("a string")? == "offset" => Some(EventIdSource::Offset),
            DeValue::Table(entries) if entries.len() == 1 => {
                let (key, value) = entries.iter().next()?;
                let key = key.get_ref().to_string();
                match key.as_str() {
                    "header" => Text.read(&input.member(&key, value)).map(EventIdSource::Header),
                    _ => refused(),
                }
            }
            _ => refused(),
        }
    }
}
