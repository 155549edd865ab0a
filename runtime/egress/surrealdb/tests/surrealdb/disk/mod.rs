//! A disk that fails or loses power at any change that the embedded store makes to it, SurrealKV's own included: no
//! write is lost after `write` said that it was done, nothing is there that nobody wrote, and the egress goes on.
//!
//! A trial is a process: this binary again (`workload.rs`), with `runtime/testing/faultdisk` between it and its disk. `make test`
//! holds every so many-th change; `DISK_EVERY=1` tries every one.

mod failures;
mod hanging;
mod power;
mod trial;
mod verdict;
mod workload;
