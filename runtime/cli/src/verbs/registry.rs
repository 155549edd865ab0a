//! `danube-wasm push` and `pull`: components in OCI registries.

use danube_wasm_oci::{ComponentStore, RegistryError, SCHEME};
use danube_wasm_sandbox::CompileLimits;

use super::inspect;
use crate::{args, exit::Failure};

/// Pushes a component, and prints the reference with its digest.
pub(crate) fn push(args: &args::Push) -> Result<(), Failure> {
    let target = danube_wasm_oci::parse(&args.reference).map_err(failed)?;
    if target.tag().is_none() || target.digest().is_some() {
        return Err(Failure::usage(format!(
            "`{}` names no tag: a component is pushed under one, as `{SCHEME}{}/{}:1.0.0`",
            args.reference,
            target.registry(),
            target.repository()
        )));
    }
    // What is no component never gets a tag.
    let (_, bytes) = inspect::read(&args.file)?;
    let pushed = crate::runtime()?
        .block_on(danube_wasm_oci::push(&target, bytes))
        .map_err(failed)?;
    println!("{SCHEME}{pushed}");
    Ok(())
}

/// Prints the reference with its digest, and writes the component where that was asked for.
pub(crate) fn pull(args: &args::Pull) -> Result<(), Failure> {
    let reference = danube_wasm_oci::parse(&args.reference).map_err(failed)?;
    let runtime = crate::runtime()?;
    let reference = runtime.block_on(danube_wasm_oci::resolve(&reference)).map_err(failed)?;
    if let Some(output) = &args.output {
        let scratch = tempfile::tempdir().map_err(Failure::internal)?;
        let bytes_max = CompileLimits::default().component_bytes_max;
        let store = ComponentStore::new(scratch.path().to_owned(), bytes_max);
        let component = runtime.block_on(store.get(&reference)).map_err(failed)?;
        let written = std::fs::write(output, component);
        written.map_err(|e| Failure::internal(format!("cannot write {}: {e}", output.display())))?;
    }
    println!("{SCHEME}{reference}");
    Ok(())
}

fn failed(error: RegistryError) -> Failure {
    match error {
        RegistryError::Reference { .. } | RegistryError::NoDigest(_) => Failure::usage(error),
        RegistryError::Io { .. } => Failure::internal(error),
        _ => Failure::failed_build(error),
    }
}
