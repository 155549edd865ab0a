//! The kinds of value that a key can have.

mod file;
mod list;
mod number;
mod secret;
mod table;
mod table_name;
mod text;

pub(crate) use file::{FilePath, PemFile};
pub(crate) use list::List;
pub(crate) use number::{Decimal, Flag, Integer, Millis, Secs};
pub(crate) use secret::{SecretSourceKind, SecretText, checked};
pub(crate) use table::{Free, FreeTable};
pub(crate) use table_name::TableName;
pub(crate) use text::{Choice, Credential, Name, OneOfNames, Parsed, Text, quote};

use super::Spot;

/// A kind of value: how it is described, shown and read.
pub(crate) trait Kind {
    /// What it becomes.
    type Value;

    /// For the reference page and, after "must be", for messages.
    fn what(&self) -> String;

    /// A value as it is written in a file.
    fn show(&self, value: &Self::Value) -> String;

    /// Reads one. What is wrong with it is recorded.
    fn read(&self, spot: &Spot<'_>) -> Option<Self::Value>;
}
