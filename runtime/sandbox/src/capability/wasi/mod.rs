//! The part of WASI 0.2 that a language's standard library drags in, linked interface by interface.
//!
//! There is nothing behind most of it: no arguments, no environment, no files, an empty standard input. The standard
//! outputs go to the connector's log, clocks tell the time to the millisecond, waiting is charged to the call's
//! budget, and `exit` is a trap. Sockets and HTTP are not linked at all.

pub(crate) mod clocks;
mod stdio;
mod wait;

use std::sync::Arc;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::{
    WasiCtx, WasiCtxView, WasiView,
    cli::{WasiCli, WasiCliView},
    clocks::{WasiClocks, WasiClocksView},
    filesystem::{WasiFilesystem, WasiFilesystemView},
    p2::bindings::{cli, clocks as wasi_clocks, filesystem, io, random},
    random::{Deterministic, WasiRandom, WasiRandomView},
};

use super::{Capability, Grants, log::ConnectorLog};
use crate::{host::LogLevel, limits::GuestLimits, state::GuestState};
use clocks::{Clock, Coarse, SystemClock};
use stdio::Lines;

/// What a component can learn about the world without being told: the time, and chance. A replay gives its own.
#[derive(Clone)]
pub struct Ambient {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Bytes to repeat instead of random ones. `None`: the operating system's.
    pub random: Option<Arc<[u8]>>,
}

impl Default for Ambient {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            random: None,
        }
    }
}

/// One instance's WASI.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    out: Lines,
    err: Lines,
}

impl Wasi {
    pub(super) fn new(log: &Arc<ConnectorLog>, limits: &GuestLimits, ambient: &Ambient) -> Self {
        let out = Lines::new(log, LogLevel::Info);
        let err = Lines::new(log, LogLevel::Warn);
        let mut builder = WasiCtx::builder();
        builder
            .stdout(out.clone())
            .stderr(err.clone())
            .wall_clock(Coarse(Arc::clone(&ambient.clock)))
            .monotonic_clock(Coarse(Arc::clone(&ambient.clock)))
            .max_random_size(limits.random_bytes_max);
        if let Some(bytes) = ambient.random.as_deref().filter(|bytes| !bytes.is_empty()) {
            let seed = bytes.iter().fold(0, |seed: u128, b| (seed << 8) | u128::from(*b));
            builder
                .secure_random(Deterministic::new(bytes.to_vec()))
                .insecure_random(Deterministic::new(bytes.to_vec()))
                .insecure_random_seed(seed);
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources_max);
        Self {
            ctx: builder.build(),
            table,
            out,
            err,
        }
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
