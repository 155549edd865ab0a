//! The product from outside: the real binary, over real HTTP, with the real embedded log and database, and real components.

mod fake;
mod harness;
mod site;

mod bad_input;
#[cfg(feature = "clickhouse")]
mod clickhouse;
mod danube;
mod dead_letters;
mod delivery;
mod deploy;
mod disk;
mod dlq;
mod examples;
mod guests;
mod inputs;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "mqtt")]
mod mqtt;
mod observability;
mod operators;
mod order;
#[cfg(feature = "otlp")]
mod otlp;
mod outage;
mod postgres;
#[cfg(feature = "qdrant")]
mod qdrant;
mod reach;
mod reload;
mod replay;
mod rows;
mod spools;
mod starting;
mod webhook;
