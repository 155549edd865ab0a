//! A message's payload as components see it: JSON text, from any wire format.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_broker::Message;
use danube_wasm_model::FieldTypes;
use danube_wasm_schema::Schemas;

/// What became of a payload.
pub(super) enum Decoding {
    /// Decoded.
    Done {
        payload: Bytes,
        /// `subject@version`, empty without a schema.
        schema: Arc<str>,
        /// What its fields are by its schema.
        types: Option<Arc<FieldTypes>>,
    },
    /// It will never decode.
    Invalid(String),
    /// The registry does not answer, or not to this connector: nobody knows yet.
    Unavailable(String),
}

/// Decodes by the schema that the message names, and checks that it is of the expected subject.
pub(super) async fn decode(schemas: &Schemas, expected_subject: Option<&str>, message: &Message) -> Decoding {
    let Some(reference) = message.schema else {
        return match expected_subject {
            Some(subject) => Decoding::Invalid(format!("the message has no schema; `{subject}` is expected")),
            None => Decoding::Done {
                payload: message.payload.clone(),
                schema: "".into(),
                types: None,
            },
        };
    };
    let validator = match schemas.by_reference(reference).await {
        Ok(validator) => validator,
        Err(error) if error.is_about_the_schema() => return Decoding::Invalid(error.to_string()),
        Err(error) => return Decoding::Unavailable(error.to_string()),
    };
    if let Some(subject) = expected_subject.filter(|subject| *subject != validator.subject()) {
        return Decoding::Invalid(format!(
            "the message's schema is `{}`; `{subject}` is expected",
            validator.subject()
        ));
    }
    match validator.decode(message.payload.clone()) {
        Ok(payload) => Decoding::Done {
            payload,
            schema: validator.label(),
            types: validator.field_types(),
        },
        Err(violations) => {
            let first = violations
                .first()
                .map(|v| format!("`{}` {}", v.path, v.message))
                .unwrap_or_default();
            Decoding::Invalid(format!(
                "the payload does not match schema `{}`: {first}",
                validator.subject()
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use danube_wasm_broker::{BrokerError, ErrorKind, MessageId, RegisteredSchema, Registry, Result, SchemaRef};
    use danube_wasm_model::{ConnectorId, RecordId};

    use super::*;

    const ORDERS: SchemaRef = SchemaRef { id: 1, version: 1 };
    const PAYMENTS: SchemaRef = SchemaRef { id: 2, version: 1 };
    const PAYMENTS_OF_THE_NEXT_VERSION: SchemaRef = SchemaRef { id: 2, version: 2 };
    const AWAY: SchemaRef = SchemaRef { id: 9, version: 1 };
    const FORBIDDEN: SchemaRef = SchemaRef { id: 10, version: 1 };

    /// Two subjects; the second has become a string from a number.
    struct Fixed;

    #[async_trait]
    impl Registry for Fixed {
        async fn latest(&self, _: &str) -> Result<Option<RegisteredSchema>> {
            Ok(None)
        }

        async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
            let (subject, schema_type) = match reference {
                ORDERS => ("orders", "number"),
                PAYMENTS => ("payments", "number"),
                PAYMENTS_OF_THE_NEXT_VERSION => ("payments", "string"),
                AWAY => return Err(BrokerError::new(ErrorKind::Unavailable, "the registry is away")),
                FORBIDDEN => return Err(BrokerError::new(ErrorKind::Denied, "bind a role")),
                _ => return Ok(None),
            };
            Ok(Some(RegisteredSchema {
                reference,
                subject: subject.to_owned(),
                schema_type: schema_type.to_owned(),
                definition: String::new(),
            }))
        }

        async fn versions(&self, _: &str) -> Result<Vec<RegisteredSchema>> {
            Ok(Vec::new())
        }

        async fn register(&self, _: &str, _: &str, _: &str) -> Result<RegisteredSchema> {
            Err(BrokerError::new(ErrorKind::Unavailable, "sinks register nothing"))
        }
    }

    fn message(schema: Option<SchemaRef>) -> Message {
        let scope = ConnectorId::try_new("test", "source").expect("a name");
        Message {
            message_id: MessageId {
                partition: 0,
                offset: 0,
            },
            topic: "/test/topic".parse().expect("a topic"),
            key: None,
            payload: Bytes::from_static(b"42"),
            attributes: Vec::new(),
            id: RecordId::derive(&scope, "in", "e", 0),
            publish_time_ms: 0,
            producer: "p".into(),
            schema,
            redeliveries: 0,
        }
    }

    #[tokio::test]
    async fn a_message_of_another_subject_or_of_none_is_refused_where_one_is_expected() {
        let schemas = Schemas::new(Arc::new(Fixed));
        for (expected, schema, outcome) in [
            (None, None, "42 as ``"),
            (None, Some(ORDERS), "42 as `orders@1`"),
            (Some("payments"), Some(PAYMENTS), "42 as `payments@1`"),
            // The same number of a subject, and another version of it.
            (
                Some("payments"),
                Some(PAYMENTS_OF_THE_NEXT_VERSION),
                "\"42\" as `payments@2`",
            ),
            (
                Some("payments"),
                None,
                "never: the message has no schema; `payments` is expected",
            ),
            (
                Some("payments"),
                Some(ORDERS),
                "never: the message's schema is `orders`; `payments` is expected",
            ),
            (
                Some("payments"),
                Some(SchemaRef { id: 7, version: 1 }),
                "never: schema number 7, version 1, is not in the registry",
            ),
            (
                Some("payments"),
                Some(AWAY),
                "not now: schema subject `number 9`: the registry says: the registry is away",
            ),
            (
                Some("payments"),
                Some(FORBIDDEN),
                "not now: schema subject `number 10`: the registry says: bind a role",
            ),
        ] {
            let found = match decode(&schemas, expected, &message(schema)).await {
                Decoding::Done { payload, schema, .. } => {
                    format!("{} as `{schema}`", String::from_utf8_lossy(&payload))
                }
                Decoding::Invalid(why) => format!("never: {why}"),
                Decoding::Unavailable(why) => format!("not now: {why}"),
            };
            assert_eq!(found, outcome, "{expected:?}, {schema:?}");
        }
    }
}
