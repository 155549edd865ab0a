//! The sandbox runs connectors' components and contains whatever they do.
//!
//! The only room that names wasmtime. [`Sandbox::load_source`] and [`Sandbox::load_sink`] take a component and return a
//! guest that the pipeline can call ([`SourceGuest`](danube_wasm_model::door::SourceGuest),
//! [`SinkGuest`](danube_wasm_model::door::SinkGuest)). Loading has five steps:
//!
//! 1. **admitted** (`admission`): its imports are compared with what is granted, before any of it is compiled;
//! 2. **compiled** (`compile`) in a child process with limits, or taken from the authenticated cache (`artifact`);
//! 3. **linked** (`capability`) to exactly what is granted;
//! 4. **started** (`lane`): one instance in one store for each lane, from a pool of instances;
//! 5. **called** on threads that do no I/O (`workers`), isolated from other connectors if earlier calls held a thread
//!    for long (`cpu_class`), within limits on running time (`budget`, `ticker`), on memory (`limiter`) and on
//!    everything else (`limits`). What a call returns is checked before the pipeline sees it (`guest`).
//!
//! Every error is one of the kinds of [`GuestError`](danube_wasm_model::door::GuestError) (`trap`). An instance is
//! never called again after an error.

mod admission;
mod artifact;
mod bindings;
mod budget;
mod capability;
mod compile;
mod convert;
mod cpu_class;
mod cpu_placement;
mod cpu_slice;
mod engine;
mod error;
mod exchange;
mod guest;
mod host;
mod lane;
mod limiter;
pub mod limits;
mod lines;
mod load;
mod memory;
mod outgoing;
mod poller;
mod priority;
mod profile;
mod recording;
mod sandbox;
mod secrets;
mod sink;
mod source;
mod state;
mod text;
mod ticker;
mod trap;
mod workers;

pub use admission::{Access, AdmissionError, ComponentInfo, GuestClass, Import, Make, Producer, Role, inspect};
pub use capability::{
    Capability, Grants, HttpAccess,
    wasi::{
        ambient::Ambient,
        clocks::{Clock, SystemClock},
    },
};
pub use compile::{CompileError, CompileTier, Compiler, child::main as compile_child_main};
pub use error::{LoadError, SandboxError};
pub use exchange::{Exchange, Outcome};
pub use host::{GuestHost, LogLevel, TracingHost};
pub use limits::{CompileLimits, GuestLimits, PoolLimits};
pub use load::LoadSpec;
pub use outgoing::{HttpLimits, OutgoingHttp, RequestError, RequestErrorKind};
pub use poller::PollerComponent;
pub use profile::{Profile, ProfileSample};
pub use recording::{AmbientReads, Readings, Recording, Seed};
pub use sandbox::{Sandbox, SandboxOptions, Usage, WORKERS_MIN};
pub use secrets::Secrets;
pub use sink::SinkComponent;
pub use source::SourceComponent;
