//! n sets of name-value pairs.

use super::{
    Blobs, ColumnError,
    ends::{check_count, check_ends, range},
};

/// n sets of name-value pairs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Where each set ends, in pairs.
    pub ends: Vec<u32>,
    /// Name of each pair.
    pub names: Blobs,
    /// Value of each pair.
    pub values: Blobs,
}

impl Attributes {
    /// Appends a set.
    pub fn push<'a>(&mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in pairs {
            self.names.push(name.as_bytes());
            self.values.push(value.as_bytes());
        }
        self.ends.push(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
    }

    /// Number of sets.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The pairs of set `i`; none if there is no such set.
    pub fn get(&self, i: usize) -> impl Iterator<Item = (&str, &str)> {
        range(&self.ends, i).map(|pair| (self.names.text(pair), self.values.text(pair)))
    }

    /// That there are `n` sets or none, and that names and values are UTF-8 and as many.
    pub fn check_optional(&self, column: &'static str, n: usize) -> Result<(), ColumnError> {
        check_ends(column, &self.ends, self.names.len())?;
        check_count(column, self.len(), n)?;
        self.names.check(column)?;
        self.values.check(column)?;
        if self.names.len() != self.values.len() {
            return Err(ColumnError::new(
                column,
                format!("{} names and {} values", self.names.len(), self.values.len()),
            ));
        }
        for blobs in [&self.names, &self.values] {
            // One pass over all bytes, then that no value begins inside a character.
            let text =
                std::str::from_utf8(&blobs.bytes).map_err(|_| ColumnError::new(column, "not UTF-8".to_owned()))?;
            if let Some(end) = blobs.ends.iter().find(|end| !text.is_char_boundary(**end as usize)) {
                return Err(ColumnError::new(column, format!("offset {end} is inside a character")));
            }
        }
        Ok(())
    }
}
