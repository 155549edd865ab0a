//! Files of Danube Connect: one connector each, in the words of any of its versions.
//!
//! A file is read where it stands, so that findings name its own lines and keys, and becomes the same [`Part`] of a
//! pipeline as a file of ours would. Beside it goes a [`Draft`], the same in a pipeline file's words, from which
//! [`migrate`] is written.
//!
//! What is kept of Danube Connect: its defaults, and its environment variables, which hold over the file. What is not:
//! keys that never had an effect there and would turn requests away if they had one now. Every key that changes nothing
//! is told to the operator.
//!
//! | version | endpoints | mappings |
//! |---|---|---|
//! | 0.3 | `[[routes]]` `from`, `to` | `[[surrealdb.routes]]` `from`, `to` |
//! | 0.2 | `[[endpoints]]` `path`, `danube_topic` | `[[surrealdb.topic_mappings]]` `topic`, `table_name` |
//! | its announcement | `[[webhook.endpoints]]` | `[[surrealdb.topic_mappings]]` `topic`, `table` |

mod auth;
mod connector;
mod draft;
mod endpoint;
mod file;
mod listener;
mod mapping;
mod migrate;
mod processing;
mod schema;
mod surrealdb;
mod unsaid;

pub(crate) use file::ConnectFile;
pub use migrate::{Migrated, migrate};
