//! Danube's wire API, in the version that its 0.15 brokers speak.
//!
//! Message names and field numbers are what the broker expects; what they mean is written in the `.proto` files beside
//! this crate. Both sides are generated: [`danube_wasm_broker`'s client and its server] speak through the same types,
//! and clients that nobody here wrote check that neither misreads them.
//!
//! [`danube_wasm_broker`'s client and its server]: ../README.md

/// Producers, consumers, discovery and health: package `danube`.
#[allow(missing_docs, reason = "generated; the words are in danube.proto")]
pub mod api {
    tonic::include_proto!("danube");
}

/// The schema registry: package `danube_schema`.
#[allow(missing_docs, reason = "generated; the words are in schema_registry.proto")]
pub mod registry {
    tonic::include_proto!("danube_schema");
}

/// Metadata by which a client reaches a broker behind a proxy: the `broker_url` of the lookup's answer.
pub const BROKER_URL_METADATA: &str = "x-danube-broker-url";
