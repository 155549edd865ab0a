//! Which of two writes of a document stays.

use danube_wasm_model::{
    clock::{ORDER_COUNTER_BITS, ORDER_COUNTER_MAX, RECORD_ORDER_MIN, order_ms},
    door::Write,
};

/// The highest stored orders that a write applies over: the highest below [`RECORD_ORDER_MIN`], which are those of components,
/// and the highest from there on, which are those of records.
///
/// An order of one kind is compared with one of the other by the milliseconds of both, and a tie applies. That of a record has
/// to be higher than another record's; a component's own must not be lower than what is stored.
pub fn highest_stored_orders(write: &Write) -> (u64, u64) {
    let order = write.order;
    match write.record {
        Some(_) => (order_ms(order).min(RECORD_ORDER_MIN - 1), order.saturating_sub(1)),
        None if order < RECORD_ORDER_MIN => (order, (order << ORDER_COUNTER_BITS) | ORDER_COUNTER_MAX),
        None => (RECORD_ORDER_MIN - 1, order),
    }
}

#[cfg(test)]
mod tests {
    use danube_wasm_model::{RecordId, message::Operation};

    use super::*;
    use crate::test_write::write;

    fn highest(order: u64, record: Option<&str>) -> (u64, u64) {
        highest_stored_orders(&Write {
            record: record.map(|id| RecordId::from_broker(id.to_owned())),
            ..write("a", Operation::Upsert, order)
        })
    }

    #[test]
    fn orders_of_different_kinds_are_compared_by_milliseconds() {
        let at = |ms: u64, counter: u64| (ms << ORDER_COUNTER_BITS) | counter;
        let now = 1_764_000_000_000;
        // A record's order: over a component's of the same millisecond, and over lower ones of records.
        assert_eq!(highest(at(now, 5), Some("a")), (now, at(now, 4)));
        // A component's publish time: over the same time, and over orders of records of that millisecond.
        assert_eq!(highest(now, None), (now, at(now, ORDER_COUNTER_MAX)));
        // A component's own number that is not a publish time.
        assert_eq!(highest(u64::MAX, None), (RECORD_ORDER_MIN - 1, u64::MAX));
        assert_eq!(highest(7, None), (7, at(7, ORDER_COUNTER_MAX)));
    }
}
