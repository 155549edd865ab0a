//! Components, as `make guests` leaves them.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result};

/// The component of the guest crate with this name.
pub fn load(name: &str) -> Result<Arc<[u8]>> {
    let file = format!("{}.wasm", name.replace('-', "_"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/guests")
        .join(file);
    let bytes = std::fs::read(&path).with_context(|| {
        format!(
            "the component {} cannot be read: run `make guests` first",
            path.display()
        )
    })?;
    Ok(bytes.into())
}
