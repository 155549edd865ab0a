//! The part of WASI 0.2 that a language's standard library drags in, linked interface by interface.
//!
//! There is nothing behind most of it: no arguments, no environment, no files, an empty standard input. The standard
//! outputs go to the connector's log, clocks tell the time to the millisecond, waiting is charged to the call's
//! budget, and `exit` is a trap. Sockets and HTTP are not linked at all.

pub(crate) mod ambient;
pub(crate) mod clocks;
mod stdio;
mod track;
mod wait;

use std::sync::Arc;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::{
    WasiCtx, WasiCtxView, WasiView,
    cli::{WasiCli, WasiCliView},
    clocks::{WasiClocks, WasiClocksView},
    filesystem::{WasiFilesystem, WasiFilesystemView},
    p2::bindings::{cli, clocks as wasi_clocks, filesystem, io, random},
    random::{WasiRandom, WasiRandomView},
};

use super::{Capability, Grants, log::ConnectorLog};
use crate::{host::LogLevel, limits::GuestLimits, state::GuestState};
use ambient::{Ambient, View};
use chacha20::rand_core::Rng as _;
use clocks::Coarse;
use stdio::Lines;

/// One instance's WASI.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    view: View,
    out: Lines,
    err: Lines,
}

impl Wasi {
    pub(super) fn new(log: &Arc<ConnectorLog>, limits: &GuestLimits, ambient: &Ambient) -> Self {
        let out = Lines::new(log, LogLevel::Info);
        let err = Lines::new(log, LogLevel::Warn);
        let mut view = View::new(ambient);
        let mut seed = [0; 16];
        view.fill_bytes(&mut seed);
        let mut builder = WasiCtx::builder();
        builder
            .stdout(out.clone())
            .stderr(err.clone())
            .wall_clock(Coarse(view.clone()))
            .monotonic_clock(Coarse(view.clone()))
            .secure_random(view.clone())
            .insecure_random(view.clone())
            .insecure_random_seed(u128::from_le_bytes(seed))
            .max_random_size(limits.random_bytes_max);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources_max);
        Self {
            ctx: builder.build(),
            table,
            view,
            out,
            err,
        }
    }

    /// What it sees of time and chance.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// Forgets what earlier calls wrote.
    pub(crate) fn begin_call(&mut self) {
        self.err.forget();
    }

    /// Writes out lines that were not ended.
    pub(crate) fn end_call(&mut self) {
        self.out.finish();
        self.err.finish();
    }

    /// The first of what this call wrote to its standard error: a panic's message.
    pub(crate) fn complaint(&self) -> String {
        self.err.written()
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = &mut self.capabilities.wasi;
        WasiCtxView {
            ctx: &mut wasi.ctx,
            table: &mut wasi.table,
        }
    }
}

/// Streams and errors live in the table alone.
struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links what leads nowhere, and clocks and random if they are granted.
pub(super) fn link(linker: &mut Linker<GuestState>, grants: &Grants) -> wasmtime::Result<()> {
    type S = GuestState;
    let l = linker;

    io::error::add_to_linker::<S, Table>(l, |s| &mut s.capabilities.wasi.table)?;
    io::streams::add_to_linker::<S, Table>(l, |s| &mut s.capabilities.wasi.table)?;
    io::poll::add_to_linker::<S, wait::Waiting>(l, wait::Guarded::of)?;

    cli::environment::add_to_linker::<S, WasiCli>(l, S::cli)?;
    cli::exit::add_to_linker::<S, WasiCli>(l, S::cli)?;
    cli::stdin::add_to_linker::<S, WasiCli>(l, S::cli)?;
    cli::stdout::add_to_linker::<S, WasiCli>(l, S::cli)?;
    cli::stderr::add_to_linker::<S, WasiCli>(l, S::cli)?;
    cli::terminal_input::add_to_linker::<S, WasiCli>(l, S::cli)?;
    cli::terminal_output::add_to_linker::<S, WasiCli>(l, S::cli)?;
    cli::terminal_stdin::add_to_linker::<S, WasiCli>(l, S::cli)?;
    cli::terminal_stdout::add_to_linker::<S, WasiCli>(l, S::cli)?;
    cli::terminal_stderr::add_to_linker::<S, WasiCli>(l, S::cli)?;

    filesystem::types::add_to_linker::<S, WasiFilesystem>(l, S::filesystem)?;
    filesystem::preopens::add_to_linker::<S, WasiFilesystem>(l, S::filesystem)?;

    if grants.has(Capability::Clocks) {
        wasi_clocks::wall_clock::add_to_linker::<S, WasiClocks>(l, S::clocks)?;
        wasi_clocks::monotonic_clock::add_to_linker::<S, WasiClocks>(l, S::clocks)?;
    }
    if grants.has(Capability::Random) {
        random::random::add_to_linker::<S, WasiRandom>(l, S::random)?;
        random::insecure::add_to_linker::<S, WasiRandom>(l, S::random)?;
        random::insecure_seed::add_to_linker::<S, WasiRandom>(l, S::random)?;
    }
    Ok(())
}
