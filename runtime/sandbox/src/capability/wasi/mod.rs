//! The part of WASI 0.2 that a language's standard library drags in, linked interface by interface.
//!
//! There is nothing behind most of it: no arguments, no environment, no files, an empty standard input. The standard
//! outputs go to the connector's log, clocks tell the time to the millisecond, waiting is charged to the call's
//! budget, and `exit` is a trap. Sockets are not linked at all, and HTTP is a capability of its own ([`super::http`]).

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
use ambient::{Ambient, AmbientView};
use chacha20::rand_core::Rng as _;
use clocks::MillisecondClock;
use stdio::LineStream;

/// One instance's WASI.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    view: AmbientView,
    out: LineStream,
    err: LineStream,
}

impl Wasi {
    pub(super) fn new(log: &Arc<ConnectorLog>, limits: &GuestLimits, ambient: &Ambient) -> Self {
        let out = LineStream::new(log, LogLevel::Info);
        let err = LineStream::new(log, LogLevel::Warn);
        let mut view = AmbientView::new(ambient);
        let mut seed = [0; 16];
        view.fill_bytes(&mut seed);
        let mut builder = WasiCtx::builder();
        builder
            .stdout(out.clone())
            .stderr(err.clone())
            .wall_clock(MillisecondClock(view.clone()))
            .monotonic_clock(MillisecondClock(view.clone()))
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

    /// Its resources.
    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// What it sees of time and chance.
    pub(crate) fn view(&self) -> &AmbientView {
        &self.view
    }

    /// Forgets what earlier calls wrote.
    pub(crate) fn begin_call(&mut self) {
        self.err.clear();
    }

    /// Writes out lines that were not ended.
    pub(crate) fn end_call(&mut self) {
        self.out.finish();
        self.err.finish();
    }

    /// The first of what this call wrote to its standard error: a panic's message.
    pub(crate) fn panic_message(&self) -> String {
        self.err.captured()
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
    io::poll::add_to_linker::<S, wait::PollTable>(l, wait::BudgetedTable::from_state)?;

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
