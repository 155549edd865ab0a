//! The command line. Nothing else parses arguments.

mod dlq;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use dlq::{Dlq, DlqVerb, Letters};

/// Moves data into and out of the Danube message broker through sandboxed connectors.
#[derive(Debug, Parser)]
#[command(name = "danube-wasm", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 a replayed letter still fails or the pipeline is not ready, 2 wrong command line, 78 wrong configuration, 70 internal error."
)]
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
    /// Write files of Danube Connect as one pipeline file, on standard output.
    #[command(
        after_help = "Example:\n  danube-wasm migrate webhook-connector.toml surrealdb-sink-connector.toml > pipeline.toml"
    )]
    Migrate(Migrate),
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
    /// Ask a running pipeline of this machine whether all of it works; exit 0 if so. For health checks of containers.
    #[command(after_help = "Example:\n  danube-wasm health 127.0.0.1:9090")]
    Health(Health),
    /// Serve the embedded log over Danube's wire API, from one node: whatever it has confirmed is on its disk, and it starts
    /// again after any crash. A Danube cluster has several nodes, and does neither (0.15): see docs/danube.md.
    #[command(
        after_help = "Example:\n  danube-wasm broker --data-dir broker-data --listen 127.0.0.1:6650\n\nPipelines name it as `danube_service_url = \"http://127.0.0.1:6650\"`."
    )]
    Broker(Broker),
    /// List or delete the topics of a broker.
    Topics(Topics),
    /// List, move or delete the subscriptions of a broker.
    Subscriptions(Subscriptions),
    /// List, show, replay or discard dead letters: what could not be processed.
    Dlq(Dlq),
    /// Run one dead letter through a component, offline and with the time and chance of its last call; change nothing.
    #[command(
        after_help = "Examples:\n  danube-wasm replay pipeline.toml 3f9a04c1d2b7e658 --component target/fixed.wasm\n  danube-wasm dlq show pipeline.toml 3f9a04c1d2b7e658 --json > letter.json\n  danube-wasm replay letter.json --component target/fixed.wasm\n\nExit codes: 0 it passes now, 1 it still fails; else as for every verb."
    )]
    Replay(Replay),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The pipeline file, or several that make one pipeline. Files of Danube Connect are understood.
    #[arg(value_name = "PIPELINE.toml", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The pipeline file, or several that make one pipeline. Files of Danube Connect are understood.
    #[arg(value_name = "PIPELINE.toml", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Also reach the broker and the targets: names, ports, certificates, permissions, topics, schemas.
    ///
    /// Registers no schema and subscribes to nothing. A topic that is missing is made, as `run` would make it, only where
    /// nothing else tells whether its namespace exists: it is not `default`, and `danube.admin_url` is not set or
    /// does not tell.
    #[arg(long)]
    pub(crate) connect: bool,
    /// Print findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Files of Danube Connect, one connector each.
    #[arg(value_name = "CONNECTOR.toml", required = true)]
    pub(crate) files: Vec<PathBuf>,
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
pub(crate) struct Replay {
    /// The pipeline file, running or stopped; or a file with what `dlq show --json` printed.
    #[arg(value_name = "WHERE")]
    pub(crate) place: PathBuf,
    /// As `dlq ls` shows it, or a file with what `dlq show --json` printed.
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// The component; default: the one that the pipeline file names for the letter's connector.
    #[arg(long, value_name = "FILE.wasm")]
    pub(crate) component: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// The pipeline's admin port.
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:9090")]
    pub(crate) admin: String,
}

/// Nothing of it can be done: whatever is asked has one answer.
#[cfg(not(feature = "broker"))]
#[derive(Debug, Args)]
pub(crate) struct Broker {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _asked: Vec<std::ffi::OsString>,
}

#[cfg(feature = "broker")]
#[derive(Debug, Args)]
pub(crate) struct Broker {
    /// Directory for everything it keeps; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Where it listens; may be given more than once. Port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6650")]
    pub(crate) listen: Vec<String>,
    /// URL that clients are told to connect to; default: whatever they connected to.
    #[arg(long, value_name = "URL")]
    pub(crate) advertise: Option<String>,
    /// Certificate chain, PEM: serve TLS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// File with the secret that every call must bear as `authorization: Bearer`.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Most messages given to a consumer of a partition and not yet acknowledged.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) window: usize,
    /// A message that is not acknowledged for so long is given again.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) ack_timeout_secs: u64,
    /// Keep messages that every subscription has acknowledged until they are this old, to be read again; 0: not at all.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub(crate) keep_secs: u64,
    /// Acknowledged messages of a topic go earlier while it holds more than this.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub(crate) keep_bytes: u64,
    /// Remove messages older than this, read or not; default: never.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) retention_secs: Option<u64>,
    /// Remove the oldest messages of a partition that holds more than this, read or not.
    #[arg(long, value_name = "BYTES")]
    pub(crate) retention_bytes: Option<u64>,
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
    /// What a Danube broker has skipped: messages that were in the topic and were not given to a sink of the running pipeline.
    #[command(after_help = "Example:\n  danube-wasm subscriptions gaps pipeline.toml")]
    Gaps {
        /// The file of a pipeline that runs.
        #[arg(value_name = "FILE")]
        place: PathBuf,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Say that you know what a subscription was not given, or that it stands still: the sink is not degraded by it any more.
    #[command(
        after_help = "Example:\n  danube-wasm subscriptions acknowledge-gaps pipeline.toml /stripe/payments rows"
    )]
    AcknowledgeGaps {
        /// The file of a pipeline that runs.
        #[arg(value_name = "FILE")]
        place: PathBuf,
        /// The topic, without a partition.
        #[arg(value_name = "TOPIC")]
        topic: String,
        /// The subscription.
        #[arg(value_name = "SUBSCRIPTION")]
        subscription: String,
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
