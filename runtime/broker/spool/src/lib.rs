//! Messages kept on this disk while the broker or the target is away.
//!
//! [`Spool`] is a broker in front of a broker: publishers and consumers use it like the broker behind it. It stores
//! records and messages in an [embedded log](danube_wasm_broker::embedded) in its own directory, one for each
//! connector, used by one process at a time.
//!
//! # What can be lost without one
//!
//! * **Publishing.** Danube acknowledges a record when it is in the broker's memory, and writes it to disk up to 5 s
//!   later, without a sync. A broker that is killed, or only restarted, loses what it acknowledged in its last seconds,
//!   although the source has confirmed these records to its senders. While the broker is unreachable, senders get 503;
//!   those that do not retry lose their events.
//! * **Consuming.** Danube delivers a message again if it was not acknowledged within 30 s, by default at most five
//!   times. Then, with the failure policy Block, the partition's subscription stops for good; with Drop, the message is
//!   lost. A target that is down for a few minutes is enough.
//! * **Consuming.** Danube delivers a message again when it was not acknowledged within 30 s, and by default five times
//!   at most; then, with the failure policy Block, the partition's subscription stands still for good; with Drop, the
//!   message is gone. A target that is away for some minutes is enough.
//!
//! # Publishing
//!
//! A record is confirmed when it is durable in the log. A forwarder for each topic publishes the records of the log:
//! many at once, but those of one key (or without a key, where the topic is ordered) one after the other, so that their
//! order is kept whatever the broker does. Records of different keys, topics and partitions do not wait for each other.
//!
//! A record leaves the log when the flush time (10 s) has passed since the broker accepted it, and the broker, asked
//! after that, reports that the session is still the same. When a session was lost ([`Broker::sessions`]), a publish
//! failed as if one had been lost, or this process was restarted, every record in the log is published again, in order,
//! and once more after the flush time: a Danube that was killed may skip the first records after it is back
//! (`source/unconfirmed_publishes.rs`). Consumers recognise the copies by the record's id, which does not change; the
//! publish time is that of the last publish.
//!
//! Topics are remembered, and so are the schemas that the broker's registry returned ([`Spool::last_seen`]). So a
//! source starts without the broker, and the log is published after a restart even if no source runs. A topic that the
//! broker refuses waits and is retried; it does not block other topics. A record that the broker refuses for good (too
//! large, or denied repeatedly while others of its topic are accepted) is stored as refused: it is counted, and
//! [`Spool::refused`] returns it, until it is removed with [`Spool::remove_refused`] once it is a dead letter. A full
//! spool refuses records with [`ErrorKind::Storage`], which a source answers with 503.
//!
//! # Consuming
//!
//! Messages pass through without a write. When the caller has not acknowledged one within `hold_max` (half the ack
//! timeout), all of its messages are written to the log (spilled) and acknowledged at the broker; the caller's
//! acknowledgements then apply to the copies. While the log has messages, new ones from the broker are appended to it,
//! and acknowledged at the broker when they are durable. So the broker's window is never full and no message is
//! redelivered too often, as long as the disk has room. Without room the spool stops reading and reports it. Nothing is
//! dropped. After a restart spilled messages are delivered first, also without the broker. A message that the caller
//! negatively acknowledges is spilled at once and redelivered from here after its delay; the broker is not told, so its
//! redelivery limit is never used up. The spool also remembers that a subscription was created: only its first start
//! needs the broker.
//!
//! Spilled messages belong to this process. If another process takes over its part of a Shared, Failover or KeyShared
//! subscription, it may process later messages before those.
//!
//! # What it costs
//!
//! * Publishing: each record is written to this disk twice (when it arrives and when it is removed, both in shared
//!   transactions), and at most one record of each key is published in a round trip. A record stays for 10 s: that much
//!   traffic is always on the disk, and is published again, twice, after an outage or a restart.
//! * Consuming: no writes normally; two writes a message while spilling.
//! * The file may be up to about twice `bytes_max`, and does not shrink; its space is used again.
//! * Opening after a crash reads the whole file.
//! * Consuming: nothing while all is well; two writes a message while it is not.
//! * The file may be up to about twice `bytes_max`, and does not shrink; its space is used again.
//! * Opening after a crash reads the whole file.
//!
//! [`Broker::sessions`]: danube_wasm_broker::Broker::sessions
//! [`ErrorKind::Storage`]: danube_wasm_broker::ErrorKind::Storage

mod catalog;
mod epochs;
mod inspect;
mod limits;
mod options;
mod schemas;
mod sink;
mod source;
mod spool;
mod status;
mod store;
mod usage;

pub use inspect::count_records;
pub use options::SpoolOptions;
pub use source::Refused;
pub use spool::Spool;
pub use status::SpoolStatus;
