//! Files of Danube Connect, each for one connector, in the format of any of its versions.
//!
//! A file is translated to a pipeline document before it is read: [`tables`] declares what becomes of each key, and
//! [`source`], [`auth`], [`mqtt`], [`sink`] and [`qdrant`] handle what depends on several keys. The document is read like any pipeline file.
//! Its spans are those of the original file, and diagnostics name the file's own keys. [`crate::Loader::migrate`]
//! writes the same document.
//!
//! Danube Connect's defaults are kept: the document contains them where they differ from ours. So are its environment
//! variables, which override the file and become references in the document. Not kept are keys that never had an effect
//! there and would turn requests away if they had one here. The operator gets a warning for every key without effect.
//!
//! | version | endpoints | of MQTT | mappings |
//! |---|---|---|---|
//! | 0.3 | `[[routes]]` `from`, `to` | `[[mqtt.routes]]` `from`, `to` | `[[surrealdb.routes]]` `from`, `to` |
//! | 0.2 | `[[endpoints]]` `path`, `danube_topic` | `[[mqtt.topic_mappings]]` `mqtt_topic`, `danube_topic` | `[[surrealdb.topic_mappings]]` `topic`, `table_name` |
//! | as announced | `[[webhook.endpoints]]` | | `[[surrealdb.topic_mappings]]` `topic`, `table` |

mod auth;
mod convert;
mod deltalake;
mod document;
mod input;
mod key_checks;
mod keys;
mod migrate;
mod millis;
mod mqtt;
mod output;
mod page;
mod paths;
mod pipeline;
mod print;
mod qdrant;
mod sink;
mod source;
mod tables;
mod translation;
mod variable;

pub(crate) use document::translate;
pub use migrate::Migrated;
pub(crate) use page::write_page;
