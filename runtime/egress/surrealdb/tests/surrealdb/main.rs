//! Tests of the egress with real databases: in memory, on disk, and a server if `SURREALDB_URL` names one. One binary,
//! because linking SurrealDB takes long.

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
