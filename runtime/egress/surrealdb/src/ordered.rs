//! The ordered path: upserts, merges, deletes, inserts with an order, and ids that a batch names more than once.
//!
//! The order that a document was last written or deleted with is kept in a table of our own, [`MARKS_TABLE`], under the
//! document's table and id, and written in the same transaction as the document; a mark outlives its document, so that
//! a late write does not bring a deleted one back. A write without order always applies and leaves the mark as it is.
//!
//! One script in one transaction does up to a thousand writes of distinct ids ([`crate::plan`] sees to that), and works
//! on sets: which writes apply and which documents are there is asked once for all, new documents are inserted in bulk,
//! and only those that are there are updated one by one. One statement or closure call for each write is several times
//! slower.

use danube_wasm_model::message::Operation;
use surrealdb::types::{Array, Number, Object, Value};

use crate::{bisect::Attempt, classify::Fault, link::Link, number, plan::Item};

/// Where the orders are kept. One row for each document that was ever written with an order.
pub(crate) const MARKS_TABLE: &str = "_danube_wasm_order";

/// Creates [`MARKS_TABLE`]. Done at every connection: it also shows that the user may write.
pub(crate) const DEFINE_MARKS: &str = "DEFINE TABLE IF NOT EXISTS _danube_wasm_order TYPE NORMAL SCHEMALESS \
     COMMENT 'danube-wasm: order of the last ordered write of each document' PERMISSIONS NONE";

/// Whether the database takes writes.
pub(crate) const PROBE: &str = "UPSERT _danube_wasm_order:['', 'probe'] CONTENT { at: 0 } RETURN NONE";

/// Answers with the number of writes that changed nothing. Operations are numbered as in `wit/sink.wit`.
const APPLY: &str = "
BEGIN;
LET $apply = (SELECT *, record::exists(id) AS there FROM $writes WHERE order = 0 OR (mark.at ?? 0) <= order);
INSERT (SELECT VALUE document FROM $apply WHERE !there AND operation != 3) RETURN NONE;
FOR $write IN (SELECT id, document FROM $apply WHERE there AND operation = 1) {
    UPDATE $write.id CONTENT $write.document RETURN NONE;
};
FOR $write IN (SELECT id, document FROM $apply WHERE there AND operation = 2) {
    UPDATE $write.id MERGE $write.document RETURN NONE;
};
DELETE (SELECT VALUE id FROM $apply WHERE there AND operation = 3) RETURN NONE;
INSERT (SELECT mark AS id, order AS at FROM $apply WHERE order > 0 AND (operation != 0 OR !there))
    ON DUPLICATE KEY UPDATE at = $input.at RETURN NONE;
RETURN { unchanged: array::len($writes) - array::len($apply)
    + array::len((SELECT VALUE id FROM $apply WHERE there AND operation = 0)) };
COMMIT;
";

pub(crate) struct Ordered<'l>(pub(crate) &'l Link);

impl Attempt for Ordered<'_> {
    async fn attempt(&self, items: &mut [Item<'_>]) -> Result<usize, Fault> {
        let variables = || {
            let writes: Vec<Value> = items.iter_mut().map(|item| Value::Object(arguments(item))).collect();
            Object::from_iter([("writes".to_owned(), Array::from(writes))])
        };
        match self.0.statement("ordered writes", APPLY, variables).await? {
            Value::Object(answer) => match answer.get("unchanged") {
                Some(Value::Number(Number::Int(unchanged))) => Ok(usize::try_from(*unchanged).unwrap_or(0)),
                _ => Err(Fault::Lost(
                    "SurrealDB answered ordered writes with something else".to_owned(),
                )),
            },
            _ => Err(Fault::Lost(
                "SurrealDB answered ordered writes with something else".to_owned(),
            )),
        }
    }

    async fn probe(&self) -> Result<(), Fault> {
        self.0.probe().await
    }
}

fn arguments(item: &mut Item<'_>) -> Object {
    let mut arguments = Object::new();
    arguments.insert("id", item.record_id());
    arguments.insert("mark", item.mark_id());
    arguments.insert("operation", i64::from(item.write.operation.code()));
    arguments.insert("order", Value::Number(number::from_u64(item.write.order)));
    if item.write.operation != Operation::Delete {
        arguments.insert("document", item.row());
    }
    arguments
}
