//! The kinds of connectors of this program: one line each, behind a feature of its own.

use std::sync::LazyLock;

use danube_wasm_connector::{Builtin, Registry};

/// A component that is compiled in: the name after `builtin:`, and the file's name in the guests' folder.
macro_rules! builtin {
    ($name:literal, $file:literal) => {
        Builtin {
            name: $name,
            component: include_bytes!(concat!(env!("DANUBE_WASM_GUESTS"), "/", $file)),
        }
    };
}

/// Every kind of connector that this program was built with.
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(all);
    &REGISTRY
}

#[rustfmt::skip]
fn all() -> Registry {
    let registry = Registry::default();
    #[cfg(feature = "webhook")]
    let registry = registry.with_source::<danube_wasm_ingress_http::WebhookSource>(builtin!("webhook-source", "webhook_source.wasm"));
    #[cfg(feature = "surrealdb")]
    let registry = registry.with_sink::<danube_wasm_egress_surrealdb::SurrealDbSink>(builtin!("surrealdb-sink", "surrealdb_sink.wasm"));
    registry
}
