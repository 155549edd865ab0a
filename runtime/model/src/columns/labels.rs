//! n strings that repeat.

use super::{ColumnError, ends::check_count};

/// n strings that repeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// The distinct strings.
    pub names: Vec<String>,
    /// For each value, its place in `names`.
    pub index: Vec<u32>,
}

impl Labels {
    /// Appends a value. Looks it up among the names from the back: batches have few, and runs of one.
    pub fn push(&mut self, value: &str) {
        let at = self.names.iter().rposition(|name| name == value).unwrap_or_else(|| {
            self.names.push(value.to_owned());
            self.names.len() - 1
        });
        self.index.push(u32::try_from(at).unwrap_or(u32::MAX));
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Value `i`; empty if there is no such value.
    pub fn get(&self, i: usize) -> &str {
        let name = self.index.get(i).and_then(|at| self.names.get(*at as usize));
        name.map_or("", String::as_str)
    }

    /// All values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// That every index is in range.
    pub fn check(&self, column: &'static str) -> Result<(), ColumnError> {
        match self.index.iter().find(|at| **at as usize >= self.names.len()) {
            Some(at) => Err(ColumnError::new(
                column,
                format!("index {at} is not below the number of names, {}", self.names.len()),
            )),
            None => Ok(()),
        }
    }

    /// That there are `n` values, or none.
    pub fn check_optional(&self, column: &'static str, n: usize) -> Result<(), ColumnError> {
        self.check(column)?;
        check_count(column, self.len(), n)
    }
}
