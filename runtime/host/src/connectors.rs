//! The generic connectors, part of the binary: `component = "builtin:…"`.

/// A component that is part of this binary.
pub(crate) fn component(name: &str) -> Option<&'static [u8]> {
    match name {
        "webhook-source" => Some(include_bytes!(concat!(
            env!("DANUBE_WASM_GUESTS"),
            "/webhook_source.wasm"
        ))),
        "surrealdb-sink" => Some(include_bytes!(concat!(
            env!("DANUBE_WASM_GUESTS"),
            "/surrealdb_sink.wasm"
        ))),
        _ => None,
    }
}
