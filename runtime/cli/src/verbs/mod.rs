//! One file for each verb.

pub(crate) mod approve;
pub(crate) mod bench;
#[cfg(feature = "broker")]
pub(crate) mod broker;
#[cfg(not(feature = "broker"))]
#[path = "no_broker.rs"]
pub(crate) mod broker;
pub(crate) mod build;
pub(crate) mod builtins;
pub(crate) mod check;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod migrate;
pub(crate) mod migrate_log;
pub(crate) mod new;
pub(crate) mod pause;
pub(crate) mod query;
pub(crate) mod registry;
pub(crate) mod reload;
pub(crate) mod replay;
pub(crate) mod run;
mod running;
pub(crate) mod shadow;
pub(crate) mod shell;
mod source_files;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod tap;
pub(crate) mod test;
#[cfg(feature = "top")]
pub(crate) mod top;
#[cfg(not(feature = "top"))]
#[path = "no_top.rs"]
pub(crate) mod top;
pub(crate) mod topics;
