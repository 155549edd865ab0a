//! The reference page of metrics is what is registered.

use std::path::Path;

use danube_wasm_telemetry::metrics::reference_markdown;

/// Fails when the page is not what is registered; `UPDATE=1` writes it.
#[test]
fn the_page_of_metrics_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let current = reference_markdown().expect("every name is registered once");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&page, &current).expect("docs/metrics.md can be written");
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == current,
        "docs/metrics.md is out of date: run `UPDATE=1 cargo test -p danube-wasm-telemetry --test metrics_page`"
    );
}
