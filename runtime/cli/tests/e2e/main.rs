//! The product from outside: the real binary, over real HTTP, with the real embedded log and database, and real components.

mod fake;
mod harness;
mod log;
mod site;

mod bad_input;
mod cases;
#[cfg(feature = "clickhouse")]
mod clickhouse;
mod danube;
mod dead_letters;
mod delivery;
mod deploy;
mod dev;
mod disk;
mod dlq;
mod examples;
mod explain;
mod github;
mod go;
mod guests;
mod inputs;
mod javascript;
#[cfg(feature = "kafka")]
mod kafka;
mod lock;
#[cfg(feature = "nats")]
mod migrate_log;
#[cfg(feature = "mqtt")]
mod mqtt;
mod new;
mod observability;
mod operators;
mod order;
#[cfg(feature = "otlp")]
mod otlp;
mod outage;
mod poll;
mod pollers;
mod postgres;
mod python;
#[cfg(feature = "qdrant")]
mod qdrant;
mod reach;
mod reload;
mod replay;
mod rows;
mod seeing;
mod senders;
mod shadow;
mod spools;
mod starting;
mod steering;
#[cfg(feature = "top")]
mod top;
mod webhook;
