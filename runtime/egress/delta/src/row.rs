//! Rows, and what tells that two are the same.

use danube_wasm_model::door::Write;
use sha2::{Digest as _, Sha256};

use crate::value::Cell;

/// A row that its columns hold.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What it is known by.
    pub(crate) id: RowId,
    /// One for each column.
    pub(crate) cells: Vec<Cell>,
    /// Of its document.
    pub(crate) bytes: usize,
}

/// What a row is known by, in the table's folder and in every process: a hash of the write's id, record, operation and order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RowId(pub(crate) [u8; RowId::BYTES]);

impl RowId {
    /// Of one.
    pub(crate) const BYTES: usize = 16;

    /// Of the write that becomes the row. A message that comes again has the same.
    pub(crate) fn of(write: &Write) -> Self {
        let record = write.record.as_ref().map_or("", |record| record.as_str());
        let mut hash = Sha256::new();
        for text in [write.id.as_str(), record] {
            // With its length, so that different lists of texts never give the same bytes.
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        hash.update([write.operation.code()]);
        hash.update(write.order.to_le_bytes());
        if write.record.is_none() {
            // Two changes that a component gave one order differ in what they say.
            hash.update(&write.body);
        }
        let mut id = [0; Self::BYTES];
        id.copy_from_slice(&hash.finalize()[..Self::BYTES]);
        Self(id)
    }
}
