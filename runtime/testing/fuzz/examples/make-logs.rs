//! Writes the logs of `logs/` anew.

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("logs");
    for (name, packed) in danube_wasm_fuzz::generate() {
        fs::write(folder.join(&name), &packed)?;
        println!("{name}: {} bytes", packed.len());
    }
    Ok(())
}
