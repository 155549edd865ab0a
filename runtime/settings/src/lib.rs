//! Declarative tables for TOML files: all mistakes at once, each with line and column, and a generated reference page.
//!
//! A table of a file is a type that implements [`Section`]; its `read` declares each key of a [`Table`] with its kind,
//! meaning and default. This declaration (1) reads the value or records what is wrong with it, (2) makes the key
//! known, so that unknown keys are refused with the nearest known one, and (3) when *describing* instead of reading a
//! file, becomes a row of the reference page.
//!
//! Reading does not stop at the first mistake: an invalid value is recorded and treated as missing, and a `read`
//! returns `None` only after it has declared all of its keys. So a `read` binds every key first and uses `?` at its
//! end.
//!
//! What several tables must agree on is checked when all are read, from the facts that they record in
//! [`Session::facts`].
//!
//! This crate knows no table of any file. It reads only the files that keys name.

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

pub use danube_wasm_codes::Code;
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use environment::{DATA_DIR_VARIABLE, Environment, ProcessEnvironment};
pub use field::Field;
pub use group::Group;
pub use key_names::KeyNames;
pub use kinds::Kind;
pub use listen::{Listen, SourceLine};
pub use manual::{FieldManual, Presence, TableManual};
pub use nearest::among as nearest_among;
pub use page::{headers_with_key, write_table};
pub use reading::{Reading, SourceText, Span};
pub use secret::{Secret, SecretSource};
pub use session::Session;
pub use table::{Section, Table, Variant};
pub use unknown::help_for_unknown;
pub use value_ref::{ValueRef, read_text};
