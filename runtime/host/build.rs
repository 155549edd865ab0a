//! Finds the built-in components, which `make guests` builds before this crate.

use std::{env, path::Path};

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let guests = Path::new(&manifest).join("../../target/guests");
    for name in ["webhook_source.wasm", "surrealdb_sink.wasm"] {
        let file = guests.join(name);
        println!("cargo:rerun-if-changed={}", file.display());
        if !file.exists() {
            println!("cargo:error=the component `{name}` is not built yet: run `make guests` first");
            return;
        }
    }
    println!("cargo:rustc-env=DANUBE_WASM_GUESTS={}", guests.display());
}
