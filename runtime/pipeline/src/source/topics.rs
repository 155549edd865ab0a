//! The topics a source publishes to, each with the schema that its records must satisfy.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use danube_wasm_broker::SchemaRef;
use danube_wasm_model::{TopicName, door::Violation};
use danube_wasm_schema::{SchemaType, Validator, limits::PAYLOAD, strict};

/// Topics by their text.
#[derive(Default)]
pub(crate) struct Topics(HashMap<String, Entry>);

struct Entry {
    topic: TopicName,
    validator: Option<Arc<Validator>>,
}

/// Who made a payload, and so what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker<'a> {
    /// The component: JSON text.
    Component,
    /// The sender, who called it so: a media type, or nothing.
    Sender(&'a str),
}

impl Maker<'_> {
    fn encode(self, validator: &Validator, payload: Bytes) -> Result<Bytes, Vec<Violation>> {
        let Self::Sender(media_type) = self else {
            return validator.encode(payload);
        };
        match media_type.split(';').next().unwrap_or_default().trim() {
            // It may have sent either.
            "" if validator.takes_raw() => validator
                .encode(payload.clone())
                .or_else(|_| validator.encode_raw(payload)),
            "" => validator.encode(payload),
            essence if is_json(essence) => validator.encode(payload),
            _ => validator.encode_raw(payload),
        }
    }
}

fn is_json(essence: &str) -> bool {
    let suffix = essence.len().checked_sub(5).and_then(|at| essence.get(at..));
    essence.eq_ignore_ascii_case("application/json")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
}

/// A payload as it goes to the broker.
pub(crate) struct Encoded {
    pub(crate) topic: TopicName,
    pub(crate) payload: Bytes,
    pub(crate) schema: Option<SchemaRef>,
}

/// A payload that its topic's schema refuses, or that nobody could read back.
pub(crate) struct Refused {
    pub(crate) topic: String,
    /// Of the schema; empty without one.
    pub(crate) subject: String,
    pub(crate) violations: Vec<Violation>,
}

impl Refused {
    /// What it breaks.
    pub(crate) fn rule(&self) -> String {
        match self.subject.as_str() {
            "" => "the limits of JSON".to_owned(),
            subject => format!("schema `{subject}`"),
        }
    }
}

impl Topics {
    /// Whether all publish a payload as it is: other schemas than JSON's encode it, and may make it shorter.
    pub(crate) fn keep_payloads(&self) -> bool {
        let mut validators = self.0.values().filter_map(|entry| entry.validator.as_deref());
        validators.all(|validator| validator.schema_type() == SchemaType::JsonSchema)
    }

    pub(crate) fn insert(&mut self, topic: TopicName, validator: Option<Arc<Validator>>) {
        self.0.insert(topic.as_str().to_owned(), Entry { topic, validator });
    }

    /// Validates and encodes. The topic is one of those inserted: the sandbox has checked that.
    pub(crate) fn encode(&self, topic: &str, payload: Bytes, maker: Maker<'_>) -> Result<Encoded, Refused> {
        let Some(entry) = self.0.get(topic) else {
            // Unreachable behind a sandbox that checks; refused rather than trusted.
            let violations = vec![Violation {
                path: String::new(),
                message: "the topic was not granted".to_owned(),
            }];
            return Err(Refused {
                topic: topic.to_owned(),
                subject: String::new(),
                violations,
            });
        };
        let topic = entry.topic.clone();
        let Some(validator) = &entry.validator else {
            // Without a schema, too, every later reader must be able to read it back.
            if let Err(violation) = strict::within(&payload, PAYLOAD) {
                return Err(Refused {
                    topic: topic.to_string(),
                    subject: String::new(),
                    violations: vec![violation],
                });
            }
            return Ok(Encoded {
                topic,
                payload,
                schema: None,
            });
        };
        match maker.encode(validator, payload) {
            Ok(payload) => Ok(Encoded {
                topic,
                payload,
                schema: Some(validator.reference()),
            }),
            Err(violations) => Err(Refused {
                topic: topic.to_string(),
                subject: validator.subject().to_owned(),
                violations,
            }),
        }
    }
}
