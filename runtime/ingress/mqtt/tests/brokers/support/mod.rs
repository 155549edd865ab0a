//! Brokers, publishers and the source.

pub(crate) mod aedes;
pub(crate) mod bridge;
pub(crate) mod hivemq;
pub(crate) mod mosquitto;
pub(crate) mod publisher;
pub(crate) mod source;
