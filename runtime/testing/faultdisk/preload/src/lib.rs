//! Stands between a process and libc where files are changed. See `danube-wasm-faultdisk`, which reads its journal.
//!
//! * `calls.rs`, `names.rs`, `sync.rs`, `map.rs` — the functions that the dynamic linker takes instead of libc's;
//! * `clock.rs` — the wall clock;
//! * `watch.rs` — is it below the directory, the count, the fault, the journal;
//! * `kernel.rs` — plain system calls. Nothing here may use libc's own `write` or `open`: they are these.
//!
//! What is not below the directory goes straight on, without a lock or memory: `write` is also called by signal handlers.
//! What is below it happens under one lock, so that the journal's order is the order of events.
#![allow(
    clippy::missing_safety_doc,
    reason = "the contracts are libc's, and only the dynamic linker calls these"
)]
#![allow(missing_docs, reason = "the names are libc's")]

mod calls;
mod clock;
mod kernel;
mod map;
mod names;
mod sync;
mod watch;
