//! Identifiers of batches, for targets that ignore a batch which they have already.
//!
//! The same writes in the same order have the same token, in every process. It only detects a batch that is repeated
//! as it was: after a crash the same messages may come in other batches, with other tokens. Ids of documents protect
//! those.

use std::fmt;

use danube_wasm_model::door::Write;
use sha2::{Digest, Sha256};

/// The identifier of a batch, displayed as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchToken([u8; 16]);

impl BatchToken {
    /// Computes the token from everything that determines the effect of the writes: targets, ids, operations, orders,
    /// records and documents. What may differ when they are written again does not count.
    pub fn of<'w>(writes: impl IntoIterator<Item = &'w Write>) -> Self {
        let mut hash = Sha256::new();
        for write in writes {
            let record = write.record.as_ref().map_or("", |record| record.as_str());
            let texts = [
                write.target.as_bytes(),
                write.id.as_bytes(),
                record.as_bytes(),
                &write.body,
            ];
            for text in texts {
                // With its length, so that different lists of texts never give the same bytes.
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
            hash.update([write.operation.code()]);
            hash.update(write.order.to_le_bytes());
        }
        let mut token = [0; 16];
        token.copy_from_slice(&hash.finalize()[..16]);
        Self(token)
    }
}

impl fmt::Display for BatchToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use danube_wasm_model::{
        RecordId,
        message::Operation::{Delete, Upsert},
    };

    use super::*;
    use crate::test_write::write;

    #[test]
    fn a_repeated_batch_has_the_same_token() {
        let first = [write("a", Upsert, 1), write("b", Upsert, 2)];
        let again = first.clone().map(|write| Write {
            key: Some("k".into()),
            redelivered: !write.redelivered,
            ..write
        });
        assert_eq!(BatchToken::of(&first), BatchToken::of(&again));
        // The same in every process and version, because targets store it.
        assert_eq!(BatchToken::of(&first).to_string(), "58038c6feed7d1e023760ff5b2d6c0aa");
    }

    #[test]
    fn every_part_of_a_batch_changes_the_token() {
        let base = || write("ab", Upsert, 1);
        let batches = [
            vec![],
            vec![base()],
            vec![base(), base()],
            vec![write("a", Upsert, 1)],
            vec![write("ab", Delete, 1)],
            vec![write("ab", Upsert, 2)],
            vec![Write {
                target: "u".into(),
                ..base()
            }],
            vec![Write {
                body: "{ }".into(),
                ..base()
            }],
            vec![Write {
                record: Some(RecordId::from_broker("r".to_owned())),
                ..base()
            }],
            vec![write("a", Upsert, 1), write("b", Upsert, 1)],
            vec![write("b", Upsert, 1), write("a", Upsert, 1)],
            // The same texts, divided elsewhere.
            vec![Write {
                target: "ta".into(),
                ..write("b", Upsert, 1)
            }],
        ];
        let tokens: std::collections::HashSet<_> = batches.iter().map(BatchToken::of).collect();
        assert_eq!(tokens.len(), batches.len());
    }
}
