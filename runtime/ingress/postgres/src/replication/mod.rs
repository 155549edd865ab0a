//! One session in replication mode: commands first, then the stream.

mod auth;
mod session;
mod status;
mod stream;

pub(crate) use session::{CreatedSlot, ReplicationSession, SlotKind};
pub(crate) use stream::{End, WalMessage, WalStream};
