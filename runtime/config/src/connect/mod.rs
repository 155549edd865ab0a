//! Files of Danube Connect: one connector each, in the words of any of its versions.
//!
//! A file is translated to a pipeline document before it is read: what becomes of each key stands in [`tables`], and what
//! depends on several keys in [`source`], [`auth`] and [`sink`]. The document is read like any pipeline file. Its places
//! are those of the file, and findings name the file's own keys. [`crate::Loader::migrate`] writes the same document.
//!
//! What is kept of Danube Connect: its defaults, which stand in the document where they are others than here, and its
//! environment variables, which hold over the file and are references in the document. What is not: keys that never had an
//! effect there and would turn requests away if they had one now. Every key that changes nothing is told to the operator.
//!
//! | version | endpoints | mappings |
//! |---|---|---|
//! | 0.3 | `[[routes]]` `from`, `to` | `[[surrealdb.routes]]` `from`, `to` |
//! | 0.2 | `[[endpoints]]` `path`, `danube_topic` | `[[surrealdb.topic_mappings]]` `topic`, `table_name` |
//! | its announcement | `[[webhook.endpoints]]` | `[[surrealdb.topic_mappings]]` `topic`, `table` |

mod auth;
mod convert;
mod document;
mod input;
mod keys;
mod migrate;
mod millis;
mod output;
mod page;
mod paths;
mod pipeline;
mod print;
mod sink;
mod source;
mod survey;
mod tables;
mod translation;
mod variable;

pub(crate) use document::translate;
pub use migrate::Migrated;
pub(crate) use page::write_page;
