//! The fast path: many new documents in one statement.
//!
//! `INSERT IGNORE` would also pass over a document that a unique index refuses, and lose it. So the insert is plain,
//! with full record ids; when it meets ids that are there, they are read back, left out, and the rest is inserted.

use std::collections::HashSet;

use danube_wasm_egress_common::bisect::Attempt;
use surrealdb::types::{Array, Object, RecordId, RecordIdKey, Value};

use crate::{
    classify::Fault,
    link::Link,
    plan::{Chain, Item},
};

/// One statement for any number of tables: each document's `id` says which record it is.
const INSERT: &str = "INSERT $rows RETURN NONE";

const EXISTING: &str = "SELECT VALUE id FROM $candidates.id";

/// The same where one of the tables is not there yet, which is an error of the former; several times slower.
const EXISTING_ANYWHERE: &str = "SELECT VALUE id FROM $candidates WHERE record::exists(id)";

/// How often other writers may get in between reading ids back and inserting the rest.
const ROUNDS_MAX: usize = 4;

pub(crate) struct Insert<'l>(pub(crate) &'l Link);

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
            let there = self.there(items).await?;
            let unchanged = there.iter().filter(|there| **there).count();
            if unchanged == items.len() {
                return Ok(unchanged);
            }
            match self.insert(items, &there).await {
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
    /// Inserts those that are not `there`.
    async fn insert(&self, items: &mut [&mut Item<'_>], there: &[bool]) -> Result<(), Fault> {
        let variables = || {
            let absent = items
                .iter_mut()
                .enumerate()
                .filter(|(i, _)| there.get(*i) != Some(&true));
            let rows: Vec<Value> = absent.map(|(_, item)| Value::Object(item.row())).collect();
            Object::from_iter([("rows".to_owned(), Array::from(rows))])
        };
        self.0.statement("insert", INSERT, variables).await.map(drop)
    }

    /// For each of them, whether a document with its id is there.
    async fn there(&self, items: &[&mut Item<'_>]) -> Result<Vec<bool>, Fault> {
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
        let there = |item: &&mut Item<'_>| found.contains(&(&*item.write.target, item.write.id.as_str()));
        Ok(items.iter().map(there).collect())
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
