//! A message's payload as components see it: JSON text, whatever the wire holds.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_broker::Message;
use danube_wasm_schema::Schemas;

/// What became of a payload.
pub(super) enum Decoding {
    /// Decoded.
    Done {
        payload: Bytes,
        /// `subject@version`, empty without a schema.
        schema: Arc<str>,
    },
    /// It will never decode.
    Never(String),
    /// The registry does not answer.
    NotNow(String),
}

/// Decodes by the schema that the message names, and checks that it is of the expected subject.
pub(super) async fn decode(schemas: &Schemas, expected_subject: Option<&str>, message: &Message) -> Decoding {
    let Some(reference) = message.schema else {
        return match expected_subject {
            Some(subject) => Decoding::Never(format!("the message has no schema; `{subject}` is expected")),
            None => Decoding::Done {
                payload: message.payload.clone(),
                schema: "".into(),
            },
        };
    };
    let validator = match schemas.by_reference(reference).await {
        Ok(validator) => validator,
        Err(error) if error.is_transient() => return Decoding::NotNow(error.to_string()),
        Err(error) => return Decoding::Never(error.to_string()),
    };
    if let Some(subject) = expected_subject.filter(|subject| *subject != validator.subject()) {
        return Decoding::Never(format!(
            "the message's schema is `{}`; `{subject}` is expected",
            validator.subject()
        ));
    }
    match validator.decode(message.payload.clone()) {
        Ok(payload) => Decoding::Done {
            payload,
            schema: validator.label(),
        },
        Err(violations) => {
            let first = violations
                .first()
                .map(|v| format!("`{}` {}", v.path, v.message))
                .unwrap_or_default();
            Decoding::Never(format!(
                "the payload does not match schema `{}`: {first}",
                validator.subject()
            ))
        }
    }
}
