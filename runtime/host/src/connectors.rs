//! The kinds of connectors of this program: one line each, behind a feature that has the kind's name.

use std::sync::LazyLock;

use danube_wasm_connector::{Builtin, Registry, Role};

/// A component that is compiled in: the file's name in the guests' folder.
macro_rules! component {
    ($file:literal) => {
        include_bytes!(concat!(env!("DANUBE_WASM_GUESTS"), "/", $file))
    };
}

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
            component: component!($file),
        });
        #[cfg(not(feature = $kind))]
        let $registry = $registry.without(danube_wasm_connector::LeftOut {
            role: danube_wasm_connector::Role::$role,
            kind: $kind,
            builtin: $builtin,
        });
    };
    // One that several kinds have.
    ($registry:ident, $role:ident. $with:ident::<$connector:path>, feature = $kind:literal, builtin = $builtin:ident) => {
        #[cfg(feature = $kind)]
        let $registry = $registry.$with::<$connector>($builtin);
        #[cfg(not(feature = $kind))]
        let $registry = $registry.without(danube_wasm_connector::LeftOut {
            role: danube_wasm_connector::Role::$role,
            kind: $kind,
            builtin: $builtin.name,
        });
    };
}

/// Forwards what a source reads: for the kinds of sources whose events need no other shape.
static RECORD_SOURCE: Builtin = Builtin {
    name: "record-source",
    component: component!("record_source.wasm"),
};

/// Writes messages as documents: for the kinds of sinks that need no other shape.
static DOCUMENT_SINK: Builtin = Builtin {
    name: "document-sink",
    component: component!("document_sink.wasm"),
};

/// Every kind of connector that this program was built with.
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(all);
    &REGISTRY
}

#[rustfmt::skip]
fn all() -> Registry {
    let r = Registry::default().with_builtin(Role::Source, RECORD_SOURCE).with_builtin(Role::Sink, DOCUMENT_SINK);
    connector!(r, Source.with_source::<danube_wasm_ingress_http::WebhookSource>, feature = "webhook", builtin = "webhook-source" in "webhook_source.wasm");
    connector!(r, Source.with_source::<danube_wasm_ingress_mqtt::MqttSource>, feature = "mqtt", builtin = RECORD_SOURCE);
    connector!(r, Source.with_source::<danube_wasm_ingress_otlp::OtlpSource>, feature = "otlp", builtin = RECORD_SOURCE);
    connector!(r, Source.with_source::<danube_wasm_ingress_postgres::PostgresSource>, feature = "postgres", builtin = RECORD_SOURCE);
    connector!(r, Source.with_source::<danube_wasm_ingress_kafka::KafkaSource>, feature = "kafka", builtin = RECORD_SOURCE);
    connector!(r, Source.with_source::<danube_wasm_ingress_poll::PollSource>, feature = "poll", builtin = "poll-json" in "poll_json.wasm");
    connector!(r, Sink.with_sink::<danube_wasm_egress_surrealdb::SurrealDbSink>, feature = "surrealdb", builtin = "surrealdb-sink" in "document_sink.wasm");
    connector!(r, Sink.with_sink::<danube_wasm_egress_http::HttpSink>, feature = "http", builtin = "http-sink" in "http_sink.wasm");
    connector!(r, Sink.with_sink::<danube_wasm_egress_clickhouse::ClickHouseSink>, feature = "clickhouse", builtin = DOCUMENT_SINK);
    connector!(r, Sink.with_sink::<danube_wasm_egress_qdrant::QdrantSink>, feature = "qdrant", builtin = DOCUMENT_SINK);
    connector!(r, Sink.with_sink::<danube_wasm_egress_delta::DeltaSink>, feature = "delta", builtin = DOCUMENT_SINK);
    #[cfg(not(feature = "danube"))]
    let r = r.without_danube();
    #[cfg(not(feature = "nats"))]
    let r = r.without_nats();
    r
}
