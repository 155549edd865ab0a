//! Checks the order of records, and that the newest one decides what a row is, whatever partition and lane it came
//! through.

use std::collections::BTreeMap;

use danube_wasm_broker::Outgoing;
use danube_wasm_model::{clock::order_ms, identity::ORDER_ATTRIBUTE};

use super::{History, Oracle, Record, Rules, SentEvent};
use crate::{
    scenario::EarlierOrders,
    test_event::{AtSink, AtSource, TestEvent},
};

/// The highest order so far, by the process that gave it.
pub(super) type Orders = BTreeMap<u64, u64>;

/// An offer of an event to a source.
pub(super) struct Offer {
    /// The source's.
    pub(super) process: u64,
    /// Its number among all.
    pub(super) number: u64,
}

/// The order of a record, and the process that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) order: u64,
    pub(super) process: u64,
}

/// 0 if it has none.
pub fn order_of(record: &Outgoing) -> u64 {
    let mut orders = record.attributes.iter().filter(|(name, _)| name == ORDER_ATTRIBUTE);
    orders.find_map(|(_, order)| order.parse().ok()).unwrap_or_default()
}

impl Oracle {
    /// The event is offered to the source of this process.
    pub fn offered(&self, number: u64, process: u64) {
        let mut history = self.history.lock();
        history.offers += 1;
        let offer = Offer {
            process,
            number: history.offers,
        };
        if let Some(sent) = history.sent.get_mut(&number) {
            sent.offers.push(offer);
        }
    }

    /// A process hands a record to the broker, at this time by the wall clock: checks that its order is higher than all
    /// that the process knows of, and has the wall clock's milliseconds unless that is behind.
    pub fn handed_over(&self, record: &Outgoing, process: u64, wall_ms: u64) {
        let mut history = self.history.lock();
        let order = order_of(record);
        let known = match self.rules.earlier_orders {
            EarlierOrders::Known => history.orders.values().max(),
            EarlierOrders::Unknown => history.orders.get(&process),
        };
        let known = known.copied().unwrap_or_default();
        let expected_ms = wall_ms.max(order_ms(known));
        let latest_ms = match self.rules.earlier_orders {
            // Of earlier processes only the millisecond is known.
            EarlierOrders::Known => wall_ms.max(order_ms(known) + 1),
            EarlierOrders::Unknown => expected_ms,
        };
        if order <= known || !(expected_ms..=latest_ms).contains(&order_ms(order)) {
            history.violation(format!(
                "{} got the order {order} at {wall_ms} ms, after {known}",
                record.id
            ));
        }
        let highest = history.orders.entry(process).or_default();
        *highest = order.max(*highest);
    }
}

impl Rules {
    /// Whether the older record may stay: its process is over, and the newer one's, which knows nothing of it, has given a
    /// lower order.
    ///
    /// The wall clocks of both have decided so: [`Oracle::handed_over`] checks that they do.
    pub(super) fn may_stay(&self, older: &Record, newer: &Record) -> bool {
        let (stays, passed_over) = (older.newest, newer.newest);
        self.earlier_orders == EarlierOrders::Unknown
            && stays.process < newer.process
            && stays.order >= passed_over.order
    }
}

/// An accepted event whose record, as it came, is what a row can be.
#[derive(Clone, Copy)]
struct Document<'a> {
    sent: &'a SentEvent,
    record: &'a Record,
}

impl Document<'_> {
    /// Whether it was accepted before the other was offered.
    fn is_before(&self, other: &Self) -> bool {
        let begun = other.sent.offers.first().map_or(0, |offer| offer.number);
        begun > self.sent.accepted_at
    }
}

impl History {
    /// Rows of `state` with an event that was accepted before another event of the row, which was accepted, too, was
    /// offered.
    pub(super) fn stale(&self, rules: &Rules) -> Vec<String> {
        let mut found = Vec::new();
        for (id, body) in &self.states {
            let Some(there) = TestEvent::parse(body).and_then(|test_event| self.document(test_event)) else {
                continue;
            };
            let of_row = self.sent.values().map(|sent| sent.test_event);
            let mut stale = of_row
                .filter(|test_event| test_event.state() == *id)
                .filter_map(|test_event| self.document(test_event))
                .filter(|newer| there.is_before(newer) && !rules.may_stay(there.record, newer.record));
            if let Some(newer) = stale.next() {
                found.push(format!(
                    "{id} is e{}'s, which was accepted before e{} was offered",
                    there.sent.test_event.number, newer.sent.test_event.number
                ));
            }
        }
        found
    }

    fn document(&self, test_event: TestEvent) -> Option<Document<'_>> {
        let is_plain = matches!(
            test_event.at_source,
            AtSource::Plain | AtSource::Flaky | AtSource::Later
        );
        let sent = self.sent.get(&test_event.number)?;
        let record = self.records.get(&test_event.payload())?;
        (is_plain && test_event.at_sink == AtSink::Plain && sent.accepted).then_some(Document { sent, record })
    }
}
