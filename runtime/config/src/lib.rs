//! The pipeline file: from `pipeline.toml` to typed configuration that is valid by construction.
//!
//! [`load`] reads a file whole: it either gives a [`Pipeline`] in which every reference is resolved, every file that
//! it names is there and every rule about how tables go together holds, or it gives all mistakes at once, each with
//! its line, its key and what to write instead. Nobody else can make a [`Pipeline`].
//!
//! Each table of the file is a type under [`tables`] that declares its keys once, with kind, meaning and default; that
//! declaration reads the file, knows the valid keys and writes the reference page ([`reference_markdown`]). What
//! several tables must agree on is compared at the end from the facts that they enter in a ledger.
//!
//! Reads files that the pipeline file names (schemas, secrets, public keys). Knows no broker, sandbox or target, and
//! does not look into components.

mod diagnostic;
mod difference;
mod environment;
mod ledger;
mod nearest;
mod reader;
mod reference;
mod secret;
pub mod tables;
mod values;

use std::path::Path;

use toml::de::DeTable;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use difference::Difference;
pub use environment::{Environment, ProcessEnvironment};
pub use reference::reference_markdown;
pub use secret::Secret;
pub use tables::{
    auth::{Auth, HmacForm, JwtKeys, PublicKey, SECRETS_MAX},
    component::Component,
    endpoint::{ContentType, Endpoint, Method, OnInvalid, RateLimit},
    event_id::EventId,
    host::{Admin, LogFormat, Retention, Shutdown, Telemetry},
    limits::Limits,
    listen::Listen,
    mapping::{OnPoison, Start, StorageMode, TopicMapping},
    pipeline::Pipeline,
    schema::{Definition, Schema, SchemaType, VersionStrategy},
    service_url::ServiceUrl,
    sink::Sink,
    source::{Batch, LANES_MAX, Source},
    surrealdb::{Credentials, Level, SurrealDb, SurrealUrl},
    webhook::{Tls, Webhook},
};
pub use values::{HeaderName, Host, HttpUrl, Invalid, JsonPointer, Network, UrlPath};

use reader::{Place, Session, SourceText, Table};

/// Largest pipeline file, in bytes: a thousand connectors have room.
const FILE_BYTES_MAX: usize = 1 << 20;

/// A pipeline file that was read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Loaded {
    /// What it configures.
    pub pipeline: Pipeline,
    /// What the operator should know, in the order of its lines.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a pipeline file. Relative paths in it start from its directory.
pub fn load(path: &Path, env: &dyn Environment) -> Result<Loaded, Diagnostics> {
    let file = path.display().to_string();
    match reader::read_text(path, FILE_BYTES_MAX) {
        Ok(text) => load_text(path, text, env),
        Err(why) => {
            let help = "name a pipeline file; see `danube-wasm run --help` for an example";
            Err(Diagnostics::of_file(
                &file,
                format!("the pipeline file cannot be read: {why}"),
                help,
            ))
        }
    }
}

/// Reads a pipeline file whose text is at hand as if it were at `path`.
pub fn load_text(path: &Path, text: String, env: &dyn Environment) -> Result<Loaded, Diagnostics> {
    let file = path.display().to_string();
    let absolute = match std::path::absolute(path) {
        Ok(absolute) => absolute,
        Err(error) => {
            let message = format!("the path of the pipeline file cannot be made absolute: {error}");
            return Err(Diagnostics::of_file(&file, message, "give an absolute path"));
        }
    };
    let dir = absolute.parent().unwrap_or(&absolute).to_path_buf();
    let session = Session::reading(SourceText { file, text }, dir, env);
    let pipeline = read(&session);
    let warnings = Diagnostics::sort_out(session.into_found())?;
    match pipeline {
        Some(pipeline) => Ok(Loaded { pipeline, warnings }),
        None => {
            let message = "the pipeline file is not valid".to_owned();
            Err(Diagnostics::of_file(&path.display().to_string(), message, ""))
        }
    }
}

fn read(session: &Session<'_>) -> Option<Pipeline> {
    let (table, errors) = DeTable::parse_recoverable(session.text());
    if !errors.is_empty() {
        report_syntax(session, errors);
        return None;
    }
    let root = Place {
        span: 0..0,
        key: String::new(),
    };
    let pipeline = Table::read(session, Some(table.get_ref()), root, String::new(), false);
    ledger::check(session);
    pipeline
}

/// The first mistake of each line: what follows it there is usually its consequence.
fn report_syntax(session: &Session<'_>, errors: Vec<toml::de::Error>) {
    let place = |error: &toml::de::Error| Place {
        span: error.span().unwrap_or(0..0),
        key: String::new(),
    };
    let mut errors: Vec<_> = errors.into_iter().map(|error| (place(&error), error)).collect();
    errors.sort_by_key(|(place, _)| place.span.start);
    errors.dedup_by_key(|(place, _)| session.line(place));
    for (place, error) in errors {
        session.error(
            &place,
            format!("not TOML: {}", error.message()),
            syntax_help(error.message()),
        );
    }
}

fn syntax_help(message: &str) -> &'static str {
    if message.starts_with("duplicate key") {
        "keep one of them; a table that repeats is written `[[name]]`"
    } else {
        "strings need quotes, keys are written `key = value`, tables `[name]`; see https://toml.io"
    }
}
