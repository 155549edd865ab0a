//! Kinds of values that keys can have.

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
pub use table::{FreeTable, FreeTableValue};
pub use text::{Choice, Credential, Name, OneOfNames, Parsed, Text, quote};

use super::ValueRef;

/// A kind of value: how it is described, printed and read.
pub trait Kind {
    /// The type of the value.
    type Value;

    /// Describes the kind for the reference page and, after "must be", for messages.
    fn what(&self) -> String;

    /// Prints a value as it is written in a file.
    fn show(&self, value: &Self::Value) -> String;

    /// Reads a value. Errors are recorded.
    fn read(&self, input: &ValueRef<'_>) -> Option<Self::Value>;
}
