//! Numbers for the connector's metrics page. Names match `[a-z][a-z0-9_]{0,63}`; a name that does not, or that comes
//! after the connector has used up its number of names, is dropped and counted by the host. In a native test nothing
//! is kept.

/// Adds to a counter.
pub fn counter(name: &str, value: u64) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::metrics::counter_add(name, value);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (name, value);
}

/// Sets a gauge.
pub fn gauge(name: &str, value: f64) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::metrics::gauge_set(name, value);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (name, value);
}

/// Adds an observation to a histogram.
pub fn histogram(name: &str, value: f64) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::metrics::observe(name, value);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (name, value);
}
