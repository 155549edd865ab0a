//! The kinds of connectors of this program: one line each.

use std::sync::LazyLock;

use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_egress_surrealdb::SurrealDbSink;
use danube_wasm_ingress_http::WebhookSource;

/// A component that is compiled in: the name after `builtin:`, and the file's name in the guests' folder.
macro_rules! builtin {
    ($name:literal, $file:literal) => {
        Builtin {
            name: $name,
            component: include_bytes!(concat!(env!("DANUBE_WASM_GUESTS"), "/", $file)),
        }
    };
}

/// Every kind of connector that this program has.
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
        Registry::default()
            .with_source::<WebhookSource>(builtin!("webhook-source", "webhook_source.wasm"))
            .with_sink::<SurrealDbSink>(builtin!("surrealdb-sink", "surrealdb_sink.wasm"))
    });
    &REGISTRY
}
