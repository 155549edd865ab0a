//! The page about brokers is what the suite says.

use std::path::Path;

/// Fails when the page is not what the suite says; `UPDATE=1` writes it.
#[test]
fn the_page_of_brokers_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/broker-conformance.md");
    let current = danube_wasm_conformance::markdown();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&page, &current).expect("docs/broker-conformance.md can be written");
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == current,
        "docs/broker-conformance.md is out of date: run `UPDATE=1 cargo test -p danube-wasm-conformance --test page`"
    );
}
