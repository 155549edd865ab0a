//! Tables of TOML files by declaration: all mistakes at once, each with line and column, and the reference page for free.
//!
//! A table of a file is a type that implements [`Section`]; its `read` asks a [`Table`] for each key, giving the
//! key's kind, meaning and default. That one call (1) takes the value or records what is wrong with it, (2) makes the
//! key known, so that unknown ones are refused with the nearest, and (3) when the reader is *describing* instead of
//! reading a file, becomes a row of the reference page.
//!
//! Nothing stops at the first mistake: a key that is wrong is recorded and read as if it were absent, and a `read`
//! gives up (`None`) only after it has asked for all of its keys. So a `read` binds every key first and uses `?` last.
//!
//! What several tables must agree on is compared when all are read, from the facts that they leave in [`Session::facts`].
//!
//! This crate knows no table of any file. It reads the files that keys name, and nothing else.

mod diagnostic;
pub mod environment;
mod facts;
mod field;
mod group;
mod key_names;
pub mod kinds;
mod listen;
mod manual;
mod nearest;
mod page;
mod reading;
mod secret;
mod session;
mod table;
mod unknown;
mod value_ref;
pub mod values;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use environment::{DATA_DIR_VARIABLE, Environment, ProcessEnvironment};
pub use field::Field;
pub use group::Group;
pub use key_names::KeyNames;
pub use kinds::Kind;
pub use listen::{Listen, SourceLine};
pub use manual::{FieldManual, Presence, TableManual};
pub use nearest::among as nearest_among;
pub use page::{homes_of, write_table};
pub use reading::{Reading, SourceText, Span};
pub use secret::{Secret, SecretSource};
pub use session::Session;
pub use table::{Section, Table, Variant};
pub use unknown::help_for_unknown;
pub use value_ref::{ValueRef, read_text};
