//! What the tests have in common.

pub(crate) mod debezium;
pub(crate) mod line;
pub(crate) mod server;
pub(crate) mod source;
