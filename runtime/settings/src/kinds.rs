//! The kinds of value that a key can have.

mod file;
mod list;
mod number;
mod secret;
mod table;
mod text;

pub use file::{FilePath, PemFile};
pub use list::List;
pub use number::{Decimal, Flag, Integer, Millis, Secs};
pub use secret::{SecretSourceKind, SecretText, checked};
pub use table::{Free, FreeTable};
pub use text::{Choice, Credential, Name, OneOfNames, Parsed, Text, quote};

use super::ValueRef;

/// A kind of value: how it is described, shown and read.
pub trait Kind {
    /// What it becomes.
    type Value;

    /// For the reference page and, after "must be", for messages.
    fn what(&self) -> String;

    /// A value as it is written in a file.
    fn show(&self, value: &Self::Value) -> String;

    /// Reads one. What is wrong with it is recorded.
    fn read(&self, input: &ValueRef<'_>) -> Option<Self::Value>;
}
