//! Messages kept on this disk while the broker or the target is away.
//!
//! [`Spool`] is a broker in front of a broker: publishers and consumers use it as they would use the one behind it. It
//! keeps what it must in an [embedded log](danube_wasm_broker::embedded) in a directory of its own, one for each
//! connector, used by one process at a time.
//!
//! # What can be lost without one
//!
//! * **Publishing.** Danube acknowledges a record when it is in the broker's memory, and writes it to disk at most 5 s
//!   later, without a sync. A broker that is killed, or only restarted, forgets what it acknowledged in its last seconds:
//!   a source has told its senders that these records are safe. And while the broker is away, senders are told to come
//!   back (503); those that do not keep what they send lose it.
//! * **Consuming.** Danube delivers a message again when it was not acknowledged within 30 s, and by default five times
//!   at most; then, with the failure policy Block, the partition's subscription stands still for good; with Drop, the
//!   message is gone. A target that is away for some minutes is enough.
//!
//! # Publishing
//!
//! A record is confirmed when it is durable in the log. A forwarder for each topic publishes what the log holds: many
//! records at once, but those of one key (or without a key, where the topic is ordered) one after the other, so that none
//! overtakes another whatever the broker does. Records of different keys, topics and partitions do not wait for each
//! other.
//!
//! A record leaves the log when the flush time (10 s) has passed since the broker accepted it, and the broker, asked after
//! that, says that the session is still the same. When a session was lost ([`Broker::sessions`]), a publish failed as if
//! one had been, or this process was restarted, everything that is still in the log is published again, in its order,
//! and after the flush time once more: a Danube that was killed may skip what it is given first, for reasons told in
//! `source/doubt.rs`. Consumers tell another time by the record's id, which does not change; the publish time does: it is
//! that of the publishing.
//!
//! Topics are remembered, and so is what the broker's registry said of their schemas ([`Spool::last_seen`]), so a source
//! starts without the broker, and what is in the log is published after a restart even if no source asks. A topic that the
//! broker refuses waits and is tried again; it holds up no other. A record that it refuses for good (too large, or denied
//! again and again while others of its topic are not) is set aside: counted, and given by [`Spool::refused`] to whoever
//! makes a dead letter of it, until [`Spool::let_refused_go`]. A full spool refuses records with [`ErrorKind::Storage`], which a source answers with
//! 503.
//!
//! # Consuming
//!
//! Messages pass through without a write. When the caller has not acknowledged one within `hold_max` (half the ack
//! timeout), all that it has is written to the log and acknowledged at the broker; its acknowledgements then concern the
//! copies. As long as the log holds any, what the broker delivers goes behind it, and is acknowledged there when it is
//! durable. So the broker's window is never full and nothing is delivered too often, for as long as the disk has room;
//! when it has none, the spool reads no further and says so. Nothing is dropped. What is held is delivered first after a
//! restart, also without the broker. What the caller gives back is held at once, and given to it again from here after its
//! delay: the broker is not told, so what it counts is never used up by a message that the caller refuses for the hundredth
//! time. That a subscription was made is remembered, too: only its first start needs the
//! broker.
//!
//! What is held belongs to this process. If another takes over its part of a Shared, Failover or KeyShared subscription,
//! later messages may be processed there before those that are held here.
//!
//! # What it costs
//!
//! * Publishing: each record is written twice to this disk (once when it comes, once when it goes, both shared by all
//!   that wait), and passes at most once in a round trip for each key. It stays for 10 s: so many seconds of traffic are
//!   always on the disk, and are published again, twice, after an outage or a restart.
//! * Consuming: nothing while all is well; two writes a message while it is not.
//! * The file may be up to about twice `bytes_max`, and does not shrink; its space is used again.
//! * Opening after a crash reads the whole file.
//!
//! [`Broker::sessions`]: danube_wasm_broker::Broker::sessions
//! [`ErrorKind::Storage`]: danube_wasm_broker::ErrorKind::Storage

mod backoff;
mod catalog;
mod epochs;
mod limits;
mod look;
mod options;
mod schemas;
mod sink;
mod source;
mod spool;
mod status;
mod store;
mod usage;

pub use look::records_in;
pub use options::SpoolOptions;
pub use source::Refused;
pub use spool::Spool;
pub use status::SpoolStatus;
