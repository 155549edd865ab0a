//! Finds the built-in components that `src/connectors.rs` names, which `make guests` builds before this crate.

use std::{env, path::Path};

/// Where each kind of connector is registered with its component.
const CONNECTORS: &str = include_str!("src/connectors.rs");

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let guests = Path::new(&manifest).join("../../target/guests");
    println!("cargo:rerun-if-changed=src/connectors.rs");
    for name in CONNECTORS.split('"').filter(|text| text.ends_with(".wasm")) {
        let file = guests.join(name);
        println!("cargo:rerun-if-changed={}", file.display());
        if !file.exists() {
            println!("cargo:error=the component `{name}` is not built yet: run `make guests` first");
            return;
        }
    }
    println!("cargo:rustc-env=DANUBE_WASM_GUESTS={}", guests.display());
}
