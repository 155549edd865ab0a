//! The source against real servers: Debian's PostgreSQL 15, and 16 to 18 of `@embedded-postgres`. See CONTRIBUTING, servers.

mod changes;
mod debezium;
mod delivery;
mod example;
mod kills;
mod refusals;
mod slots;
mod snapshots;
mod support;
mod timeouts;
mod tls;
mod types;
mod versions;
