//! The structured mode: an event as one JSON object.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{CloudEvent, check};

/// Reads what is outside of the data. The object, which is JSON, is an event's payload as it is.
pub(crate) fn from_document(object: &[u8]) -> Result<CloudEvent, String> {
    let Attributes(attributes) =
        serde_json::from_slice(object).map_err(|error| format!("it is no CloudEvent: {error}"))?;
    let id = check(|name| match attributes.get(name) {
        Some(Attribute::Text(text)) => Some(text),
        _ => None,
    })?;
    let headers = attributes.iter().filter(|(name, _)| is_attribute(name));
    let headers = headers.filter_map(|(name, value)| Some((format!("ce-{name}"), value.header()?)));
    Ok(CloudEvent {
        id,
        headers: headers.collect(),
    })
}

fn is_attribute(name: &str) -> bool {
    !matches!(name, "data" | "data_base64" | "datacontenttype") && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Members of an event.
struct Attributes<'a>(BTreeMap<Cow<'a, str>, Attribute<'a>>);

enum Attribute<'a> {
    Text(String),
    /// JSON.
    Other(&'a RawValue),
}

impl Attribute<'_> {
    /// As the binary mode writes it; `None` if no attribute can have this value.
    fn header(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Other(json) => match json.get().as_bytes().first() {
                Some(b't' | b'f' | b'-' | b'0'..=b'9') => Some(json.get().to_owned()),
                _ => None,
            },
        }
    }
}

impl<'de> Deserialize<'de> for Attributes<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Attributes<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes<'de>, A::Error> {
                let mut attributes = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<Cow<'de, str>, &RawValue>()? {
                    if name == "data" || name == "data_base64" {
                        continue;
                    }
                    let value = match value.get().starts_with('"') {
                        true => Attribute::Text(serde_json::from_str(value.get()).map_err(A::Error::custom)?),
                        false => Attribute::Other(value),
                    };
                    if attributes.insert(name.clone(), value).is_some() {
                        return Err(A::Error::custom(format_args!("`{name}` is there twice")));
                    }
                }
                Ok(Attributes(attributes))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_become_headers() {
        let event = from_document(
            br#"{"specversion":"1.0","id":"7","source":"/s","type":"t","count":7,"ok":true,"data":{"id":"other"},
                "odd_name":"x","datacontenttype":"application/json"}"#,
        )
        .expect("valid");
        assert_eq!(event.id, "/s 7");
        let names: Vec<_> = event
            .headers
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let wanted = [
            "ce-count=7",
            "ce-id=7",
            "ce-ok=true",
            "ce-source=/s",
            "ce-specversion=1.0",
            "ce-type=t",
        ];
        assert_eq!(names, wanted);
    }

    #[test]
    fn what_every_event_has_is_asked_for() {
        let error = |json: &str| from_document(json.as_bytes()).expect_err("no event");
        assert!(error("[]").contains("no CloudEvent"));
        assert!(error(r#"{"specversion":"1.0","id":"7","source":"/s"}"#).contains("`type`"));
        assert!(error(r#"{"specversion":"1.0","id":7,"source":"/s","type":"t"}"#).contains("`id`"));
        assert!(error(r#"{"specversion":"0.3","id":"7","source":"/s","type":"t"}"#).contains("1.0"));
        assert!(error(r#"{"specversion":"1.0","id":"7","id":"8","source":"/s","type":"t"}"#).contains("twice"));
    }
}
