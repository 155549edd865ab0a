//! Orders: which write of a document stays.
//!
//! The order of the last write of a point is stored with it, in two fields of 32 bits, and the id of its record beside it. A
//! write is refused by a filter of the server's where what is stored is newer, so writes of any process may come in any order:
//!
//! * The order of a record applies if it is higher than what is stored, or if what is stored has the same order and record:
//!   then the record was delivered again.
//! * An order that a component made itself applies unless it is lower.
//! * An order of one kind is compared with one of the other by the milliseconds of both, and a tie applies. Orders of records are
//!   at least [`RECORD_ORDER_MIN`].
//! * A point without an order is replaced. So is, by a write without an order, any point.

use danube_wasm_egress_common::highest_stored_orders;
use danube_wasm_model::{clock::RECORD_ORDER_MIN, door::Write};
use qdrant_client::qdrant::{Condition, Filter, PointId, Range};

use crate::{
    conditions::{all, any, has_id, in_range, is_keyword, wrap},
    fields::{ORDER_HI, ORDER_LO, RECORD},
};
use qdrant_client::qdrant::condition::ConditionOneOf;

/// The upper and lower half of an order, as they are stored.
pub(crate) fn halves(order: u64) -> (i64, i64) {
    (i64::from((order >> 32) as u32), i64::from(order as u32))
}

/// The point is there, and what is stored of it is not to be replaced by this write.
pub(crate) fn is_newer(point: &PointId, write: &Write) -> Condition {
    let (below, above) = highest_stored_orders(write);
    let is_higher_record = in_between(RECORD_ORDER_MIN, above);
    let mut applies = vec![is_higher_record];
    if let Some(record) = &write.record {
        let (hi, lo) = halves(write.order);
        applies.push(all(vec![
            is_number(ORDER_HI, hi),
            is_number(ORDER_LO, lo),
            is_keyword(RECORD, record.as_str()),
        ]));
    }
    wrap(ConditionOneOf::Filter(Filter {
        must: vec![has_id(vec![point.clone()]), is_above(below)],
        must_not: applies,
        ..Filter::default()
    }))
}

/// What is stored is above this.
fn is_above(order: u64) -> Condition {
    let (hi, lo) = halves(order);
    any(vec![
        in_range(ORDER_HI, more_than(hi)),
        all(vec![is_number(ORDER_HI, hi), in_range(ORDER_LO, more_than(lo))]),
    ])
}

/// What is stored is between these, both included.
fn in_between(least: u64, most: u64) -> Condition {
    let (least_hi, least_lo) = halves(least);
    let (most_hi, most_lo) = halves(most);
    let from = any(vec![
        in_range(ORDER_HI, more_than(least_hi)),
        all(vec![
            is_number(ORDER_HI, least_hi),
            in_range(ORDER_LO, at_least(least_lo)),
        ]),
    ]);
    let to = any(vec![
        in_range(ORDER_HI, less_than(most_hi)),
        all(vec![is_number(ORDER_HI, most_hi), in_range(ORDER_LO, at_most(most_lo))]),
    ]);
    all(vec![from, to])
}

fn is_number(field: &str, number: i64) -> Condition {
    let number = float(number);
    in_range(
        field,
        Range {
            gte: Some(number),
            lte: Some(number),
            ..Range::default()
        },
    )
}

fn more_than(number: i64) -> Range {
    Range {
        gt: Some(float(number)),
        ..Range::default()
    }
}

fn at_least(number: i64) -> Range {
    Range {
        gte: Some(float(number)),
        ..Range::default()
    }
}

fn less_than(number: i64) -> Range {
    Range {
        lt: Some(float(number)),
        ..Range::default()
    }
}

fn at_most(number: i64) -> Range {
    Range {
        lte: Some(float(number)),
        ..Range::default()
    }
}

/// 32 bits are exact.
#[expect(clippy::cast_precision_loss, reason = "of 32 bits nothing is lost")]
fn float(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_hold_every_bit() {
        for order in [0, 1, u64::from(u32::MAX), 1 << 32, (1 << 53) + 1, u64::MAX] {
            let (hi, lo) = halves(order);
            assert_eq!(
                (u64::try_from(hi).expect("positive") << 32) | u64::try_from(lo).expect("positive"),
                order
            );
        }
    }
}
