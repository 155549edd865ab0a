//! A write on its way.

use std::sync::Arc;

use danube_wasm_egress_common::{Chain, Item as _};
use danube_wasm_model::door::Write;

use crate::{message_id::MessageId, receipts::Receipt, verdict::Verdict};

/// A write on its way, and where is told what became of it.
#[derive(Clone)]
pub(crate) struct Item {
    place: usize,
    write: Arc<Write>,
    pub(crate) id: Arc<MessageId>,
    receipt: Arc<Receipt>,
}

impl Item {
    pub(crate) fn new(place: usize, write: &Write, receipt: Arc<Receipt>) -> Self {
        Self {
            place,
            id: Arc::new(MessageId::of(write)),
            write: Arc::new(write.clone()),
            receipt,
        }
    }

    pub(crate) fn settle(&self, verdict: Verdict) {
        self.receipt.settle(verdict);
    }

    /// Writes of a request, none of which makes another one superfluous: each is an event that is to be delivered.
    pub(crate) fn chains(items: &[Self]) -> Vec<Chain<Self>> {
        items.iter().cloned().map(Chain::of).collect()
    }

    /// Whether one of them must follow the other.
    pub(crate) fn is_ordered_with(&self, other: &Self) -> bool {
        let (one, other) = (self.write(), other.write());
        one.id == other.id || one.key.is_some() && one.key == other.key
    }
}

impl danube_wasm_egress_common::Item for Item {
    fn place(&self) -> usize {
        self.place
    }

    fn write(&self) -> &Write {
        &self.write
    }
}
