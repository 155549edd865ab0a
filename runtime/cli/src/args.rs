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
    /// List or delete the topics of a broker.
    Topics(Topics),
    /// List, move or delete the subscriptions of a broker.
    Subscriptions(Subscriptions),
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

#[derive(Debug, Args)]
pub(crate) struct Topics {
    #[command(subcommand)]
    pub(crate) verb: TopicsVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicsVerb {
    /// Every topic with its partitions, messages, bytes and subscriptions.
    #[command(after_help = "Example:\n  danube-wasm topics ls pipeline.toml")]
    Ls {
        /// A pipeline file, or the data directory of `danube-wasm broker`; running or stopped.
        #[arg(value_name = "WHERE")]
        place: PathBuf,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Delete a topic with its messages and subscriptions.
    #[command(after_help = "Example:\n  danube-wasm topics delete pipeline.toml /stripe/payments")]
    Delete {
        /// A pipeline file, or the data directory of `danube-wasm broker`; running or stopped.
        #[arg(value_name = "WHERE")]
        place: PathBuf,
        /// The topic, without a partition.
        #[arg(value_name = "TOPIC")]
        topic: String,
        /// Also if subscriptions have messages unread or consumers are connected.
        #[arg(long)]
        force: bool,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Subscriptions {
    #[command(subcommand)]
    pub(crate) verb: SubscriptionsVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionsVerb {
    /// Every subscription with its type, lag and consumers.
    #[command(after_help = "Example:\n  danube-wasm subscriptions ls pipeline.toml")]
    Ls {
        /// A pipeline file, or the data directory of `danube-wasm broker`; running or stopped.
        #[arg(value_name = "WHERE")]
        place: PathBuf,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// How many messages each subscription has not acknowledged.
    #[command(after_help = "Example:\n  danube-wasm subscriptions lag pipeline.toml")]
    Lag {
        /// A pipeline file, or the data directory of `danube-wasm broker`; running or stopped.
        #[arg(value_name = "WHERE")]
        place: PathBuf,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Move a subscription: to read again, or to leave out.
    #[command(
        after_help = "Examples:\n  danube-wasm subscriptions seek pipeline.toml /stripe/payments rows --to earliest\n  danube-wasm subscriptions seek pipeline.toml /stripe/payments rows --to 90m"
    )]
    Seek {
        /// A pipeline file, or the data directory of `danube-wasm broker`; running or stopped.
        #[arg(value_name = "WHERE")]
        place: PathBuf,
        /// The topic, without a partition.
        #[arg(value_name = "TOPIC")]
        topic: String,
        /// The subscription.
        #[arg(value_name = "SUBSCRIPTION")]
        subscription: String,
        /// `earliest`, `latest`, a time in UTC (`2026-11-23T14:00:00Z`), or how long ago (`90m`).
        #[arg(long, value_name = "POSITION")]
        to: String,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Delete a subscription with its position.
    #[command(after_help = "Example:\n  danube-wasm subscriptions delete pipeline.toml /stripe/payments rows")]
    Delete {
        /// A pipeline file, or the data directory of `danube-wasm broker`; running or stopped.
        #[arg(value_name = "WHERE")]
        place: PathBuf,
        /// The topic, without a partition.
        #[arg(value_name = "TOPIC")]
        topic: String,
        /// The subscription.
        #[arg(value_name = "SUBSCRIPTION")]
        subscription: String,
        /// Also if it has messages unread or consumers are connected.
        #[arg(long)]
        force: bool,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
}
