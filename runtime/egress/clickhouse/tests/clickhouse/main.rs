//! The sink at its door: against ClickHouse's own engine behind its HTTP interface, or the server at `CLICKHOUSE_URL`; and
//! against an address that answers as a test wants.

mod support;

mod appending;
mod bisecting;
mod config;
mod faults;
mod lookup;
mod partitions;
mod probe;
mod replacing;
mod requests;
mod round_trip;
mod secrets;
mod tables;
mod tls;
mod transport;
