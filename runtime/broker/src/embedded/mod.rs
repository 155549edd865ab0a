//! The embedded log: a durable broker in this process, for one machine.
//!
//! # Storage engine
//!
//! Everything is in one [redb](https://docs.rs/redb) database, `log.redb` in the log's directory, beside `lock`, whose
//! lock says which process owns the directory. Two engines were measured on the same disk, with 300-byte messages and
//! one sync for a group of 8 and of 64 messages: fjall 3.1 took 40 and 207 thousand messages a second, redb 4.6 took 24
//! and 110 thousand. redb was chosen all the same, because of what a disk does:
//!
//! * its file is behind the trait `StorageBackend`, so a test can fail, tear or forget any single read, write, growth
//!   and sync (`tests/faults.rs` does so for every operation of a workload); fjall has no such door;
//! * after a failed write it refuses everything until it is closed and opened again, which works in the same process;
//!   fjall stays poisoned until the process is restarted;
//! * every page has a checksum, a transaction is there as a whole or not at all, and readers see a snapshot without
//!   stopping the writer.
//!
//! Its price: opening reads the whole file to check it, and the file does not shrink below what it once held, but its
//! space is used again. The engine itself checks after a crash only, and believes what it reads later: a page that the
//! disk has changed meanwhile would make it panic, or give out what nobody published. So the check is asked for whenever
//! it was not made.
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
//!
//! Numbers of partitions, subscriptions and subjects are never used twice. Offsets count from 0 in each partition,
//! without gaps, and go on when all messages have been trimmed, which is why `heads` is kept apart. A topic with
//! partitions takes the most numbers that it may ever need, because it can get more partitions later. A log of another
//! format is refused with [`crate::ErrorKind::Incompatible`] and left as it is.
//!
//! # Writing
//!
//! One thread changes the log (`writer.rs`). It takes all calls that are queued (up to a bound), applies them in one
//! transaction, syncs, changes memory, and answers. While it syncs, the next calls gather: under load many share a
//! sync, and an idle log adds no wait. A call is never split over two transactions, so the records of an event are all
//! durable or none. Records are encoded, and their partition is chosen, by the caller, before the call is queued; the
//! order of the queue is the order of offsets. Acknowledgements, topics, subscriptions and schemas take the same way.
//! Memory changes only after the sync, so it never knows of anything that a crash could take back.
//!
//! A key goes to partition FNV-1a(key) modulo their number, as Danube's clients choose; records without go round.
//!
//! # Reading
//!
//! A subscription keeps, for each partition, a cursor (all below a floor, and ranges above it) and a window of messages
//! that were read and not acknowledged (`window.rs`, `delivery.rs`: pure state machines). Messages are read ahead in
//! batches on blocking threads from snapshots, and handed out without waiting in between, so that a cancelled `receive`
//! loses nothing. Consumers sleep until something changed. What comes back (a nack, a consumer that went) is read again
//! and handed out in offset order.
//!
//! * Exclusive has one consumer; a second of another name is refused. On every type, a consumer of a name that is
//!   taken takes over: it is the same one after a restart.
//! * Failover has one active consumer, the one that came first; the next takes over when it goes.
//! * KeyShared gives a key to one consumer as long as messages of that key are not acknowledged.
//! * On these three, a nacked message holds back the later ones of its key that were not handed out yet. On Exclusive
//!   and Failover, messages without a key hold back one another; on KeyShared they have no order.
//! * The type of a subscription that nobody consumes may be changed by subscribing with another one.
//! * What a subscription has not acknowledged can be looked through by offset, without consuming it (`browse.rs`).
//! * How often a message was delivered is counted in memory and starts again with the process.
//!
//! # Operators
//!
//! [`crate::Broker::admin`] deletes topics and subscriptions and moves positions, in the writer's transactions. What is
//! deleted ends for its users: `receive`, `ack` and `publish` are [`crate::ErrorKind::NotFound`] from then on, and its
//! lag is not reported any more. A topic that is made again is another one. A moved position counts what was given and
//! not acknowledged as not given; an acknowledgement that comes later for such a message still counts. Moving past a
//! message that cannot be decoded lets its consumers go on.
//!
//! # Keeping
//!
//! A message is consumed when every subscription of its topic has acknowledged it. It stays for a while all the same, by
//! age and by the bytes of its topic, so that a position can be moved back and a new subscription can begin with the
//! earliest. [`RetentionOptions`] says for how long; it may also drop messages that are not consumed, by age and by size,
//! and says what becomes of a topic without subscriptions. A subscription that nobody consumes any more keeps its topic's
//! messages until such a limit. Dropping is part of the writer's transactions (`retention.rs`): in proportion to what
//! they publish and acknowledge, so that neither waits long and the log cannot outgrow its bounds.
//!
//! # When the disk fails
//!
//! A transaction that fails is reported as [`crate::ErrorKind::Storage`] to all calls in it. It may be on disk
//! nevertheless, whole: publishing again then makes a duplicate, which the record's id shows. The engine is closed and
//! opened again, at once and then with a growing pause; until that succeeds, calls fail with the reason, `ready` does
//! too, and consumers wait. What was confirmed before is there after: before the engine sees the file again, everything
//! written since the last good sync is written once more and synced (`tracked.rs` has the reason, and it is not an
//! academic one: without it the fault test ends with a destroyed log). When the disk was full, a quarter of each topic is
//! dropped then, as far as it is consumed, before any call is taken.
//!
//! A panic of the writer is such a failure too. A call that meets something stored that makes no sense fails alone.
//!
//! A crash, of the process or of the machine, at any moment leaves all that was confirmed, whole groups only, and no
//! acknowledged message to be delivered again. A stored message that cannot be decoded is an error to its consumers,
//! never skipped.

mod admin;
mod alter;
mod batch;
mod broker;
mod browse;
mod catalog;
mod codec;
mod consumer;
mod cursor;
mod declare;
mod delivery;
#[cfg(test)]
mod delivery_tests;
mod disk;
mod fault;
mod limits;
mod loader;
mod memory;
mod notes;
mod options;
mod publisher;
mod queue;
mod record;
mod registry;
mod retention;
mod serving;
mod shared;
mod store;
mod tables;
mod topic;
mod tracked;
mod window;
mod writer;

pub use broker::EmbeddedBroker;
pub use browse::Browse;
pub use disk::{DiskFactory, FileDisk};
pub use notes::NoteKind;
pub use options::{EmbeddedOptions, RetentionOptions};
pub use record::place_id;
