//! `danube-wasm inspect FILE.wasm`: what a component is, without running it.

use std::path::Path;

use crate::{args, exit::Failure};

/// Prints role, digest, size and imports.
pub(crate) fn inspect(args: &args::Inspect) -> Result<(), Failure> {
    show(&args.file, args.json)
}

/// Reads a component and prints what it is.
pub(crate) fn show(file: &Path, json: bool) -> Result<(), Failure> {
    let bytes = std::fs::read(file).map_err(|e| Failure::usage(format!("{} cannot be read: {e}", file.display())))?;
    let info = danube_wasm_sandbox::inspect(&bytes)
        .map_err(|e| Failure::configuration(format!("{}: {e}", file.display())))?;
    if json {
        println!("{}", serde_json::to_string(&info).map_err(Failure::internal)?);
        return Ok(());
    }
    println!("{}", file.display());
    println!("  role      {}", info.role);
    println!("  contract  {}", info.contract);
    println!("  digest    sha256:{}", info.digest);
    println!("  size      {} bytes", info.size_bytes);
    for import in &info.imports {
        let granted = if import.granted { "granted" } else { "NOT granted" };
        println!("  import    {} ({granted})", import.name);
    }
    Ok(())
}
