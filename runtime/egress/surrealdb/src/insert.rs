//! The fast path: many new documents in one statement.
//!
//! `INSERT IGNORE` would also skip a document that a unique index refuses, and lose it. So the insert is plain, with
//! full record ids; if some ids exist, they are read back and left out, and the rest is inserted.

use std::collections::HashSet;

use danube_wasm_egress_common::bisect::Attempt;
use surrealdb::types::{Array, Object, RecordId, RecordIdKey, Value};

use crate::{
    classify::Fault,
    executor::Executor,
    plan::{Chain, Item},
};

/// One statement for any number of tables: each document's `id` names its table and record.
const INSERT: &str = "INSERT $rows RETURN NONE";

const EXISTING: &str = "SELECT VALUE id FROM $candidates.id";

/// The same query where one of the tables does not exist yet, for which [`EXISTING`] fails; several times slower.
const EXISTING_ANYWHERE: &str = "SELECT VALUE id FROM $candidates WHERE record::exists(id)";

/// How often to read the ids back, in case other writers insert more between reading and inserting.
const ROUNDS_MAX: usize = 4;

pub(crate) struct Insert<'l>(pub(crate) &'l Executor);

impl<'w> Attempt<Item<'w>> for Insert<'_> {
    type Fault = Fault;

    async fn attempt(&self, chains: &mut [Chain<'w>]) -> Result<usize, Fault> {
        let mut items: Vec<&mut Item<'w>> = chains.iter_mut().flat_map(Chain::needed).collect();
        let items = items.as_mut_slice();
        match self.insert(items, &[]).await {
            Ok(()) => return Ok(0),
            Err(Fault::Exists) => {}
            Err(fault) => return Err(fault),
        }
        for _ in 0..ROUNDS_MAX {
            let existing = self.existing(items).await?;
            let unchanged = existing.iter().filter(|exists| **exists).count();
            if unchanged == items.len() {
                return Ok(unchanged);
            }
            match self.insert(items, &existing).await {
                Ok(()) => return Ok(unchanged),
                Err(Fault::Exists) => {}
                Err(fault) => return Err(fault),
            }
        }
        Err(Fault::Exists)
    }

    async fn probe(&self) -> Result<(), Fault> {
        self.0.probe().await
    }
}

impl Insert<'_> {
    /// Inserts the items that are not marked in `existing`.
    async fn insert(&self, items: &mut [&mut Item<'_>], existing: &[bool]) -> Result<(), Fault> {
        let variables = || {
            let absent = items
                .iter_mut()
                .enumerate()
                .filter(|(i, _)| existing.get(*i) != Some(&true));
            let rows: Vec<Value> = absent.map(|(_, item)| Value::Object(item.row())).collect();
            Object::from_iter([("rows".to_owned(), Array::from(rows))])
        };
        self.0.statement("insert", INSERT, variables).await.map(drop)
    }

    /// For each item, whether a document with its id exists.
    async fn existing(&self, items: &[&mut Item<'_>]) -> Result<Vec<bool>, Fault> {
        let variables = || {
            let candidate =
                |item: &&mut Item<'_>| Value::Object(Object::from_iter([("id".to_owned(), item.record_id())]));
            let candidates: Vec<Value> = items.iter().map(candidate).collect();
            Object::from_iter([("candidates".to_owned(), Array::from(candidates))])
        };
        let found = match self.0.statement("reading ids back", EXISTING, variables).await {
            Err(Fault::Configuration(_)) => self.0.statement("reading ids back", EXISTING_ANYWHERE, variables).await,
            found => found,
        };
        let Value::Array(found) = found? else {
            return Err(Fault::Lost(
                "SurrealDB answered a list of ids with something else".to_owned(),
            ));
        };
        let found: HashSet<(&str, &str)> = found.iter().filter_map(table_and_id).collect();
        let exists = |item: &&mut Item<'_>| found.contains(&(&*item.write.target, item.write.id.as_str()));
        Ok(items.iter().map(exists).collect())
    }
}

fn table_and_id(value: &Value) -> Option<(&str, &str)> {
    match value {
        Value::RecordId(RecordId {
            table,
            key: RecordIdKey::String(id),
        }) => Some((table.as_str(), id)),
        _ => None,
    }
}
