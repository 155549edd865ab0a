//! The source `kafka` at its door: its table as a file has it, the pipeline's driver and the embedded log, against a real Apache Kafka and
//! independent producers (`make servers`), and against librdkafka's mock cluster for what a real one does not do on demand.

mod commits;
mod coordinator;
mod delivery;
mod frozen;
mod gaps;
mod groups;
mod members;
mod records;
mod refusals;
mod registry;
mod room;
mod support;
#[cfg(feature = "tls")]
mod tls;
mod transactions;
