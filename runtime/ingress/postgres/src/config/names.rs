//! Names of PostgreSQL's objects, as its catalogs have them.

use std::{fmt, str::FromStr};

use crate::limits::NAME_BYTES_MAX;

/// A name of a slot: lower case letters, digits and underscores, as PostgreSQL wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// A table and its schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    schema: String,
    table: String,
}

/// Why a text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(&'static str);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TableName {
    /// The schema.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The table.
    pub fn table(&self) -> &str {
        &self.table
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let is_legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        match !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(is_legal) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidName(
                "the name has 1 to 63 of a-z, 0-9 and `_`, as PostgreSQL wants it",
            )),
        }
    }
}

impl FromStr for TableName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (schema, table) = text.split_once('.').unwrap_or(("public", text));
        let is_legal = |name: &str| !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(['"', '.']);
        match is_legal(schema) && is_legal(table) {
            true => Ok(Self {
                schema: schema.to_owned(),
                table: table.to_owned(),
            }),
            false => Err(InvalidName(
                "a table is `SCHEMA.TABLE`, as the catalogs have it: without quotes, in the case that it was created in",
            )),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_a_schema_is_public() {
        for (text, expected) in [("orders", "public.orders"), ("Shop.Orders", "Shop.Orders")] {
            assert_eq!(text.parse::<TableName>().expect("valid").to_string(), expected);
        }
        for text in ["", ".a", "a.", "a.b.c", "\"a\""] {
            assert!(text.parse::<TableName>().is_err(), "{text}");
        }
    }

    #[test]
    fn slots_are_named_as_postgresql_wants_it() {
        assert!("danube_shop_1".parse::<Name>().is_ok());
        for text in ["", "a-b", "A", "ä"] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
    }
}
