//! `danube-wasm inspect FILE.wasm`: what a component is, without running it.

use std::path::Path;

use danube_wasm_sandbox::{Access, CompileLimits, ComponentInfo};

use crate::{args, exit::Failure};

/// Prints role, digest, size and imports.
pub(crate) fn inspect(args: &args::Inspect) -> Result<(), Failure> {
    show(&args.file, args.json).map(drop)
}

/// Reads a component, prints what it is, and gives both.
pub(crate) fn show(file: &Path, json: bool) -> Result<(ComponentInfo, Vec<u8>), Failure> {
    let bytes = std::fs::read(file).map_err(|e| Failure::usage(format!("{} cannot be read: {e}", file.display())))?;
    let name = file.display().to_string();
    let bytes_max = CompileLimits::default().component_bytes_max;
    let info = danube_wasm_sandbox::inspect(&name, &bytes, bytes_max).map_err(Failure::configuration)?;
    if json {
        println!("{}", serde_json::to_string(&info).map_err(Failure::internal)?);
        return Ok((info, bytes));
    }
    println!("{name}");
    println!("  role      {}", info.role.as_str());
    println!("  contract  danube:connector@{}", info.contract_version);
    println!("  digest    sha256:{}", info.digest);
    println!("  size      {} bytes", info.size_bytes);
    for import in &info.imports {
        println!("  import    {} ({})", import.name, access(import.access));
    }
    Ok((info, bytes))
}

fn access(access: Access) -> String {
    match access {
        Access::Always => "offered to every component".to_owned(),
        Access::Needs(capability) => format!("needs the grant `{}`", format!("{capability:?}").to_lowercase()),
        Access::Unknown => "NOT offered by this host".to_owned(),
    }
}
