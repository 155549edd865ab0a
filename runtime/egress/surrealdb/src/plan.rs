//! Sorts a batch of writes into bulk inserts, ordered writes and invalid writes.

use std::collections::HashMap;

use danube_wasm_egress_common::{self as common, StatementLimits};
use danube_wasm_model::{door::Write, message::Operation};
use surrealdb::types::{Array, Object, RecordId, RecordIdKey, Table, Value};
use tokio::task::coop::consume_budget;

use crate::{DatetimeField, ordered::MARKS_TABLE, value};

/// Prefix of the names of the runtime's own tables, which no component and no configuration may write to.
const RESERVED_PREFIX: &str = "_danube_wasm_";

/// Longest name of a table, in bytes. The name is part of every key.
pub(crate) const TABLE_BYTES_MAX: usize = 128;

/// Most writes in one statement. Above this SurrealDB's in-memory store gets slower with each row, and the on-disk one
/// no faster.
pub(crate) const STATEMENT_WRITES_MAX: usize = 1000;

/// Most bytes of documents in one statement, unless a single document is larger. Far below the 64 MiB that a WebSocket
/// message may have, since values grow when they are encoded.
pub(crate) const STATEMENT_BYTES_MAX: usize = 8 << 20;

/// The writes of one document that are not done yet.
pub(crate) type Chain<'w> = common::Chain<Item<'w>>;

/// A write and its parsed document.
#[derive(Clone)]
pub(crate) struct Item<'w> {
    /// Its index in the batch.
    pub(crate) index: usize,
    pub(crate) write: &'w Write,
    datetime_fields: &'w [DatetimeField],
    /// The document, until the first statement takes it. A second statement, after a refusal, parses it again: rare,
    /// and cheaper than a copy of each document.
    document: Option<Object>,
}

impl common::Item for Item<'_> {
    fn place(&self) -> usize {
        self.index
    }

    fn write(&self) -> &Write {
        self.write
    }
}

impl<'w> Item<'w> {
    fn read(index: usize, write: &'w Write, datetime_fields: &'w [DatetimeField]) -> Result<Self, String> {
        check_table(&write.target)?;
        if write.id.is_empty() {
            return Err("the document has no id".to_owned());
        }
        let document = match write.operation {
            Operation::Delete => None,
            _ => Some(value::document(write, datetime_fields)?),
        };
        Ok(Self {
            index,
            write,
            datetime_fields,
            document,
        })
    }

    /// The full record id. Text ids stay text: `"123"` is not the number 123.
    pub(crate) fn record_id(&self) -> RecordId {
        RecordId {
            table: Table::new(&*self.write.target),
            key: RecordIdKey::String(self.write.id.clone()),
        }
    }

    /// The id of this document's mark.
    pub(crate) fn mark_id(&self) -> RecordId {
        let key = Array::from(vec![
            Value::String(self.write.target.to_string()),
            Value::String(self.write.id.clone()),
        ]);
        RecordId {
            table: Table::new(MARKS_TABLE),
            key: RecordIdKey::Array(key),
        }
    }

    /// Returns the document with its full record id; the id alone for deletes.
    pub(crate) fn row(&mut self) -> Object {
        let mut row = self.document.take().unwrap_or_else(|| match self.write.operation {
            Operation::Delete => Object::new(),
            // It was parsed before, so it parses again.
            _ => value::document(self.write, self.datetime_fields).unwrap_or_default(),
        });
        row.insert("id", self.record_id());
        row
    }
}

/// A sorted batch. Documents of different ids are independent, so only writes of the same id must keep their order.
#[derive(Default)]
pub(crate) struct Plan<'w> {
    /// Plain inserts of ids that occur once in the batch.
    pub(crate) bulk: Vec<Chain<'w>>,
    /// All other valid writes, by document.
    pub(crate) ordered: Vec<Chain<'w>>,
    /// Index and reason of each invalid write.
    pub(crate) refused: Vec<(usize, String)>,
}

/// How a batch uses an id.
#[derive(Default)]
struct IdUse {
    count: usize,
    /// Index of its chain in [`Plan::ordered`].
    chain: Option<usize>,
}

impl<'w> Plan<'w> {
    /// Sorts a batch. Yields to other tasks now and then, because parsing many documents takes long.
    pub(crate) async fn sort(writes: &'w [Write], datetime_fields: &'w [DatetimeField]) -> Self {
        let mut uses: HashMap<(&str, &str), IdUse> = HashMap::with_capacity(writes.len());
        for write in writes {
            uses.entry((&*write.target, &*write.id)).or_default().count += 1;
        }
        let mut plan = Self::default();
        for (index, write) in writes.iter().enumerate() {
            consume_budget().await;
            let id_use = uses.entry((&*write.target, &*write.id)).or_default();
            let item = match Item::read(index, write, datetime_fields) {
                Ok(item) => item,
                Err(reason) => {
                    plan.refused.push((index, reason));
                    continue;
                }
            };
            if id_use.count == 1 && write.operation == Operation::Insert && write.order == 0 {
                plan.bulk.push(Chain::of(item));
            } else if let Some(chain) = id_use.chain.and_then(|index| plan.ordered.get_mut(index)) {
                chain.push(item);
            } else {
                id_use.chain = Some(plan.ordered.len());
                plan.ordered.push(Chain::of(item));
            }
        }
        plan
    }
}

/// Divides documents into statements.
pub(crate) fn statements<'i, 'w>(chains: &'i mut [Chain<'w>]) -> Vec<&'i mut [Chain<'w>]> {
    let limits = StatementLimits {
        writes_max: STATEMENT_WRITES_MAX,
        bytes_max: STATEMENT_BYTES_MAX,
    };
    common::cut(chains, limits)
}

fn check_table(name: &str) -> Result<(), String> {
    if name.is_empty() {
        Err("the write names no table".to_owned())
    } else if name.len() > TABLE_BYTES_MAX {
        Err(format!(
            "the table's name has {} bytes, over {TABLE_BYTES_MAX}",
            name.len()
        ))
    } else if name.chars().any(char::is_control) {
        Err("the table's name has a control character".to_owned())
    } else if name.starts_with(RESERVED_PREFIX) {
        Err(format!(
            "tables whose names begin with `{RESERVED_PREFIX}` are the runtime's own"
        ))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use super::*;

    fn write(target: &str, id: &str, operation: Operation, order: u64) -> Write {
        Write {
            target: target.into(),
            id: id.to_owned(),
            operation,
            order,
            record: None,
            body: "{}".into(),
            types: None,
            key: None,
            redelivered: true,
        }
    }

    #[tokio::test]
    async fn only_unordered_inserts_of_unique_ids_go_in_bulk() {
        let writes = [
            write("t", "a", Operation::Insert, 0),
            write("t", "b", Operation::Insert, 0),
            write("t", "b", Operation::Insert, 0),
            write("u", "a", Operation::Insert, 0),
            write("t", "c", Operation::Insert, 7),
            write("t", "d", Operation::Upsert, 0),
            write("", "e", Operation::Insert, 0),
            write(MARKS_TABLE, "e", Operation::Delete, 0),
        ];
        let plan = Plan::sort(&writes, &[]).await;
        let places = |chains: &[Chain<'_>]| {
            let of = |chain: &Chain<'_>| (chain.document().expect("a write").1.to_owned(), chain.len());
            chains.iter().map(of).collect::<Vec<_>>()
        };
        let named = |ids: &[(&str, usize)]| ids.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect::<Vec<_>>();
        assert_eq!(places(&plan.bulk), named(&[("a", 1), ("a", 1)]));
        assert_eq!(places(&plan.ordered), named(&[("b", 2), ("c", 1), ("d", 1)]));
        assert_eq!(plan.refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [6, 7]);
    }

    #[tokio::test]
    async fn statements_are_bounded_by_rows_and_bytes() {
        let writes: Vec<_> = (0..STATEMENT_WRITES_MAX + 1)
            .map(|i| write("t", &i.to_string(), Operation::Insert, 0))
            .collect();
        let mut plan = Plan::sort(&writes, &[]).await;
        let sizes: Vec<_> = statements(&mut plan.bulk).iter().map(|chains| chains.len()).collect();
        assert_eq!(sizes, [STATEMENT_WRITES_MAX, 1]);

        let body = format!("{{\"x\":\"{}\"}}", "y".repeat(STATEMENT_BYTES_MAX / 2));
        let writes: Vec<_> = (0..3)
            .map(|i| Write {
                body: body.clone().into(),
                ..write("t", &i.to_string(), Operation::Insert, 0)
            })
            .collect();
        let mut plan = Plan::sort(&writes, &[]).await;
        assert_eq!(statements(&mut plan.bulk).len(), 3);
    }

    #[tokio::test]
    async fn sorting_many_writes_yields_to_other_tasks() {
        let writes: Vec<_> = (0..1_280)
            .map(|i| write("t", &i.to_string(), Operation::Insert, 0))
            .collect();
        let turns = Arc::<AtomicUsize>::default();
        let others = {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                loop {
                    turns.fetch_add(1, Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        };
        assert_eq!(Plan::sort(&writes, &[]).await.bulk.len(), 1_280);
        others.abort();
        assert!(turns.load(Relaxed) >= 9, "{turns:?}");
    }

    #[test]
    fn any_printable_table_name_is_accepted() {
        for name in ["a;DROP", "a-b", "`x`", "⟨y⟩", "ünï 漢", "'"] {
            assert_eq!(check_table(name), Ok(()), "{name}");
        }
        assert!(check_table(&"t".repeat(TABLE_BYTES_MAX)).is_ok());
        for name in [
            "",
            "a\nb",
            "\0",
            &"t".repeat(TABLE_BYTES_MAX + 1),
            MARKS_TABLE,
            "_danube_wasm_x",
        ] {
            assert!(check_table(name).is_err(), "{name:?}");
        }
    }
}
