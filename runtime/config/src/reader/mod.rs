//! One declaration for each key of the file, used three ways.
//!
//! A table of the file is a type that implements [`Section`]; its `read` asks a [`Table`] for each key, giving the
//! key's kind, meaning and default. That one call (1) takes the value or records what is wrong with it, (2) makes the
//! key known, so that unknown ones are refused with the nearest, and (3) when the reader is *describing* instead of
//! reading a file, becomes a row of the reference page.
//!
//! Nothing stops at the first mistake: a key that is wrong is recorded and read as if it were absent, and a `read`
//! gives up (`None`) only after it has asked for all of its keys. So a `read` binds every key first and uses `?` last.

mod field;
mod group;
mod inert;
pub(crate) mod kinds;
mod manual;
mod session;
mod shared;
mod spot;
mod table;
mod unknown;
mod written;

pub(crate) use field::Field;
pub(crate) use inert::Effect;
pub(crate) use manual::{FieldManual, Presence, TableManual};
pub(crate) use session::Session;
pub(crate) use shared::{Place, Shared, SourceText};
pub(crate) use spot::{Spot, read_text};
pub(crate) use table::{Section, Table, Variant};
pub(crate) use written::Written;
