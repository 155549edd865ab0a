//! The cluster, an independent client, and the source.

pub(crate) mod client;
pub(crate) mod server;
pub(crate) mod source;
