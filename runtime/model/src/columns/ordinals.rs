//! How often something was seen before.

use std::collections::HashMap;

/// Counts each key, for the ordinals of ids.
#[derive(Debug, Default)]
pub struct Ordinals<K>(HashMap<K, u32>);

impl<K: std::hash::Hash + Eq> Ordinals<K> {
    /// How many times `key` was asked for before.
    pub fn next(&mut self, key: K) -> u32 {
        let count = self.0.entry(key).or_insert(0);
        *count += 1;
        *count - 1
    }
}
