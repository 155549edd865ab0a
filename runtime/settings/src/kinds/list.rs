//! Lists of values of one kind.

use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::{super::ValueRef, Kind};

/// A list of values of one kind.
pub struct List<K> {
    /// Kind of each item.
    pub kind: K,
    /// Allowed number of items.
    pub len: RangeInclusive<usize>,
}

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn what(&self) -> String {
        let (from, to) = (self.len.start(), self.len.end());
        format!("a list of {from} to {to} items, each {}", self.kind.what())
    }

    fn show(&self, value: &Self::Value) -> String {
        let items: Vec<_> = value.iter().map(|item| self.kind.show(item)).collect();
        format!("[{}]", items.join(", "))
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Self::Value> {
        let DeValue::Array(items) = input.value else {
            return input.refuse_type(&self.what());
        };
        if !self.len.contains(&items.len()) {
            let (from, to) = (self.len.start(), self.len.end());
            let message = format!("`{}` must have {from} to {to} items, not {}", input.name(), items.len());
            return input.refuse(message);
        }
        // All items are read, so that all errors are reported.
        let inputs = items.iter().enumerate().map(|(index, item)| input.item(index, item));
        let values: Vec<_> = inputs.map(|input| self.kind.read(&input)).collect();
        values.into_iter().collect()
    }
}
