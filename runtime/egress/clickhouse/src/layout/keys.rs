//! What the keys of a table are made of.

use std::collections::BTreeSet;

use super::{Column, OwnColumns, expression};
use crate::server::TableInfo;

/// What the keys of a table are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// Whether rows of one id have one sorting key, and rows of other ids another one.
    pub(crate) sorted_by_id: bool,
    /// Whether rows of one id are in one partition.
    pub(crate) partitioned_by_id: bool,
    /// Places of the columns that the partition is computed of.
    pub(crate) partition: Vec<usize>,
    /// Whether the partition is those columns, without a function.
    pub(crate) partition_is_plain: bool,
}

impl Keys {
    pub(super) fn of(info: &TableInfo, columns: &[Column], own: &OwnColumns) -> Self {
        let (sorting, partition) = (&info.engine.sorting_key, &info.engine.partition_key);
        let id = own.id.map(|place| columns[place].name.as_str());
        let plain = expression::names(partition);
        let used = inputs(info, partition);
        let place = |name: &String| columns.iter().position(|column| column.name == *name);
        let places: Vec<_> = used.iter().filter_map(place).collect();
        // A function's name would be among the names, but not among the columns.
        let is_plain = plain == used && plain.len() == places.len() && !partition.contains(['+', '-', '*', '/', '%']);
        Self {
            sorted_by_id: id.is_some_and(|id| expression::names(sorting).contains(id) && is_of(info, sorting, id)),
            partitioned_by_id: partition.is_empty() || id.is_some_and(|id| is_of(info, partition, id)),
            partition: places,
            partition_is_plain: is_plain,
        }
    }
}

/// Whether an expression has one value for an id.
fn is_of(info: &TableInfo, text: &str, id: &str) -> bool {
    inputs(info, text).iter().all(|name| name == id) && !expression::is_changing(text)
}

/// The columns that an expression is computed of: those in it that rows fill, and those that its computed columns are made of.
fn inputs(info: &TableInfo, text: &str) -> BTreeSet<String> {
    let (mut inputs, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut pending: Vec<_> = expression::names(text).into_iter().collect();
    while let Some(name) = pending.pop() {
        let Some(column) = info.columns.iter().find(|column| column.name == name) else {
            continue;
        };
        if !seen.insert(name.clone()) {
            continue;
        }
        let is_computed = matches!(column.default_kind.as_str(), "MATERIALIZED" | "ALIAS");
        match is_computed && !expression::is_changing(&column.default_expression) {
            true => pending.extend(expression::names(&column.default_expression)),
            false => inputs.extend(Some(name)),
        }
    }
    inputs
}
