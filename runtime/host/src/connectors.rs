//! The kinds of connectors of this program: one line each, behind a feature that has the kind's name.

use std::sync::LazyLock;

use danube_wasm_connector::{Builtin, Registry};

/// Adds a kind and its component that is compiled in, or says that the program was built without them.
macro_rules! connector {
    (
        $registry:ident,
        $role:ident. $with:ident::<$connector:path>,
        feature = $kind:literal,
        builtin = $builtin:literal in $file:literal
    ) => {
        #[cfg(feature = $kind)]
        let $registry = $registry.$with::<$connector>(Builtin {
            name: $builtin,
            component: include_bytes!(concat!(env!("DANUBE_WASM_GUESTS"), "/", $file)),
        });
        #[cfg(not(feature = $kind))]
        let $registry = $registry.without(danube_wasm_connector::LeftOut {
            role: danube_wasm_connector::Role::$role,
            kind: $kind,
            builtin: $builtin,
        });
    };
}

/// Every kind of connector that this program was built with.
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(all);
    &REGISTRY
}

#[rustfmt::skip]
fn all() -> Registry {
    let r = Registry::default();
    connector!(r, Source.with_source::<danube_wasm_ingress_http::WebhookSource>, feature = "webhook", builtin = "webhook-source" in "webhook_source.wasm");
    connector!(r, Sink.with_sink::<danube_wasm_egress_surrealdb::SurrealDbSink>, feature = "surrealdb", builtin = "surrealdb-sink" in "surrealdb_sink.wasm");
    r
}
