//! The sandbox: connectors' components, run so that nothing they do is noticed outside.
//!
//! The only room that names wasmtime. [`Sandbox::load_source`] and [`Sandbox::load_sink`] take a component and give
//! something that the pipeline can call ([`SourceGuest`](danube_wasm_model::door::SourceGuest),
//! [`SinkGuest`](danube_wasm_model::door::SinkGuest)). On the way a component is
//!
//! 1. **admitted** (`admission`): its imports are compared with what is granted, before any of it is compiled;
//! 2. **compiled** (`compile`) in a child process with limits, or taken from the authenticated cache (`artifact`);
//! 3. **linked** (`capability`) to exactly what is granted;
//! 4. **started** (`lane`): one instance in one store for each lane, from a pool of places;
//! 5. **called** on threads that do no I/O (`workers`), apart from other connectors where it holds them for long
//!    (`conduct`), within a budget of time that it ran (`budget`, `ticker`), of memory
//!    (`limiter`) and of everything else (`limits`); what it returns is checked before anybody sees it (`guest`).
//!
//! Whatever goes wrong comes back as one of the kinds of [`GuestError`](danube_wasm_model::door::GuestError) (`trap`),
//! and that instance is never called again.

mod admission;
mod artifact;
mod bindings;
mod budget;
mod capability;
mod compile;
mod conduct;
mod convert;
mod engine;
mod error;
mod guest;
mod host;
mod lane;
mod limiter;
pub mod limits;
mod load;
mod priority;
mod processors;
mod recording;
mod sandbox;
mod secrets;
mod sink;
mod source;
mod state;
mod stretch;
mod text;
mod ticker;
mod trap;
mod workers;

pub use admission::{Access, AdmissionError, ComponentInfo, Import, Role, inspect};
pub use capability::{
    Capability, Grants,
    wasi::{
        ambient::Ambient,
        clocks::{Clock, SystemClock},
    },
};
pub use compile::{CompileError, Compiler, child::main as compile_child_main};
pub use error::{LoadError, SandboxError};
pub use host::{GuestHost, LogLevel, TracingHost};
pub use limits::{CompileLimits, GuestLimits, PoolLimits};
pub use load::LoadSpec;
pub use recording::{Readings, Recording, Seed, Sight};
pub use sandbox::{Sandbox, SandboxOptions, Usage, WORKERS_MIN};
pub use sink::SinkComponent;
pub use source::SourceComponent;
