//! A stored schema as a message.

use bytes::Bytes;
use danube_wasm_broker::{BrokerError, ErrorKind, Message, Outgoing, RegisteredSchema, Result};
use danube_wasm_model::{RecordId, TopicName};

const SUBJECT: &str = "schema";
const TYPE: &str = "schema-type";
const FORGET: &str = "forget";

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A version of a subject.
    Schema(RegisteredSchema),
    /// All earlier entries of a subject are void.
    Forget(String),
}

impl Entry {
    pub(super) fn encode(&self, to: &TopicName) -> Outgoing {
        let (attributes, payload, schema) = match self {
            Self::Schema(schema) => (
                vec![(SUBJECT, &schema.subject), (TYPE, &schema.schema_type)],
                Bytes::from(schema.definition.clone()),
                Some(schema.reference),
            ),
            Self::Forget(subject) => (vec![(FORGET, subject)], Bytes::new(), None),
        };
        let attributes = attributes.into_iter();
        Outgoing {
            topic: to.clone(),
            key: None,
            payload,
            attributes: attributes
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect(),
            id: RecordId::from_broker("schemas".into()),
            schema,
        }
    }

    pub(super) fn decode(message: &Message) -> Result<Self> {
        Self::parse(message).ok_or_else(|| {
            let message = format!(
                "the spool remembers something of schemas that this version does not know ({:?}): use the version that \
                 wrote it",
                message.attributes
            );
            BrokerError::new(ErrorKind::Incompatible, message)
        })
    }

    fn parse(message: &Message) -> Option<Self> {
        let get = |name: &str| {
            let found = message.attributes.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.clone())
        };
        if let Some(subject) = get(FORGET) {
            return Some(Self::Forget(subject));
        }
        Some(Self::Schema(RegisteredSchema {
            reference: message.schema?,
            subject: get(SUBJECT)?,
            schema_type: get(TYPE)?,
            definition: String::from_utf8(message.payload.to_vec()).ok()?,
        }))
    }
}
