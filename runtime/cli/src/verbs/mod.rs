//! One file for each verb.

#[cfg(feature = "broker")]
pub(crate) mod broker;
#[cfg(not(feature = "broker"))]
#[path = "no_broker.rs"]
pub(crate) mod broker;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod dlq;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod migrate;
pub(crate) mod query;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod topics;
