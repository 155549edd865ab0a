//! n byte strings laid end to end.

use super::{
    ColumnError,
    ends::{check_count, check_ends},
};

/// n byte strings laid end to end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blobs {
    /// Where each value ends.
    pub ends: Vec<u32>,
    /// All values.
    pub bytes: Vec<u8>,
}

impl Blobs {
    /// Appends a value. A column holds at most 4 GiB; batches are capped far below.
    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Value `i`; empty if there is no such value.
    pub fn get(&self, i: usize) -> &[u8] {
        let start = if i == 0 {
            0
        } else {
            self.ends.get(i - 1).copied().unwrap_or(0) as usize
        };
        let end = self.ends.get(i).copied().unwrap_or(0) as usize;
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Value `i` as text; empty if it is not UTF-8.
    pub fn text(&self, i: usize) -> &str {
        std::str::from_utf8(self.get(i)).unwrap_or_default()
    }

    /// All values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// That `ends` rises to the length of `bytes`.
    pub fn check(&self, column: &'static str) -> Result<(), ColumnError> {
        check_ends(column, &self.ends, self.bytes.len())
    }

    /// That there are `n` values, or none.
    pub fn check_optional(&self, column: &'static str, n: usize) -> Result<(), ColumnError> {
        self.check(column)?;
        check_count(column, self.len(), n)
    }

    /// That there are `n` values or none, each UTF-8 without control characters and at most `bytes_max` long.
    pub fn check_optional_text(&self, column: &'static str, n: usize, bytes_max: usize) -> Result<(), ColumnError> {
        self.check_optional(column, n)?;
        for (i, value) in self.iter().enumerate() {
            let text =
                std::str::from_utf8(value).map_err(|_| ColumnError::new(column, format!("value {i} is not UTF-8")))?;
            if value.len() > bytes_max {
                return Err(ColumnError::new(
                    column,
                    format!("value {i} has {} bytes, over {bytes_max}", value.len()),
                ));
            }
            if text.chars().any(char::is_control) {
                return Err(ColumnError::new(column, format!("value {i} has a control character")));
            }
        }
        Ok(())
    }
}

impl<'a> FromIterator<&'a [u8]> for Blobs {
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(values: T) -> Self {
        let mut blobs = Self::default();
        values.into_iter().for_each(|value| blobs.push(value));
        blobs
    }
}
