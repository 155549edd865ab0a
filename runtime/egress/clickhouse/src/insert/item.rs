//! A write, and its row.

use std::sync::Arc;

use danube_wasm_model::door::Write;

use crate::row::Row;

/// A write, and its row.
#[derive(Clone)]
pub(crate) struct Item<'w> {
    /// Its place in the batch.
    pub(crate) place: usize,
    pub(crate) write: &'w Write,
    pub(crate) row: Arc<Row>,
}

impl danube_wasm_egress_common::Item for Item<'_> {
    fn place(&self) -> usize {
        self.place
    }

    fn write(&self) -> &Write {
        self.write
    }
}
