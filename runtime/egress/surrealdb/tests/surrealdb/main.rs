//! The egress against real SurrealDBs: in memory, on disk, and a server if `SURREALDB_URL` names one. One binary,
//! because linking SurrealDB takes longest of all.

mod common;
mod crashes;
mod disk;
mod durability;
mod hostile;
mod operations;
mod queries;
mod rate;
mod refusals;
mod remote;
mod sharing;
