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

/// Topics and subscriptions as operators see them: package `danube_admin`, on a port of its own.
#[allow(missing_docs, reason = "generated; the words are in admin.proto")]
pub mod admin {
    tonic::include_proto!("danube_admin");
}

/// Metadata by which a client reaches a broker behind a proxy: the `broker_url` of the lookup's answer.
pub const BROKER_URL_METADATA: &str = "x-danube-broker-url";

/// Metadata of `Subscribe` by which a client says where a new subscription begins: `earliest` or `latest`. Danube's
/// protocol has no field for it, and its brokers begin at the end; danube-wasm's own broker understands this.
pub const START_METADATA: &str = "x-danube-wasm-start";

/// Metadata of the answers to `Subscribe` and `CreateProducer` by which danube-wasm's own broker says that it is one: it has
/// none of the limits that Danube's brokers put on some types of subscription, takes messages side by side without mixing
/// them up, and syncs a message before it answers. The value is of no account.
pub const OWN_BROKER_METADATA: &str = "x-danube-wasm-broker";

/// Attribute that says how a message's routing key was written: keys are text on the wire, and a record's are bytes.
pub const KEY_ATTRIBUTE: &str = "x-danube-wasm-key";
/// Value of [`KEY_ATTRIBUTE`]: the routing key is in hexadecimal, because the key is not UTF-8.
pub const KEY_IN_HEX: &str = "hex";
