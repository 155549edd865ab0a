//! The ordered path: upserts, merges, deletes, inserts with an order, and ids that a batch names more than once.
//!
//! The order that a document was last written or deleted with, its mark, is kept in a table of our own,
//! [`MARKS_TABLE`], under the document's table and id, and written in the same transaction as the document. A mark
//! outlives its document, so that a late write does not restore a deleted one. A write without order always applies
//! and leaves the mark as it is.
//!
//! # Which order applies
//!
//! * The order of a record ([`Write::record`]) applies if it is higher than the mark, or if the mark has the same
//!   record id beside it: then the record was delivered again.
//! * An order that a component made itself applies unless it is lower than the mark.
//! * Orders of records are at least [`RECORD_ORDER_MIN`]; below it are the orders of components, most of them publish
//!   times in milliseconds, and all marks that were written before records had orders. An order of one kind is compared
//!   with a mark of the other by the milliseconds of both, and a tie applies.
//!
//! # Statements
//!
//! One script in one transaction does up to a thousand writes, in rounds: a round names no document twice, and the k-th
//! write that a document needs ([`rounds`]) is in round k. A round works on sets: one query each finds which writes
//! apply and which documents exist, new documents are inserted in bulk, and only existing ones are updated one by one.
//! One statement or closure call for each write is several times slower, and so is the function `record::exists`, and
//! replacing marks in any other way than by deleting and inserting them.

use std::fmt::Write as _;

use danube_wasm_egress_common::{Rounds, bisect::Attempt, highest_stored_orders, rounds};
use danube_wasm_model::{clock::RECORD_ORDER_MIN, message::Operation};
use surrealdb::types::{Array, Number, Object, Value};

use crate::{
    classify::Fault,
    executor::Executor,
    number,
    plan::{Chain, Item},
};

/// The table of marks, with one row for each document that was ever written with an order.
pub(crate) const MARKS_TABLE: &str = "_danube_wasm_order";

/// Creates [`MARKS_TABLE`]. Runs at every connection: it also shows that the user may write.
pub(crate) const DEFINE_MARKS: &str = "DEFINE TABLE IF NOT EXISTS _danube_wasm_order TYPE NORMAL SCHEMALESS \
     COMMENT 'danube-wasm: order of the last ordered write of each document' PERMISSIONS NONE";

/// A write that shows whether the database accepts writes.
pub(crate) const PROBE: &str = "UPSERT _danube_wasm_order:['', 'probe'] CONTENT { at: 0 } RETURN NONE";

/// Most rounds of one script: the script's text grows with each. Documents that need more are written in several
/// scripts.
const ROUNDS_MAX: usize = 16;

/// One round. `#` is its number. Operations are numbered as in `wit/sink.wit`.
const ROUND: &str = "
LET $apply# = (SELECT *, id.id != NONE AS there FROM $writes#
    WHERE order = 0 OR (mark.at ?? 0) <= below OR (mark.at >= $split AND mark.at <= above)
        OR (mark.at = order AND mark.record_id = record_id));
INSERT (SELECT VALUE document FROM $apply# WHERE !there AND operation != 3) RETURN NONE;
FOR $write IN (SELECT id, document FROM $apply# WHERE there AND operation = 1) {
    UPDATE $write.id CONTENT $write.document RETURN NONE;
};
FOR $write IN (SELECT id, document FROM $apply# WHERE there AND operation = 2) {
    UPDATE $write.id MERGE $write.document RETURN NONE;
};
DELETE (SELECT VALUE id FROM $apply# WHERE there AND operation = 3) RETURN NONE;
LET $marks# = (SELECT mark AS id, order AS at, record_id FROM $apply# WHERE order > 0 AND (operation != 0 OR !there));
DELETE (SELECT VALUE id FROM $marks#) RETURN NONE;
INSERT $marks# RETURN NONE;
";

/// Counts the writes of a round that changed nothing.
const UNCHANGED: &str = "array::len($writes#) - array::len($apply#)
    + array::len((SELECT VALUE id FROM $apply# WHERE there AND operation = 0))";

/// Returns a transaction of `rounds` rounds. Its result is the number of writes that changed nothing.
fn script(rounds: usize) -> String {
    let mut script = "BEGIN;".to_owned();
    for round in 0..rounds {
        script += &ROUND.replace('#', &round.to_string());
    }
    script += "RETURN { unchanged: 0";
    for round in 0..rounds {
        // Writing to a string cannot fail.
        let _ = write!(script, " + {}", UNCHANGED.replace('#', &round.to_string()));
    }
    script + " };\nCOMMIT;\n"
}

pub(crate) struct Ordered<'l>(pub(crate) &'l Executor);

impl<'w> Attempt<Item<'w>> for Ordered<'_> {
    type Fault = Fault;

    async fn attempt(&self, chains: &mut [Chain<'w>]) -> Result<usize, Fault> {
        let Rounds { mut rounds, superseded } = rounds(chains);
        let mut unchanged = superseded;
        for rounds in rounds.chunks_mut(ROUNDS_MAX) {
            unchanged += self.transaction(rounds).await?;
        }
        Ok(unchanged)
    }

    async fn probe(&self) -> Result<(), Fault> {
        self.0.probe().await
    }
}

impl Ordered<'_> {
    async fn transaction(&self, rounds: &mut [Vec<&mut Item<'_>>]) -> Result<usize, Fault> {
        let script = script(rounds.len());
        let variables = || {
            let mut variables = Object::from_iter([("split".to_owned(), order_value(RECORD_ORDER_MIN))]);
            for (round, items) in rounds.iter_mut().enumerate() {
                let writes: Vec<Value> = items.iter_mut().map(|item| Value::Object(arguments(item))).collect();
                variables.insert(format!("writes{round}"), Array::from(writes));
            }
            variables
        };
        match self.0.statement("ordered writes", &script, variables).await? {
            Value::Object(answer) => match answer.get("unchanged") {
                Some(Value::Number(Number::Int(unchanged))) => Ok(usize::try_from(*unchanged).unwrap_or(0)),
                _ => Err(unexpected_result()),
            },
            _ => Err(unexpected_result()),
        }
    }
}

fn unexpected_result() -> Fault {
    Fault::Lost("SurrealDB answered ordered writes with something else".to_owned())
}

fn arguments(item: &mut Item<'_>) -> Object {
    let (below, above) = highest_stored_orders(item.write);
    let mut arguments = Object::new();
    arguments.insert("id", item.record_id());
    arguments.insert("mark", item.mark_id());
    arguments.insert("operation", i64::from(item.write.operation.code()));
    arguments.insert("order", order_value(item.write.order));
    arguments.insert("below", order_value(below));
    arguments.insert("above", order_value(above));
    if let Some(record) = &item.write.record {
        arguments.insert("record_id", record.as_str().to_owned());
    }
    if item.write.operation != Operation::Delete {
        arguments.insert("document", item.row());
    }
    arguments
}

fn order_value(order: u64) -> Value {
    Value::Number(number::from_u64(order))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_the_requested_number_of_rounds() {
        let script = script(2);
        assert!(script.contains("$writes0") && script.contains("$apply1"), "{script}");
        assert!(!script.contains('#') && !script.contains("$writes2"), "{script}");
    }
}
