//! Plugs the sockets of a component.
//!
//! CPython's `socket` makes every component import `wasi:sockets`, which this host gives to nobody. componentize-py can
//! stub all of WASI instead, but then clocks, chance and output are gone, too, and every error is a bare trap. So its seven
//! interfaces are exported by a component whose functions trap, and that is composed with the connector's.

use anyhow::{Context, Result, bail};
use wac_graph::{CompositionGraph, EncodeOptions, plug, types::Package};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldId};

const SOCKETS: &str = "wasi:sockets/";

/// The component without imports of sockets: a call of one traps.
pub(super) fn plugged(component: Vec<u8>) -> Result<Vec<u8>> {
    let DecodedWasm::Component(mut resolve, world) = wit_component::decode(&component)? else {
        bail!("a package of interfaces, not a component");
    };
    if !export_sockets(&mut resolve, world) {
        return Ok(component);
    }
    let trapping = trapping(&resolve, world).context("making the component that traps")?;
    compose(component, trapping).context("composing")
}

/// Turns the world's imports of sockets into its exports; what they need stays imported. Whether there are any.
fn export_sockets(resolve: &mut Resolve, world: WorldId) -> bool {
    let imports = std::mem::take(&mut resolve.worlds[world].imports);
    let (sockets, others) = imports
        .into_iter()
        .partition(|(key, _)| resolve.name_world_key(key).starts_with(SOCKETS));
    let world = &mut resolve.worlds[world];
    world.exports = sockets;
    world.imports = others;
    !world.exports.is_empty()
}

fn trapping(resolve: &Resolve, world: WorldId) -> Result<Vec<u8>> {
    let mut module = dummy_module(resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false)?;
    ComponentEncoder::default().module(&module)?.encode()
}

fn compose(component: Vec<u8>, trapping: Vec<u8>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let socket = Package::from_bytes("danube:component", None, component, graph.types_mut())?;
    let socket = graph.register_package(socket)?;
    let sockets = Package::from_bytes("danube:sockets", None, trapping, graph.types_mut())?;
    let sockets = graph.register_package(sockets)?;
    plug(&mut graph, vec![sockets], socket)?;
    Ok(graph.encode(EncodeOptions::default())?)
}
