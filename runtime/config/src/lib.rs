//! The pipeline file: from `pipeline.toml` to typed configuration that is valid by construction.
//!
//! A [`Loader`] reads a whole file and returns either a [`Pipeline`] in which every reference is resolved, every named
//! file exists and every rule across tables holds, or all mistakes at once, each with its line, its key and what to
//! write instead. Only a loader creates a [`Pipeline`]. [`Loader::load_all`] reads several files as one pipeline, each
//! a pipeline file or a file of Danube Connect ([`FileFormat`]); [`Loader::migrate`] converts the latter to the former.
//!
//! Each table of the file is a type under [`tables`] that declares its keys once, with kind, meaning and default; that
//! declaration reads the file, knows the valid keys and generates the reference page ([`reference_markdown`]). Facts
//! that several tables must agree on are recorded while reading and compared at the end. The
//! [`Registry`](danube_wasm_connector::Registry) defines the kinds of sources and sinks.
//!
//! This crate reads files that the pipeline file names (schemas, secrets, public keys). It uses no broker, sandbox or
//! target, and does not open components.

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
    values::{BrokerUrl, FieldPath, HeaderName, Host, HttpUrl, Invalid, JsonPointer, NatsUrl, Network, UrlPath},
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
    host::{ADMIN_PORT_VARIABLE, Admin, LogFormat, Retention, Shutdown, Telemetry},
    instance::{INSTANCE_VARIABLE, Instance},
    limits::Limits,
    nats::Nats,
    pipeline::{LOCK_FILE, Pipeline},
    schema::{Schema, SchemaType},
    schema_file::Definition,
    service_url::{SEEDS_MAX, ServiceUrl},
    sink::Sink,
    source::{Batch, LANES_MAX, Source},
    version::VersionStrategy,
};
