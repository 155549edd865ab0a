//! The command line. Nothing else parses arguments.

mod dlq;
mod steering;
mod test;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use danube_wasm_toolchain::{Kind, Language};

pub(crate) use dlq::{Dlq, DlqVerb, Letters};
pub(crate) use steering::{Pause, Produce, Reload, Shadow, Status, Tail, TailFrom, Tap, Top};
pub(crate) use test::{Bench, Test};

/// Moves data into and out of the Danube message broker through sandboxed connectors.
#[derive(Debug, Parser)]
#[command(name = "danube-wasm", version, long_version = LONG_VERSION, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 a replayed letter or a case fails, a build failed or the pipeline is not ready, 2 wrong command line, 78 wrong configuration, 70 internal error."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a pipeline until SIGTERM or SIGINT, then drain it. SIGHUP re-applies the file.
    #[command(
        after_help = "Examples:\n  danube-wasm run pipeline.toml\n  danube-wasm run --dev --build my-connector pipeline.toml"
    )]
    Run(Run),
    /// Show what each connector of a running pipeline does: state, rates, lag, errors, memory.
    #[command(after_help = "Example:\n  danube-wasm status pipeline.toml")]
    Status(Status),
    /// Watch what `status` shows, on a screen that is drawn anew every second.
    #[command(
        after_help = "Examples:\n  danube-wasm top pipeline.toml\n  danube-wasm top pipeline.toml --once\n\nKeys: up and down choose the connector whose history is drawn, q quits."
    )]
    Top(Top),
    /// Make a connector of a running pipeline take nothing new and keep its place, until it is resumed.
    #[command(
        after_help = "Example:\n  danube-wasm pause pipeline.toml surrealdb\n\nA sink stays subscribed and reads nothing; a source answers 503, or keeps its session and receives nothing. It stays paused across reloads and restarts of the process, until it is resumed or removed from the file."
    )]
    Pause(Pause),
    /// Let a paused connector go on.
    #[command(after_help = "Example:\n  danube-wasm resume pipeline.toml surrealdb")]
    Resume(Pause),
    /// Apply a running pipeline's file again, wait, and say what changed. A file with a mistake changes nothing.
    #[command(after_help = "Example:\n  danube-wasm reload pipeline.toml")]
    Reload(Reload),
    /// Show records before and after the components of a running pipeline, as they pass. Never slows the pipeline.
    #[command(
        after_help = "Examples:\n  danube-wasm tap pipeline.toml webhook --limit 10\n  danube-wasm tap pipeline.toml --diff --sample 100\n\nSecrets are struck out: fields with names such as password or token, and the values of `${NAME}` in the component's settings."
    )]
    Tap(Tap),
    /// Call a candidate beside a connector's component, on the same live batches, and show what comes out differently.
    #[command(
        after_help = "Examples:\n  danube-wasm shadow pipeline.toml webhook --component target/new.wasm --limit 1000\n  danube-wasm shadow pipeline.toml webhook --component target/new.wasm --secs 60 --promote\n\nWhat the candidate makes goes nowhere. It ends at --limit, at --secs or with Ctrl-C.\n\nExit codes: 0 nothing differed, 1 something did, or nothing passed; else as for every verb."
    )]
    Shadow(Shadow),
    /// List the kinds of connectors and the components that are built in; of one kind, its keys.
    #[command(after_help = "Examples:\n  danube-wasm builtins\n  danube-wasm builtins webhook")]
    Builtins(Builtins),
    /// Report every mistake in a pipeline file and load its components, without starting anything.
    #[command(after_help = "Example:\n  danube-wasm check pipeline.toml")]
    Check(Check),
    /// Approve the components of a pipeline and what they are granted: writes `danube-wasm.lock` beside the file, and says what changed.
    #[command(
        after_help = "Example:\n  danube-wasm approve pipeline.toml\n\nFrom then on a component of another digest, and one that asks for more, is refused until it is approved, too."
    )]
    Approve(Approve),
    /// Write files of Danube Connect as one pipeline file, on standard output.
    #[command(
        after_help = "Example:\n  danube-wasm migrate webhook-connector.toml surrealdb-sink-connector.toml > pipeline.toml"
    )]
    Migrate(Migrate),
    /// Copy a log with the positions of its subscriptions to another broker, while nothing runs.
    #[command(
        after_help = "Examples:\n  danube-wasm migrate-log embedded://data/log pipeline.toml --dry-run\n  danube-wasm migrate-log embedded://data/log pipeline.toml\n  danube-wasm migrate-log old.toml new.toml --resume\n\nThe pipeline file names the new broker already (`broker_url = \"nats://…\"`). The log that is copied stays as it is."
    )]
    MigrateLog(MigrateLog),
    /// Make a connector's folder that builds, tests and runs as it stands.
    #[command(
        after_help = "Examples:\n  danube-wasm new order-lines --kind source --lang rust\n  danube-wasm new pushes --kind source --lang rust --from github\n  danube-wasm new order-feed --kind poller --lang typescript"
    )]
    New(New),
    /// Compile a connector to a component, and check that this host would run it.
    #[command(after_help = "Example:\n  danube-wasm build my-connector")]
    Build(Build),
    /// Put a component into an OCI registry, and print the reference that a pipeline file names it by.
    #[command(after_help = "Example:\n  danube-wasm push target/orders.wasm oci://ghcr.io/acme/orders:1.2.0")]
    Push(Push),
    /// Get a component from an OCI registry, and print its reference with the digest.
    #[command(after_help = "Example:\n  danube-wasm pull oci://ghcr.io/acme/orders:1.2.0 -o orders.wasm")]
    Pull(Pull),
    /// Show what a component is: its role, digest, size, imports.
    #[command(after_help = "Example:\n  danube-wasm inspect target/guests/stripe_source.wasm")]
    Inspect(Inspect),
    /// Run a component on samples: the cases of its folder, through the real sandbox with the real limits.
    #[command(
        after_help = "Examples:\n  danube-wasm test my-connector\n  danube-wasm test my-connector --update\n  danube-wasm test target/orders.wasm --event sample.jsonl\n  danube-wasm test --conformance target/guests/order_lines.wasm\n\nExit codes: 0 all passed, 1 something failed; else as for every verb."
    )]
    Test(Test),
    /// Measure a component on samples: time of a record, memory, what the sandbox costs, limits with head-room.
    #[command(after_help = "Example:\n  danube-wasm bench target/orders.wasm --events cases/first/events.jsonl")]
    Bench(Bench),
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
    /// Say more about an error code, such as DW0102: when it comes, and what to do. Without a code, list them all.
    #[command(after_help = "Example:\n  danube-wasm explain DW0205")]
    Explain(Explain),
    /// Look whether this machine, and what a pipeline needs of it, are fit for `run`.
    #[command(after_help = "Examples:\n  danube-wasm doctor\n  danube-wasm doctor pipeline.toml")]
    Doctor(Doctor),
    /// Print a shell's completions.
    #[command(after_help = "Example:\n  danube-wasm completions bash > /etc/bash_completion.d/danube-wasm")]
    Completions(Completions),
    /// Write manual pages, one a verb.
    #[command(after_help = "Example:\n  danube-wasm man /usr/local/share/man/man1")]
    Man(Man),
}

/// The version, with the features that this program was built with.
pub(crate) const LONG_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\nfeatures: ", env!("DANUBE_WASM_FEATURES"));

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, as it is in brackets behind `error`.
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The pipeline file, or several that make one pipeline.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The pipeline file, or several that make one pipeline. Files of Danube Connect are understood.
    #[arg(value_name = "PIPELINE.toml", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Apply the files again whenever they or the components change. What is wrong is said, and changes nothing.
    #[arg(long)]
    pub(crate) dev: bool,
    /// With --dev: also build this connector's folder whenever its source changes. May be given more than once.
    #[arg(long, value_name = "DIR", requires = "dev")]
    pub(crate) build: Vec<PathBuf>,
}

/// What is built in.
#[derive(Debug, Args)]
pub(crate) struct Builtins {
    /// Show the keys of this kind of connector.
    #[arg(value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Print one JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The pipeline file, or several that make one pipeline.
    #[arg(value_name = "PIPELINE.toml", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Print one JSON array.
    #[arg(long)]
    pub(crate) json: bool,
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
pub(crate) struct MigrateLog {
    /// What is copied: a pipeline file, the data directory of `danube-wasm broker`, `embedded://DIR` or `nats://HOST:PORT`.
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// Where it is copied to, as FROM. It must be empty.
    #[arg(value_name = "TO")]
    pub(crate) to: String,
    /// Go on with a copy that was interrupted.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Write nothing: say what would be copied, and what would not be taken.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The folder to make. Its last part is the connector's name.
    #[arg(value_name = "NAME")]
    pub(crate) directory: PathBuf,
    /// What the connector does: source, poller (a source that asks an API for its events) or sink.
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Kind,
    #[arg(long, value_name = "LANGUAGE", help = language_help())]
    pub(crate) lang: Language,
    /// The sender whose webhooks a source takes: its signature, handshake and ids are in the new pipeline file.
    #[arg(long, value_name = "SENDER")]
    pub(crate) from: Option<String>,
    /// Install missing tools into the new folder.
    #[arg(long, conflicts_with = "no_build")]
    pub(crate) install: bool,
    /// Do not build.
    #[arg(long)]
    pub(crate) no_build: bool,
}

/// The languages that there are.
fn language_help() -> String {
    let languages: Vec<_> = Language::ALL.iter().map(|language| language.as_str()).collect();
    format!("What it is written in: {}", languages.join(", "))
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The folder of the connector.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Where to put the component; default: `target/NAME.wasm` in the folder, or beside a crate's other
    /// build output.
    #[arg(long, short, value_name = "FILE.wasm")]
    pub(crate) output: Option<PathBuf>,
    /// Install missing tools into the folder first.
    #[arg(long)]
    pub(crate) install: bool,
    /// Print what the component is as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    pub(crate) file: PathBuf,
    /// Where to put it: `oci://REGISTRY/REPOSITORY:TAG`.
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
}

#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// Where it is: `oci://REGISTRY/REPOSITORY`, with `:TAG` or `@sha256:DIGEST`.
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Where to put the component; default: only the digest is asked for.
    #[arg(long, short, value_name = "FILE.wasm")]
    pub(crate) output: Option<PathBuf>,
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
    /// Show the messages of a topic as they come. Reads by a subscription of its own: no other one moves.
    #[command(
        after_help = "Example:\n  danube-wasm topics tail pipeline.toml /stripe/payments --from earliest --limit 5"
    )]
    Tail(Tail),
    /// Publish each line of standard input to a topic, if its schema takes it.
    #[command(
        after_help = "Example:\n  danube-wasm topics produce pipeline.toml /stripe/payments --key /customer --id /id < payments.jsonl\n\nExit codes: 1 if a line was refused; the others are published."
    )]
    Produce(Produce),
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
