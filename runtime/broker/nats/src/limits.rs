//! Limits and times of this client, each with its reason.

use std::time::Duration;

/// Messages of an atomic batch: the server's own limit.
pub(crate) const BATCH_MESSAGES_MAX: usize = 1_000;
/// Bytes of an atomic batch. A larger one is staged by the server for longer than it gains.
pub(crate) const BATCH_BYTES_MAX: usize = 8 << 20;
/// Largest message that a server stores, whatever its `max_payload`.
pub(crate) const STORED_BYTES_MAX: usize = 32 << 20;
/// Below the server's limit: what the server adds, and the record of a dead letter.
pub(crate) const MESSAGE_RESERVE_BYTES: usize = 40 << 10;
/// Buckets of keys in a topic. KeyShared subscriptions have a consumer for each, which is a Raft group at three replicas.
pub(crate) const BUCKETS: u32 = 8;
/// How often an owner writes its lease.
pub(crate) const LEASE_RENEWED_EVERY: Duration = Duration::from_secs(2);
/// For how long an unchanged lease is respected.
pub(crate) const LEASE_TIME: Duration = Duration::from_secs(7);
/// After its last successful write an owner stops for itself, well before others may have the lease.
pub(crate) const LEASE_TRUSTED_FOR: Duration = Duration::from_secs(4);
/// How long a consumer of the same name waits for its predecessor to let go before it takes over.
pub(crate) const TAKE_OVER_AFTER: Duration = Duration::from_millis(1_500);
/// Longest time that the server holds a pull of an owner of a lease: shorter than the lease outlives the owner's trust.
pub(crate) const OWNED_PULL: Duration = Duration::from_secs(2);
/// Longest time that the server holds any other pull.
pub(crate) const SHARED_PULL: Duration = Duration::from_secs(20);
/// Messages of one pull.
pub(crate) const PULL_MESSAGES_MAX: usize = 1_000;
/// Messages of a pull that is not limited by the window, because most of them are here already.
pub(crate) const PULL_UNROOMED_MAX: usize = 256;
/// Bytes of one pull: at least one message of the largest size.
pub(crate) const PULL_BYTES_MAX: usize = 64 << 20;
/// How long the server may lose an acknowledgement of a single replica when it is killed: it writes them every 100 ms.
pub(crate) const ACK_SETTLES_AFTER: Duration = Duration::from_millis(350);
/// How long one call may be without an answer.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// First and longest wait between tries.
pub(crate) const RETRY_FLOOR: Duration = Duration::from_millis(50);
/// See [`RETRY_FLOOR`].
pub(crate) const RETRY_CEILING: Duration = Duration::from_secs(1);
/// How often, a second apart, servers must say that something is not there which was there before.
pub(crate) const MISSED_MAX: usize = 3;
/// Messages of a subscription that are out, over all its processes.
pub(crate) const ACK_PENDING_MAX: i64 = 65_536;
/// Messages that wait in the client for one consumer; the client drops what is above.
pub(crate) const SUBSCRIPTION_CAPACITY: usize = 65_536;
/// Pings find a dead peer after twice this time.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(5);
/// How often promises and streams are checked.
pub(crate) const CHECKED_EVERY: Duration = Duration::from_secs(60);
/// Size of a description in the registry.
pub(crate) const SCHEMA_BYTES_MAX: usize = 512 << 10;
/// How long a handle that is closed may take to hand back what it has: longer than a pull.
pub(crate) const CLOSES_WITHIN: Duration = Duration::from_secs(4);
/// Headers of a message: below the server's own limit of 64 KiB, of which batches and ids take some.
pub(crate) const HEADER_BYTES_MAX: usize = 60 << 10;
