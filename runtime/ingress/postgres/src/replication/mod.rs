//! One session in replication mode: commands first, then the stream.

mod auth;
mod session;
mod status;
mod stream;

pub(crate) use session::{ReplicationSession, SlotKind, StreamOptions};
pub(crate) use stream::{End, WalMessage, WalStream};
