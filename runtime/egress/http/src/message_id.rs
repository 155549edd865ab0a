//! The id of a request: the same at every attempt, in every process.

use std::fmt;

use danube_wasm_model::{door::Write, message::Operation};
use sha2::{Digest, Sha256};

/// `msg_` and 32 hexadecimal digits. Never a dot: the signed text of Standard Webhooks is `id.timestamp.body`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageId(String);

impl MessageId {
    /// Of one write: of the event, not of the document. Two updates of a document have different ids, or receivers would drop
    /// the second one.
    pub(crate) fn of(write: &Write) -> Self {
        let mut hash = Sha256::new();
        add(&mut hash, write);
        Self::finish(hash)
    }

    /// Of the writes of one request. The same writes may come in other requests after a crash: each record has an id of its
    /// own for that (`id_field`).
    pub(crate) fn of_request<'w>(writes: impl Iterator<Item = &'w Write>) -> Self {
        let mut hash = Sha256::new();
        writes.for_each(|write| add(&mut hash, write));
        Self::finish(hash)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn finish(hash: Sha256) -> Self {
        Self(format!("msg_{}", hex::encode(&hash.finalize()[..16])))
    }
}

fn add(hash: &mut Sha256, write: &Write) {
    text(hash, write.id.as_bytes());
    match &write.record {
        // The record whose order it has.
        Some(record) => text(hash, record.as_str().as_bytes()),
        // The id is that of the event.
        None if write.operation == Operation::Insert => {}
        // Nothing else tells one update of a document from another.
        None => {
            text(hash, &write.order.to_le_bytes());
            text(hash, write.operation.as_str().as_bytes());
            text(hash, &write.body);
        }
    }
}

/// With its length, so that no two lists of texts look alike.
fn text(hash: &mut Sha256, text: &[u8]) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use danube_wasm_model::RecordId;

    use super::*;

    fn write(id: &str, operation: Operation, order: u64, record: Option<&str>, body: &str) -> Write {
        Write {
            target: "orders".into(),
            id: id.to_owned(),
            operation,
            order,
            record: record.map(|id| RecordId::from_broker(id.to_owned())),
            body: body.to_owned().into(),
            types: None,
            key: None,
            redelivered: false,
        }
    }

    #[test]
    fn an_id_is_the_same_at_every_attempt_and_different_for_every_event() {
        use Operation::{Insert, Upsert};
        let id = |write: &Write| MessageId::of(write).to_string();
        let first = write("p/c/x:evt.0.0", Insert, 0, None, "{}");
        // The same in every process and version: receivers keep it.
        assert_eq!(id(&first), "msg_de95d61db1b0843828e62b0b71cb846e");
        let again = Write {
            redelivered: true,
            target: "another".into(),
            ..first.clone()
        };
        assert_eq!(id(&first), id(&again));
        let updates = [
            write("7", Upsert, 1, Some("a"), "{}"),
            write("7", Upsert, 2, Some("b"), "{}"),
            write("7", Upsert, 0, None, "{}"),
            write("7", Upsert, 0, None, "{ }"),
            write("7", Upsert, 3, None, "{}"),
        ];
        let ids: std::collections::HashSet<_> = updates.iter().map(id).collect();
        assert_eq!(ids.len(), updates.len());
        assert!(ids.iter().all(|id| id.len() == 36 && !id.contains('.')));
    }
}
