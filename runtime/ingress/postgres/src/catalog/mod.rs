//! What the catalogs say: of the server, its slots, publications, tables and types.

mod publication;
mod server;
mod slot;
mod tables;
mod types;

pub(crate) use publication::ensure_publication;
pub(crate) use server::Server;
pub(crate) use slot::slot;
pub(crate) use tables::{PublishedTable, key_columns, published_tables, snapshot_columns};
pub(crate) use types::Types;
