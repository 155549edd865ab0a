//! A log of the real program, filled before any clock starts.

use std::{
    cell::Cell,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use danube_wasm_benches::{Program, Round};
use reqwest::{blocking::Client, header::CONTENT_TYPE};
use tempfile::TempDir;

/// What every pipeline begins with.
const TOP: &str = r#"name = "bench"
data_dir = "data"
[admin]
port = 0
"#;

/// Takes rows, so that they are in the log as they would be.
const SOURCE: &str = r#"
[[sources]]
name = "in"
component = "builtin:webhook-source"
[sources.webhook]
host = "127.0.0.1"
port = 0
max_body_bytes = 8388608
[[sources.webhook.endpoints]]
path = "/rows"
danube_topic = "/bench/rows"
partitions = 4
content_type = "ndjson"
auth = { type = "none" }
"#;

/// Rows of a request, and connections that these are sent over.
const LINES: u64 = 1_000;
const CONNECTIONS: u64 = 4;

/// What a sink has acknowledged, and what it could not write.
const DONE: &str = r#"danube_connector_messages_processed_total{connector="bench/out""#;
const DEAD: &str = r#"danube_wasm_dead_letters_total{connector="bench/out""#;

/// Longest that a backlog may take, so that a mistake ends at some time.
const DEADLINE: Duration = Duration::from_secs(1_800);

/// Rows that wait in the embedded log, for one sink after the other: each has a subscription of its own.
pub struct Backlog {
    directory: TempDir,
    rows: u64,
    runs: Cell<usize>,
}

impl Backlog {
    /// Fills a new log in a directory by the source `webhook`; `row` gives the JSON of each.
    pub fn fill(directory: &str, rows: u64, row: impl Fn(u64) -> String + Sync) -> Result<Self> {
        let directory = tempfile::tempdir_in(directory)?;
        let program = Program::start(&format!("{TOP}{SOURCE}"), directory.path())?;
        let address = program.said("listening for webhooks", "address");
        let url = format!("http://{}/rows", address.context("it does not listen")?);
        std::thread::scope(|scope| {
            let post = |connection| {
                post(
                    &url,
                    (connection..rows.div_ceil(LINES)).step_by(CONNECTIONS as usize),
                    rows,
                    &row,
                )
            };
            let threads: Vec<_> = (0..CONNECTIONS).map(|n| scope.spawn(move || post(n))).collect();
            for thread in threads {
                thread.join().map_err(|_| anyhow::anyhow!("a sender panicked"))??;
            }
            anyhow::Ok(())
        })?;
        program.stop()?;
        Ok(Self {
            directory,
            rows,
            runs: Cell::new(0),
        })
    }

    /// Where the program runs: the folder that relative paths of the pipeline file start from.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the program with a sink for all rows.
    fn start(&self, sink: impl FnOnce(&str) -> String) -> Result<Program> {
        let run = self.runs.get();
        self.runs.set(run + 1);
        let keys = format!("topic = \"/bench/rows\"\nsubscription = \"run-{run}\"");
        let text = format!("{TOP}\n[[sinks]]\nname = \"out\"\n{}\n", sink(&keys));
        Program::start(&text, self.directory.path())
    }

    /// Writes all rows to a target: from when the program says that it runs, without what it had done by then, until the
    /// last is acknowledged in the log. `sink` gives the table of the sink `out` and all below it, with the keys of a mapping
    /// that it is given: topic and subscription.
    pub fn drain(&self, sink: impl FnOnce(&str) -> String) -> Result<Round> {
        let mut program = self.start(sink)?;
        // Not from the last look at which nothing was done, as for sources: a sink acknowledges large batches, and the time of
        // the first ones would be missing.
        let (began, cpu, before) = (Instant::now(), program.cpu()?, program.metric(DONE)? as u64);
        program.wait_until(DONE, self.rows as f64, DEADLINE)?;
        let (elapsed, cpu) = (began.elapsed(), program.cpu()?.saturating_sub(cpu));
        self.check(&program)?;
        program.stop()?;
        Ok(Round {
            records: self.rows - before,
            elapsed,
            cpu,
        })
    }

    /// That each row was acknowledged, and none of them as a dead letter.
    fn check(&self, program: &Program) -> Result<()> {
        let (done, dead) = (program.metric(DONE)?, program.metric(DEAD)?);
        ensure!(
            done as u64 == self.rows && dead == 0.0,
            "of {} rows {done} are done and {dead} are dead letters:\n{}",
            self.rows,
            program.log()
        );
        Ok(())
    }
}

/// Posts these requests' rows, one request after the other.
fn post(
    url: &str,
    requests: impl Iterator<Item = u64>,
    rows: u64,
    row: &(impl Fn(u64) -> String + Sync),
) -> Result<()> {
    let client = Client::new();
    for request in requests {
        let lines = (request * LINES..rows.min((request + 1) * LINES)).map(|i| row(i) + "\n");
        let body: String = lines.collect();
        let sent = client.post(url).header(CONTENT_TYPE, "application/x-ndjson").body(body);
        let answer = sent.send()?;
        let status = answer.status();
        ensure!(status.is_success(), "{status}: {}", answer.text()?);
    }
    Ok(())
}
