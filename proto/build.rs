//! Compiles the interfaces in pure Rust: a machine without `protoc` builds.

use std::error::Error;

const INTERFACES: [&str; 3] = ["danube.proto", "schema_registry.proto", "admin.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    for interface in INTERFACES {
        println!("cargo::rerun-if-changed={interface}");
    }
    let descriptors = protox::compile(INTERFACES, ["."])?;
    tonic_prost_build::configure()
        // Payloads are shared with the caller, not copied out of each message.
        .bytes(".")
        .compile_fds(descriptors)?;
    Ok(())
}
