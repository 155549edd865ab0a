//! A disk that fails or loses power at any change that the embedded store makes to it, SurrealKV's own included: no
//! write is lost after `write` acknowledged it, no row appears that was not written, and the egress continues.
//!
//! A trial is a process: this binary again (`workload.rs`), with `runtime/testing/faultdisk` between it and its disk.
//! `make test` tries every n-th change; `DISK_EVERY=1` tries every change.

mod checks;
mod failures;
mod hanging;
mod power;
mod trial;
mod workload;
