//! The pipeline file: from `pipeline.toml` to typed configuration that is valid by construction.
//!
//! A [`Loader`] reads a file whole: it either gives a [`Pipeline`] in which every reference is resolved, every file that
//! it names is there and every rule about how tables go together holds, or it gives all mistakes at once, each with
//! its line, its key and what to write instead. Nobody else can make a [`Pipeline`]. [`Loader::load_all`] makes one of several
//! files, each a pipeline file or a file of Danube Connect ([`FileFormat`]); [`Loader::migrate`] writes the latter as the former.
//!
//! Each table of the file is a type under [`tables`] that declares its keys once, with kind, meaning and default; that
//! declaration reads the file, knows the valid keys and writes the reference page ([`reference_markdown`]). What
//! several tables must agree on is compared at the end from the facts that they leave. Which kinds of sources and sinks there are is the
//! [`Registry`](danube_wasm_connector::Registry)'s to say.
//!
//! Reads files that the pipeline file names (schemas, secrets, public keys). Knows no broker, sandbox or target, and
//! does not look into components.

mod assemble;
mod connect;
mod cross_checks;
mod difference;
mod file_format;
mod load;
mod part;
mod reference;
pub mod tables;

pub use connect::Migrated;
pub use danube_wasm_settings::{
    DATA_DIR_VARIABLE, Diagnostic, Diagnostics, Environment, Listen, ProcessEnvironment, Secret, SecretSource,
    Severity, SourceLine,
    values::{BrokerUrl, FieldPath, HeaderName, Host, HttpUrl, Invalid, JsonPointer, Network, UrlPath},
};
pub use difference::Difference;
pub use file_format::FileFormat;
pub use load::{Loaded, Loader};
pub use reference::{reference_markdown, tables as reference_tables};
pub use tables::{
    buffer::{SinkBuffer, SourceBuffer},
    component::Component,
    component_config::{ComponentConfig, resolve as resolve_settings},
    danube::{ClientIdentity, Danube, DanubeTls},
    dead_letters::MaxDeadLetters,
    definition::Definition,
    host::{ADMIN_PORT_VARIABLE, Admin, LogFormat, Retention, Shutdown, Telemetry},
    instance::{INSTANCE_VARIABLE, Instance},
    limits::Limits,
    pipeline::Pipeline,
    schema::{Schema, SchemaType},
    service_url::{SEEDS_MAX, ServiceUrl},
    sink::Sink,
    source::{Batch, LANES_MAX, Source},
    version::VersionStrategy,
};
