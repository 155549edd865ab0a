//! Kinds of values that only this table has.

use danube_wasm_settings::{
    Kind, ValueRef,
    kinds::{Text, quote},
    values::JsonPointer,
};
use toml::de::DeValue;

use super::KeySource;
use crate::{EventIdSource, limits::CLIENT_ID_BYTES_MAX};

/// Reads a client id.
pub(super) struct ClientId;

impl Kind for ClientId {
    type Value = String;

    fn what(&self) -> String {
        "a client id".to_owned()
    }

    fn show(&self, value: &String) -> String {
        quote(value)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<String> {
        let text = Text.read(input)?;
        if text.len() > CLIENT_ID_BYTES_MAX {
            return input.refuse(format!("`{}` is longer than {CLIENT_ID_BYTES_MAX} bytes", input.name()));
        }
        Some(text)
    }
}

/// Reads `"minted"`, `"correlation-data"`, `{ property = "NAME" }` and `{ pointer = "/PATH" }`.
pub(super) struct EventIdKind;

impl Kind for EventIdKind {
    type Value = EventIdSource;

    fn what(&self) -> String {
        "`{ property = \"NAME\" }`, `{ pointer = \"/PATH\" }`, `\"correlation-data\"` or `\"minted\"`".to_owned()
    }

    fn show(&self, value: &EventIdSource) -> String {
        match value {
            EventIdSource::Minted => "\"minted\"".to_owned(),
            EventIdSource::CorrelationData => "\"correlation-data\"".to_owned(),
            EventIdSource::Property(name) => format!("{{ property = {} }}", quote(name)),
            EventIdSource::Pointer(pointer) => format!("{{ pointer = \"{pointer}\" }}"),
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<EventIdSource> {
        let refused = || input.refuse(format!("`{}` must be {}", input.name(), self.what()));
        match word_or_member(input) {
            Some(Given::Word(word)) => match word.as_str() {
                "minted" => Some(EventIdSource::Minted),
                "correlation-data" => Some(EventIdSource::CorrelationData),
                _ => refused(),
            },
            Some(Given::Member(key, member)) => match key.as_str() {
                "property" => Text.read(&member).map(EventIdSource::Property),
                "pointer" => pointer(&member).map(EventIdSource::Pointer),
                _ => refused(),
            },
            None => refused(),
        }
    }
}

/// Reads `"topic"`, `"none"`, `{ level = N }` and `{ pointer = "/PATH" }`.
pub(super) struct KeyKind;

impl Kind for KeyKind {
    type Value = KeySource;

    fn what(&self) -> String {
        "`\"topic\"`, `{ level = NUMBER }`, `{ pointer = \"/PATH\" }` or `\"none\"`".to_owned()
    }

    fn show(&self, value: &KeySource) -> String {
        match value {
            KeySource::Topic => "\"topic\"".to_owned(),
            KeySource::None => "\"none\"".to_owned(),
            KeySource::Level(level) => format!("{{ level = {level} }}"),
            KeySource::Pointer(pointer) => format!("{{ pointer = \"{pointer}\" }}"),
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<KeySource> {
        let refused = || input.refuse(format!("`{}` must be {}", input.name(), self.what()));
        match word_or_member(input) {
            Some(Given::Word(word)) => match word.as_str() {
                "topic" => Some(KeySource::Topic),
                "none" => Some(KeySource::None),
                _ => refused(),
            },
            Some(Given::Member(key, member)) => match key.as_str() {
                "level" => danube_wasm_settings::kinds::Integer(1..=128)
                    .read(&member)
                    .map(KeySource::Level),
                "pointer" => pointer(&member).map(KeySource::Pointer),
                _ => refused(),
            },
            None => refused(),
        }
    }
}

enum Given<'s> {
    Word(String),
    Member(String, ValueRef<'s>),
}

fn word_or_member<'s>(input: &ValueRef<'s>) -> Option<Given<'s>> {
    match input.value {
        DeValue::String(_) => input.text("a string").map(Given::Word),
        DeValue::Table(entries) if entries.len() == 1 => {
            let (key, value) = entries.iter().next()?;
            let key = key.get_ref().to_string();
            let member = input.member(&key, value);
            Some(Given::Member(key, member))
        }
        _ => None,
    }
}

fn pointer(input: &ValueRef<'_>) -> Option<JsonPointer> {
    danube_wasm_settings::kinds::Parsed::<JsonPointer>::new("a JSON pointer").read(input)
}
