//! Every limit of the PostgreSQL ingress that is not worth anybody's choice, each with its unit last in its name and its reason.

use std::time::Duration;

/// How long the server may take to answer a command, and a write may make no progress. A catalog that is locked, or a slot
/// that waits for old transactions, takes as long as those do: creating a slot has a limit of its own.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How long the server may take to create a slot: it waits for every transaction that is under way. A transaction that takes
/// longer is named, and it is tried again.
pub(crate) const SLOT_MAX: Duration = Duration::from_secs(600);

/// Of all that a session delivers: each session has a confirmer of its own, and its slot is read by nobody else.
pub(crate) const EPOCH: u64 = 1;

/// So many snapshots that were cut off one after the other are remembered, with their places in the log.
pub(crate) const SNAPSHOTS_MAX: usize = 32;

/// So often, at most, is the server told of a confirmed position, and the position noted: each note is a sync of the disk, and
/// each message lets the server write the slot.
pub(crate) const CONFIRM_EVERY: Duration = Duration::from_millis(500);

/// What the stream's session asks the server for: how long it may hear nothing of us before it takes us for gone and lets go
/// of the slot.
pub(crate) const SENDER_TIMEOUT: Duration = Duration::from_secs(60);

/// Messages that wait to be decoded, in bytes, before nothing more is read from the socket. One more may come.
pub(crate) const INBOX_BYTES_MAX: usize = 8 << 20;

/// What a message costs beside its bytes, for the limit above.
pub(crate) const MESSAGE_COST_BYTES: usize = 128;

/// Bytes that are read from the socket at once.
pub(crate) const READ_BYTES: usize = 128 << 10;

/// Longest name of a slot, a publication, a schema or a table, in bytes: PostgreSQL cuts longer ones.
pub(crate) const NAME_BYTES_MAX: usize = 63;

/// Longest password in a file, in bytes.
pub(crate) const PASSWORD_BYTES_MAX: usize = 64 << 10;

/// Longest attribute of an event that is made of a row's values (the key before a change), in bytes. A longer one is left out.
pub(crate) const ATTRIBUTE_BYTES_MAX: usize = 4 << 10;

/// How deep the types of columns may be nested, domains of arrays of domains: deeper ones are text.
pub(crate) const TYPE_DEPTH_MAX: usize = 8;

/// Oldest server that is supported. Publications list columns and row filters since then.
pub(crate) const SERVER_VERSION_MIN: u32 = 150_000;

/// Newest major version that this was tested with.
pub(crate) const SERVER_VERSION_TESTED_MAX: u32 = 189_999;
