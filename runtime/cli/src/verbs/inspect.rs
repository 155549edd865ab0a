//! `danube-wasm inspect FILE.wasm`: what a component is, without running it.

use std::path::Path;

use danube_wasm_sandbox::{Access, Capability, CompileLimits, ComponentInfo, Grants};

use crate::{args, exit::Failure};

/// Prints role, digest, size and imports.
pub(crate) fn inspect(args: &args::Inspect) -> Result<(), Failure> {
    show(&args.file, args.json).map(drop)
}

/// Reads a component, and what it is.
pub(super) fn read(file: &Path) -> Result<(ComponentInfo, Vec<u8>), Failure> {
    let bytes = std::fs::read(file).map_err(|e| Failure::usage(format!("{} cannot be read: {e}", file.display())))?;
    let name = file.display().to_string();
    let bytes_max = CompileLimits::default().component_bytes_max;
    let refused = |error: danube_wasm_sandbox::AdmissionError| Failure::configuration(&error).coded(error.code());
    let info = danube_wasm_sandbox::inspect(&name, &bytes, bytes_max).map_err(refused)?;
    Ok((info, bytes))
}

/// Reads a component, prints what it is, and gives both.
pub(super) fn show(file: &Path, json: bool) -> Result<(ComponentInfo, Vec<u8>), Failure> {
    let (info, bytes) = read(file)?;
    if json {
        println!("{}", serde_json::to_string(&info).map_err(Failure::internal)?);
        return Ok((info, bytes));
    }
    println!("{}", file.display());
    println!("  role      {}", info.role.as_str());
    println!("  contract  danube:connector@{}", info.contract_version);
    println!("  digest    sha256:{}", info.digest);
    println!("  size      {} bytes", info.size_bytes);
    println!("  class     {} ({})", info.class.as_str(), made_of(&info));
    for (key, _, default) in danube_wasm_sandbox::limits::keys_of(info.class) {
        println!("  limit     {key} = {default}");
    }
    println!("  grants    {}", grants(&info));
    for import in &info.imports {
        println!("  import    {} ({})", import.name, access(import.access));
    }
    Ok((info, bytes))
}

/// What the class is concluded from.
fn made_of(info: &ComponentInfo) -> String {
    let producers = info.make.producers.iter().filter(|producer| producer.field != "sdk");
    let mut names: Vec<_> = producers.map(|producer| producer.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let by = match names.is_empty() {
        true => String::new(),
        false => format!(", by {}", names.join(", ")),
    };
    format!(
        "{} core modules, {} KiB of memory to begin with{by}",
        info.make.core_modules,
        info.make.memory_bytes_min >> 10
    )
}

/// The grants that it needs, beside those that every component has.
fn grants(info: &ComponentInfo) -> String {
    let of_all = Grants::default();
    let needs = info.needs().into_iter().filter(|needed| !of_all.has(*needed));
    let needs: Vec<_> = needs.map(capability).collect();
    match needs.is_empty() {
        true => "none needed".to_owned(),
        false => needs.join(", "),
    }
}

fn capability(capability: Capability) -> String {
    format!("{capability:?}").to_lowercase()
}

fn access(access: Access) -> String {
    match access {
        Access::Always => "reaches nothing outside".to_owned(),
        Access::Needs(needed) if Grants::default().has(needed) => "granted to every component".to_owned(),
        Access::Needs(needed) => format!("needs the grant `{}`", capability(needed)),
        Access::Unknown => "NOT offered by this host".to_owned(),
    }
}
