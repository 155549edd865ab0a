//! Arguments of the verbs that look at a running pipeline and steer it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The file of a pipeline that runs.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
    /// Print one JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// The file of a pipeline that runs.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
    /// Print one frame as text, for scripts and where there is no terminal.
    #[arg(long)]
    pub(crate) once: bool,
    /// Time between two frames, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..=60_000), conflicts_with = "once")]
    pub(crate) interval_ms: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// The file of a pipeline that runs.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
    /// The source or sink, by its name in the file.
    #[arg(value_name = "CONNECTOR")]
    pub(crate) connector: String,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reload {
    /// The file of a pipeline that runs.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
    /// Print one JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Shadow {
    /// The file of a pipeline that runs.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
    /// The source or sink, by its name in the file.
    #[arg(value_name = "CONNECTOR")]
    pub(crate) connector: String,
    /// The candidate.
    #[arg(long, value_name = "FILE.wasm")]
    pub(crate) component: PathBuf,
    /// End after so many inputs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// End after so many seconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) secs: Option<u64>,
    /// If nothing differed, put the candidate in place of the component's file and reload. Else it is discarded.
    #[arg(long)]
    pub(crate) promote: bool,
    /// Print one JSON object a line: differences, then the counts.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Tap {
    /// The file of a pipeline that runs.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
    /// Only this source or sink.
    #[arg(value_name = "CONNECTOR")]
    pub(crate) connector: Option<String>,
    /// Show only what the component changed: `+` added, `-` left out, `~` another value.
    #[arg(long)]
    pub(crate) diff: bool,
    /// End after so many records.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Show one in so many.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample: u64,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a topic is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TailFrom {
    /// The oldest message that is kept.
    Earliest,
    /// The next message.
    Latest,
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// The file of a pipeline that runs, or the data directory of a `danube-wasm broker` that runs.
    #[arg(value_name = "WHERE")]
    pub(crate) place: PathBuf,
    /// The topic, without a partition.
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: String,
    /// Where to begin.
    #[arg(long, value_enum, default_value = "latest")]
    pub(crate) from: TailFrom,
    /// End after so many messages.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Produce {
    /// The file of a pipeline that runs.
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) file: PathBuf,
    /// The topic, without a partition.
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: String,
    /// The key of each record: a text, or `/a/b` for that value of the record.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// The id of each record: a text (for one record), or `/a/b` for that value of the record; default: a new one.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Print one JSON array, with an object for each line.
    #[arg(long)]
    pub(crate) json: bool,
}
