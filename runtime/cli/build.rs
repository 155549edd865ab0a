//! Names the features that the program is built with, for `--version`.

fn main() {
    let mut features: Vec<_> = std::env::vars()
        .filter_map(|(key, _)| Some(key.strip_prefix("CARGO_FEATURE_")?.to_lowercase().replace('_', "-")))
        .filter(|feature| feature != "default")
        .collect();
    features.sort();
    println!("cargo:rustc-env=DANUBE_WASM_FEATURES={}", features.join(" "));
    println!("cargo:rerun-if-changed=build.rs");
}
