//! A disk that fails, for the tests of processes that write to one. Not part of the product.
//!
//! ```text
//! process → libc → preload/ (LD_PRELOAD) → kernel        the k-th change fails, or is the process's last
//!                       ↓
//!                   journal (`record.rs`) → `Disk` (`disk.rs`) → the directory after a crash (`crash.rs`)
//! ```
//!
//! `preload/` sees every change that the process makes below one directory: files and directories that come, go and
//! change their names, bytes, lengths, syncs. It numbers them, writes each into a journal before it returns, and can
//! refuse the k-th and those after it ([`Fault::Fail`]), leave a sync without an answer ([`Fault::Hang`]), or end the
//! process right after the k-th ([`Fault::Die`]).
//! From a journal, [`Disk`] knows for every point in time what the page cache showed and what was synced, and
//! [`Disk::after_crash`] makes the directory that the next start would find.
//!
//! It also stands before the wall clock, which a test sets while the process runs ([`Clock`]).
//!
//! # What is modelled
//!
//! * Bytes and lengths are durable once the file is synced, names once their directory is: POSIX's words, stricter than
//!   ext4 or XFS, which also sync a new file's name with it.
//! * A sync that fails loses what it should have written: the page cache still shows it, no later sync writes it, as
//!   Linux does. Only writing it again helps. Every open file hears of the failure once, at its own next sync.
//! * A sync is not really done while a test runs: loss of power is played from the journal, and a killed process leaves
//!   the page cache behind. That makes thousands of trials cheap.
//! * A full disk takes half of a write and refuses the rest.
//! * After a crash each change that was not synced is there, is missing, or is there in some sectors of 512 bytes; the
//!   changes of one directory's names survive in order up to some point, as a journaling file system keeps them.
//!
//! # What is not seen
//!
//! System calls that go around libc, and shared mappings of files: a process that maps a file below the directory for
//! writing is ended with a word about it. [`Disk::differs_from`] compares what the journal says with what is really there,
//! and so shows whatever went past it. (SurrealKV and redb write with `write` and `pwrite` and map nothing.) Reading never
//! fails.

mod clock;
mod crash;
mod disk;
mod record;
mod start;

pub use clock::{Clock, Wall};
pub use crash::Crash;
pub use disk::Disk;
pub use record::{Change, Record, journal};
pub use start::{Fault, Spy, variable};
