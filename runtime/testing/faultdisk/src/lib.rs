//! A disk that fails, for the tests of processes that write to one. Not part of the product.
//!
//! ```text
//! process → libc → preload/ (LD_PRELOAD) → kernel        the k-th change fails, or is the process's last
//!                       ↓
//!                   journal (`record.rs`) → `Disk` (`disk.rs`) → the directory after a crash (`crash.rs`)
//! ```
//!
//! `preload/` sees every change that the process makes below one directory: files and directories that are created,
//! removed and renamed, bytes, lengths, syncs. It numbers the changes, writes each to a journal before it returns, and
//! can fail the k-th and later ones ([`Fault::Fail`]), leave a sync without an answer ([`Fault::Hang`]), or kill the
//! process right after the k-th ([`Fault::Die`]). From a journal, [`Disk`] knows for every point in time what the page
//! cache showed and what was synced, and [`Disk::after_crash`] creates the directory that the next start would find.
//!
//! It also replaces the wall clock, which a test sets while the process runs ([`Clock`]).
//!
//! # What is modelled
//!
//! * Bytes and lengths are durable once the file is synced, names once their directory is: POSIX's guarantees, stricter
//!   than ext4 or XFS, which also sync a new file's name with it.
//! * A sync that fails loses what it should have written: the page cache still shows it, no later sync writes it, as on
//!   Linux. Only writing it again helps. Every open file gets the error once, at its own next sync.
//! * A sync is not executed while a test runs: loss of power is computed from the journal, and a killed process leaves
//!   the page cache behind. That makes thousands of trials cheap.
//! * A full disk takes half of a write and refuses the rest.
//! * After a crash each change that was not synced is there, is missing, or is there in some sectors of 512 bytes; the
//!   changes of one directory's names survive in order up to some point, as a journaling file system keeps them.
//!
//! # What is not seen
//!
//! System calls that bypass libc, and shared mappings of files: a process that maps a file below the directory for
//! writing is ended with a message. [`Disk::differs_from`] compares the journal with the real directory, and so detects
//! changes that were missed. (SurrealKV and redb write with `write` and `pwrite` and map nothing.) Reading never fails.

mod clock;
mod crash;
mod disk;
mod preloaded;
mod record;

pub use clock::{Clock, Wall};
pub use crash::Crash;
pub use disk::Disk;
pub use preloaded::{Fault, Spy, variable};
pub use record::{Change, Record, journal};
