//! The source, what is behind it, and clients.

pub(crate) mod clients;
pub(crate) mod inbox;
pub(crate) mod process;
pub(crate) mod receiver;
pub(crate) mod wire;
