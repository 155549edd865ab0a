//! From Go's core module to a component: the contract is put into it, and its calls of WASI's first preview become those of the
//! second.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_PROXY_ADAPTER as ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, SourceMap};

use crate::{
    BuildError, Kind,
    embedded::{File, WASI, WIT},
};

/// Makes the component. The adapter is the one without files and sockets, which no connector has.
pub(super) fn of_module(module: Vec<u8>, kind: Kind) -> Result<Vec<u8>, BuildError> {
    encoded(module, kind).map_err(|why| {
        BuildError::NotAComponent(format!(
            "what Go compiled is no {kind}: {why}; import package danube of the SDK into a package `main`"
        ))
    })
}

fn encoded(mut module: Vec<u8>, kind: Kind) -> Result<Vec<u8>, String> {
    let (contract, package) = contract()?;
    let world = contract.select_world(&[package], Some(kind.world())).map_err(said)?;
    embed_component_metadata(&mut module, &contract, world, StringEncoding::UTF8, false).map_err(said)?;
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).map_err(said)?;
    encoder.adapter(ADAPTER_NAME, ADAPTER).map_err(said)?;
    encoder.validate(true).encode().map_err(said)
}

/// Packages of WASI that a client of HTTP uses, each behind those that it uses, and the worlds of connectors with all of it.
const WITH_HTTP: [&str; 4] = ["io/", "clocks/", "http/", "danube-http/"];

/// The contract as this program has it: the SDK in the folder came from such a program, and the contract is frozen. Its worlds are
/// those with HTTP: what the module does not call is not imported.
fn contract() -> Result<(Resolve, PackageId), String> {
    let mut resolve = Resolve::default();
    let mut package = push(&mut resolve, WIT.iter())?;
    for folder in WITH_HTTP {
        package = push(&mut resolve, WASI.iter().filter(|file| file.path.starts_with(folder)))?;
    }
    Ok((resolve, package))
}

fn push<'a>(resolve: &mut Resolve, files: impl Iterator<Item = &'a File>) -> Result<PackageId, String> {
    let mut sources = SourceMap::new();
    for file in files {
        sources.push_str(file.path, String::from_utf8_lossy(file.content));
    }
    let group = sources.parse().map_err(|(_, error)| said(error))?;
    resolve.push_group(group).map_err(said)
}

fn said(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}
