//! Panics of the process.

use std::sync::Arc;

use danube_wasm_telemetry::Metrics;

/// From now on they become lines of the log, and are counted.
pub(crate) fn log(metrics: Arc<Metrics>) {
    std::panic::set_hook(Box::new(move |panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default();
        let why = panic.payload_as_str().unwrap_or_default();
        tracing::error!(thread, at, why, "the host panicked");
        metrics.panicked();
    }));
}
