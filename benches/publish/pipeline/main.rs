//! Question: how many messages a second go through a source and a sink on one broker, against the same calls on bare tonic?
//!
//! JSON documents of about 300 bytes, a topic of 4 partitions with reliable dispatch, one shared subscription. The broker is
//! `danube-wasm broker` in a process of its own with its log on disk; what uses it is a second process. Both have two threads,
//! and each run begins with an empty log.
//!
//! * `pipelines`: the source and the sink of `runtime/pipeline/`, two lanes each, over one client of Danube. 512 senders
//!   each offer an event and wait for its fate. Components are native and only forward; there is no schema; the target keeps
//!   the ids of what is written. So everything of a pipeline is there but what is outside of the broker: HTTP, sandbox, database.
//! * `bare tonic`: the generated stubs. Each partition has as many messages on the wire, a stream, and 64 acknowledgements
//!   under way; nothing is checked, ordered, remembered or tried again.
//!
//! Both begin with the first message and end when the last one is acknowledged in the broker; its own count must say so.
//!
//! `PIPELINE_OTHER=EXECUTABLE` adds the pipelines of another build of this program, against the same broker, in turns: for
//! a change of the client. That is how the transport was chosen (`docs/design/http2.md`).

mod bare;
mod compare;
mod guests;
mod ours;
#[path = "../served.rs"]
mod served;
mod target;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use danube_wasm_benches::{Child, Scale};
use danube_wasm_model::TopicName;

/// Threads of tokio in each process.
const THREADS: usize = 2;
const PARTITIONS: u32 = 4;
/// Of the padding of a document, in bytes.
const PADDING_BYTES: usize = 280;
const TOPIC: &str = "/default/pipeline";
const SUBSCRIPTION: &str = "rows";

/// What one run has to do.
#[derive(Debug, Clone)]
struct Work {
    /// `host:port`.
    broker: String,
    messages: usize,
    /// Messages of one partition on the wire.
    in_flight: usize,
}

impl Work {
    /// From the arguments behind the role.
    fn from_arguments() -> Result<Self> {
        let argument = |at| {
            std::env::args()
                .nth(at)
                .with_context(|| format!("argument {at} is missing"))
        };
        Ok(Self {
            broker: argument(2)?,
            messages: argument(3)?.parse()?,
            in_flight: argument(4)?.parse()?,
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.broker)
    }
}

fn topic() -> Result<TopicName> {
    Ok(TOPIC.parse()?)
}

fn document(number: usize) -> String {
    format!(r#"{{"number":{number},"text":"{}"}}"#, "x".repeat(PADDING_BYTES))
}

fn main() -> Result<ExitCode> {
    match Child::role().as_deref() {
        Some(served::ROLE) => in_runtime(served::run())?,
        Some(ours::ROLE) => in_runtime(ours::run(Work::from_arguments()?))?,
        Some(bare::ROLE) => in_runtime(bare::run(Work::from_arguments()?))?,
        Some(role) => bail!("`{role}` is not a role"),
        None => compare::run(Scale::from_arguments())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn in_runtime(work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    // A task, so that no side runs on a thread more than another.
    runtime.block_on(async { tokio::spawn(work).await })?
}
