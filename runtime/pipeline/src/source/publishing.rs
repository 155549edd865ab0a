//! Hands records to the broker, each with its order.

use std::sync::Arc;

use danube_wasm_broker::{Outgoing, Published, Publisher, Result};
use danube_wasm_model::{
    clock::{OrderClock, order_at, order_ms},
    identity::{ORDER_ATTRIBUTE, PUBLISH_TIME_ATTRIBUTE},
};
use parking_lot::Mutex;

use crate::mutants::{self, Mutant};

/// The publisher of a source's lanes.
pub(super) struct Publishing {
    publisher: Arc<dyn Publisher>,
    clock: Arc<OrderClock>,
    /// Held while records are stamped and handed over, so that orders rise with the places in a partition.
    turn: Mutex<()>,
}

impl Publishing {
    pub(super) fn new(publisher: Arc<dyn Publisher>, clock: Arc<OrderClock>) -> Self {
        Self {
            publisher,
            clock,
            turn: Mutex::default(),
        }
    }

    /// As [`Publisher::publish`], with an order for each record that has none and does not say when it was published first.
    pub(super) fn publish(
        &self,
        mut groups: Vec<Vec<Outgoing>>,
    ) -> impl Future<Output = Vec<Result<Published>>> + Send + use<> {
        let _turn = self.turn.lock();
        groups.iter_mut().flatten().for_each(|record| self.stamp(record));
        self.publisher.publish(groups)
    }

    /// As [`Publisher::check_size`], of a record as it is published: with an order, which is not given to it.
    pub(super) fn check_size(&self, record: &Outgoing) -> Result<()> {
        let mut record = record.clone();
        if !has_order(&record) {
            stamp(&mut record, order_at(self.clock.now_ms(), 0));
        }
        self.publisher.check_size(&record)
    }

    /// See [`Publisher::record_bytes_max`].
    pub(super) fn record_bytes_max(&self) -> Option<usize> {
        self.publisher.record_bytes_max()
    }

    /// An event that is offered again is as old as it says of itself, and one whose upstream has an order has that.
    fn stamp(&self, record: &mut Outgoing) {
        if has_order(record) {
            return;
        }
        let mut order = self.clock.next();
        if mutants::is(Mutant::OrderIsMilliseconds) {
            order = order_at(order_ms(order), 0);
        }
        stamp(record, order);
    }
}

fn has_order(record: &Outgoing) -> bool {
    let mut names = record.attributes.iter().map(|(name, _)| name.as_str());
    names.any(|name| name == PUBLISH_TIME_ATTRIBUTE || name == ORDER_ATTRIBUTE)
}

fn stamp(record: &mut Outgoing, order: u64) {
    record.attributes.push((ORDER_ATTRIBUTE.to_owned(), order.to_string()));
}
