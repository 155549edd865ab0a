//! The embedded log: a durable broker in this process, for one machine.
//!
//! # Storage engine
//!
//! Everything is in one [redb](https://docs.rs/redb) database, `log.redb` in the log's directory, beside `lock`, whose
//! lock says which process owns the directory. Two engines were measured on the same disk, with 300-byte messages and
//! one sync for a group of 8 and of 64 messages: fjall 3.1 took 40 and 207 thousand messages a second, redb 4.6 took 24
//! and 110 thousand. redb was chosen all the same, because of what a disk does:
//!
//! * its file is behind the trait `StorageBackend`, so a test can fail, tear or lose any single read, write, growth and
//!   sync (`tests/faults.rs` does so for every operation of a workload); fjall has no such interface;
//! * after a failed write it refuses everything until it is closed and opened again, which works in the same process;
//!   fjall stays poisoned until the process is restarted;
//! * every page has a checksum, a transaction is stored completely or not at all, and readers see a snapshot without
//!   stopping the writer.
//!
//! The cost: opening reads the whole file to check it, and the file does not shrink, but its space is used again. The
//! engine checks pages only after a crash and trusts them later: a page that the disk has changed meanwhile would make
//! it panic, or return messages that were never published. So the check is requested whenever it was not made.
//!
//! # On disk, format 1
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `format`, `next-partition`, `next-subscription`, `next-subject`, `deleted-ms` | number |
//! | `topics` | topic | partitions as asked for (0: without), number of the first |
//! | `heads` | partition | first offset, next offset, bytes, newest publish time |
//! | `messages` | partition, offset | a record, version byte first (`record.rs`) |
//! | `subscriptions` | topic, subscription | number, type |
//! | `cursors` | subscription, place of the partition in its topic | what is acknowledged, version byte first (`cursor.rs`) |
//! | `subjects` | schema subject | number, newest version |
//! | `schemas` | subject, version | subject's name, type, text |
//! | `doomed` | partition of a deleted topic that still has messages | nothing |
//! | `notes` | kind, name | text that a server of the log keeps (`notes.rs`) |
//! | `notebooks` | connector, key | what a source remembers beside what its upstream does (`notebook.rs`) |
//!
//! Numbers of partitions, subscriptions and subjects are never used twice. Offsets count from 0 in each partition,
//! without gaps, and continue when all messages have been trimmed; so `heads` is a separate table. A topic with
//! partitions reserves the most numbers that it may ever need, because it can get more partitions later. A log of
//! another format is refused with [`crate::ErrorKind::Incompatible`] and left unchanged.
//!
//! # Writing
//!
//! One thread changes the log (`writer.rs`). It takes all queued calls (up to a bound), applies them in one
//! transaction, syncs, changes memory, and answers. While it syncs, the next calls queue up: under load many calls
//! share a sync, and an idle log adds no wait. A call is never split over two transactions, so the records of an event
//! are all durable or none is. The caller encodes records and chooses their partition before the call is queued; the
//! order of the queue is the order of offsets. Acknowledgements, topics, subscriptions, schemas and what connectors note
//! are written the same way. Memory changes only after the sync, so it never contains anything that a crash could undo.
//!
//! A key goes to partition FNV-1a(key) modulo the number of partitions, as Danube's clients choose; records without a
//! key are distributed round-robin.
//!
//! # Reading
//!
//! A subscription has, for each partition, a cursor (everything below a floor, and ranges above it) and a window of
//! messages that were read and not acknowledged (`window.rs`, `dispatcher.rs`: pure state machines). Messages are read
//! ahead in batches on blocking threads from snapshots, and delivered without waiting in between, so that a cancelled
//! `receive` loses nothing. Consumers sleep until something changed. Messages to redeliver (after a nack, or when a
//! consumer is dropped) are read again and delivered in offset order.
//!
//! * Exclusive has one consumer; a second of another name is refused. On every type, a consumer of a name that is
//!   taken takes over: it is the same one after a restart.
//! * Failover has one active consumer, the first one; when it is dropped the next takes over.
//! * KeyShared gives a key to one consumer as long as messages of that key are not acknowledged.
//! * On these three, a nacked message holds back later ones of its key that were not delivered yet. On Exclusive and
//!   Failover, messages without a key hold back one another; on KeyShared they have no order.
//! * The type of a subscription without consumers may be changed by subscribing with another one.
//! * The unacknowledged messages of a subscription can be read by offset, without consuming them (`browse.rs`).
//! * How often a message was delivered is counted in memory and starts again with the process.
//!
//! # Operators
//!
//! [`crate::Broker::admin`] deletes topics and subscriptions and moves positions, in the writer's transactions. After a
//! deletion its users get [`crate::ErrorKind::NotFound`] from `receive`, `ack` and `publish`, and its lag is not
//! reported any more. A topic that is created again is a different one. After a move, messages that were delivered and
//! not acknowledged count as not delivered; a later acknowledgement of such a message still counts. Moving past a
//! message that cannot be decoded lets consumers continue.
//!
//! # Keeping
//!
//! A message is consumed when every subscription of its topic has acknowledged it. It is kept for a while after that,
//! by age and by the bytes of its topic, so that a position can be moved back and a new subscription can start at the
//! earliest message. [`RetentionOptions`] sets for how long; it may also drop messages that are not consumed, by age
//! and by size, and sets how long a topic without subscriptions keeps messages. A subscription without consumers keeps
//! its topic's messages until such a limit. Dropping is part of the writer's transactions (`retention.rs`), in
//! proportion to what they publish and acknowledge, so that neither waits long and the log stays within its bounds.
//!
//! # When the disk fails
//!
//! A transaction that fails is reported as [`crate::ErrorKind::Storage`] to all calls in it. It may nevertheless be on
//! disk, complete: publishing again then makes a duplicate, which the record's id shows. The engine is closed and
//! opened again, at once and then with growing pauses; until that succeeds, calls and `ready` fail with the reason, and
//! consumers wait. Everything confirmed before is there afterwards: before the engine opens the file again, everything
//! written since the last good sync is written once more and synced (`tracked.rs` has the reason; without it the fault
//! test ends with a destroyed log). If the disk was full, a quarter of each topic is then dropped, as far as it is
//! consumed, before any call is taken.
//!
//! A panic of the writer is handled in the same way. A call that meets a stored value that makes no sense fails alone.
//!
//! After a crash of the process or the machine at any moment, everything confirmed is there, in complete groups, and no
//! acknowledged message is delivered again. A stored message that cannot be decoded is an error to its consumers, never
//! skipped.

mod admin;
mod alter;
mod batch;
mod broker;
mod browse;
mod catalog;
mod codec;
mod consumer;
mod copying;
mod cursor;
mod declare;
mod disk;
mod dispatcher;
#[cfg(test)]
mod dispatcher_tests;
mod fault;
mod limits;
mod loader;
mod memory;
mod notebook;
mod notes;
mod options;
mod outcome;
mod partitioned;
mod publisher;
mod queue;
mod record;
mod registry;
mod retention;
mod shared;
mod store;
mod tables;
mod topic;
mod tracked;
mod transaction;
mod window;
mod writer;

pub use broker::EmbeddedBroker;
pub use browse::Browse;
pub use disk::{DiskFactory, FileDisk};
pub use notebook::Notebooks;
pub use notes::NoteKind;
pub use options::{EmbeddedOptions, RetentionOptions};
pub use record::fallback_record_id;
