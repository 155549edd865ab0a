//! Arguments of the verbs that try components: `test` and `bench`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// A connector's folder, or a component. With --conformance, components.
    #[arg(value_name = "DIR|FILE.wasm", default_value = ".")]
    pub(crate) places: Vec<PathBuf>,
    /// The folder of cases; default: `cases` in the connector's folder, or beside the component.
    #[arg(long, value_name = "DIR")]
    pub(crate) cases: Option<PathBuf>,
    /// Only cases that have this in their name.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Keep what comes out as what is expected.
    #[arg(long, conflicts_with_all = ["event", "fuzz", "chaos", "conformance"])]
    pub(crate) update: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report as JUnit's XML, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Run these inputs, one of a line, and print what comes of them and what is logged.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fuzz", "chaos", "conformance", "junit"])]
    pub(crate) event: Option<PathBuf>,
    /// Settings for --event; default: those that the cases share.
    #[arg(long, value_name = "FILE", requires = "event")]
    pub(crate) config: Option<PathBuf>,
    /// Mutate the cases' samples for so long, and keep what breaks the component as new cases.
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["chaos", "conformance"])]
    pub(crate) fuzz: Option<u64>,
    /// Makes the same samples again; default: another each time.
    #[arg(long, value_name = "N", requires = "fuzz")]
    pub(crate) seed: Option<u64>,
    /// Deliver the cases' inputs in halves, again, one by one, with instances that are replaced: the same must come of each.
    #[arg(long, conflicts_with = "conformance")]
    pub(crate) chaos: bool,
    /// Run the suite that the two subjects of every SDK pass, and print what each costs.
    #[arg(long)]
    pub(crate) conformance: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The component, or a connector's folder.
    #[arg(value_name = "DIR|FILE.wasm")]
    pub(crate) place: PathBuf,
    /// Inputs, one of a line, as in a case.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: PathBuf,
    /// Settings, as in a case; default: `config.toml` beside the inputs, or in the folder above them.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Also write where the component's time goes, as a file of speedscope (<https://www.speedscope.app> opens it).
    #[arg(long, value_name = "OUT")]
    pub(crate) profile: Option<PathBuf>,
    /// Milliseconds for each size of batches.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub(crate) time_ms: u64,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
