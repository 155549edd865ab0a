//! Arguments of `danube-wasm dlq`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    pub(crate) verb: DlqVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqVerb {
    /// Every open dead letter, with the reason.
    #[command(
        after_help = "Example:\n  danube-wasm dlq ls pipeline.toml\n\nWhere several processes run one pipeline on a Danube broker, each keeps the letters that it was given: ask each of \
them."
    )]
    Ls {
        /// The pipeline file; running or stopped.
        #[arg(value_name = "WHERE")]
        place: PathBuf,
        /// Only letters of this connector.
        #[arg(long, value_name = "NAME")]
        connector: Option<String>,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Everything that is known of a letter, and its payload.
    #[command(after_help = "Example:\n  danube-wasm dlq show pipeline.toml 3f9a04c1d2b7e658")]
    Show {
        /// The pipeline file; running or stopped.
        #[arg(value_name = "WHERE")]
        place: PathBuf,
        /// As `dlq ls` shows it.
        #[arg(value_name = "ID")]
        id: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Process letters again: messages by their sink, events by their source, which must run.
    #[command(
        after_help = "Examples:\n  danube-wasm dlq replay pipeline.toml 3f9a04c1d2b7e658\n  danube-wasm dlq replay pipeline.toml --all --connector surrealdb --dry-run\n\nA message never overwrites what newer ones wrote, as long as its component gives updates and deletes an order, as \
the built-in one does: ask the author of another. Readers of the topic that are not danube-wasm see it again."
    )]
    Replay {
        #[command(flatten)]
        which: Letters,
        /// Another sink that consumes the topic, or `all` of them; default: the one whose letter it is.
        #[arg(long, value_name = "CONNECTOR")]
        to: Option<String>,
        /// Say what would be done and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Give letters up: they are gone for good.
    #[command(after_help = "Example:\n  danube-wasm dlq discard pipeline.toml 3f9a04c1d2b7e658")]
    Discard {
        #[command(flatten)]
        which: Letters,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
}

/// One letter or all.
#[derive(Debug, Args)]
pub(crate) struct Letters {
    /// The pipeline file; running or stopped.
    #[arg(value_name = "WHERE")]
    pub(crate) place: PathBuf,
    /// As `dlq ls` shows it.
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) id: Option<String>,
    /// Every open letter.
    #[arg(long)]
    pub(crate) all: bool,
    /// Of --all, only letters of this connector.
    #[arg(long, value_name = "NAME", requires = "all")]
    pub(crate) connector: Option<String>,
}
