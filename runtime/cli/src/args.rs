//! The command line. Nothing else parses arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Moves data into and out of the Danube message broker through sandboxed connectors.
#[derive(Debug, Parser)]
#[command(name = "danube-wasm", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done, 2 wrong command line, 78 wrong configuration, 70 internal error.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a pipeline until SIGTERM or SIGINT, then drain it. SIGHUP re-applies the file.
    #[command(after_help = "Example:\n  danube-wasm run pipeline.toml")]
    Run(Run),
    /// Report every mistake in a pipeline file and load its components, without starting anything.
    #[command(after_help = "Example:\n  danube-wasm check pipeline.toml")]
    Check(Check),
    /// Compile a connector written in Rust to a component, and check that it is one.
    #[command(after_help = "Example:\n  danube-wasm build my-connector")]
    Build(Build),
    /// Show what a component is: its role, digest, size, imports.
    #[command(after_help = "Example:\n  danube-wasm inspect target/guests/stripe_source.wasm")]
    Inspect(Inspect),
    /// Ask a pipeline's database, while it runs or when it is stopped. Read-only unless --write.
    #[command(
        after_help = "Example:\n  danube-wasm query pipeline.toml 'SELECT event, count() AS total FROM stripe_payments GROUP BY event'"
    )]
    Query(Query),
    /// Compile the component on standard input to standard output. Used by the sandbox, under its limits.
    #[command(name = "__compile", hide = true)]
    Compile,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The pipeline file.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The pipeline file.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
    /// Print findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The folder of the connector's crate.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Where to put the component; default: beside the crate's other build output.
    #[arg(long, short, value_name = "FILE.wasm")]
    pub(crate) output: Option<PathBuf>,
    /// Print what the component is as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    pub(crate) file: PathBuf,
    /// Print as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The pipeline file.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
    /// One or more SurrealQL statements.
    #[arg(value_name = "SURREALQL")]
    pub(crate) statements: String,
    /// The sink whose database is meant; needed when the file has several.
    #[arg(long, value_name = "NAME")]
    pub(crate) sink: Option<String>,
    /// Let the statements change data.
    #[arg(long)]
    pub(crate) write: bool,
    /// Print one JSON document: an array with the result of each statement.
    #[arg(long)]
    pub(crate) json: bool,
}
