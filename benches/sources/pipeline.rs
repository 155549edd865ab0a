//! `danube-wasm` as a user has it: the optimised binary, one source with `builtin:record-source`, the embedded log on disk.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use danube_wasm_benches::{Look, Program, Round, watch};
use serde_json::Value;
use tempfile::TempDir;

/// Events of which there are records in the broker, that is on the disk.
const PROCESSED: &str = "danube_connector_messages_processed_total{";
/// Longest wait for a line in its log.
const SAYS_WITHIN: Duration = Duration::from_secs(60);

/// A pipeline file in a directory of its own, and what its runs leave there.
#[derive(Debug)]
pub struct Pipeline {
    directory: TempDir,
    text: String,
    topic: &'static str,
    /// Records that its runs were sent so far.
    sent: u64,
}

impl Pipeline {
    /// A source with these tables (`[sources.mqtt]` and what is below), whose records go to this topic. The directory is
    /// made in another one, on whose disk the log is then.
    pub fn new(within: &Path, topic: &'static str, source: &str) -> Result<Self> {
        let text = format!(
            "name = \"bench\"\n[admin]\nport = 0\n[[sources]]\nname = \"source\"\ncomponent = \"builtin:record-source\"\n{source}"
        );
        Ok(Self {
            directory: tempfile::tempdir_in(within)?,
            text,
            topic,
            sent: 0,
        })
    }

    /// Runs it.
    pub fn start(&self) -> Result<Running> {
        Ok(Running(Program::start(&self.text, self.directory.path())?))
    }

    /// Runs it until all records that wait for it are in the log, and checks that these are as many as there should be.
    pub fn drain(&mut self, records: u64) -> Result<Round> {
        let since = Instant::now();
        let running = self.start()?;
        let round = watch(records, since, || running.look()).with_context(|| running.0.log())?;
        running.stop()?;
        self.check(records)?;
        Ok(round)
    }

    /// Fails unless the log has so many records more than at the last time. Only while it does not run.
    pub fn check(&mut self, records: u64) -> Result<()> {
        self.sent += records;
        let (kept, sent) = (self.kept()?, self.sent);
        ensure!(kept == sent, "the log has {kept} records, and {sent} were sent");
        Ok(())
    }

    fn kept(&self) -> Result<u64> {
        let file = self.directory.path().join("pipeline.toml");
        let listed = Command::new(Program::path()?)
            .args(["topics", "ls", "--json"])
            .arg(file)
            .output()?;
        let said = String::from_utf8_lossy(&listed.stderr);
        ensure!(listed.status.success(), "the topics cannot be listed: {said}");
        let topics: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
        let topic = topics.iter().find(|topic| topic["topic"] == self.topic);
        let topic = topic.with_context(|| format!("there is no topic {}", self.topic))?;
        topic["messages"].as_u64().context("no number of messages")
    }
}

/// A pipeline that runs.
pub struct Running(Program);

impl Running {
    /// What it has done, and for how much CPU time.
    pub fn look(&self) -> Result<Look> {
        Ok(Look {
            done: self.0.metric(PROCESSED)? as u64,
            cpu: self.0.cpu()?,
        })
    }

    /// CPU time that it has used.
    pub fn cpu(&self) -> Result<Duration> {
        self.0.cpu()
    }

    /// Waits until it has logged this about its source.
    pub fn says(&self, message: &str) -> Result<()> {
        let begun = Instant::now();
        while self.0.said(message, "connector").is_none() {
            ensure!(
                begun.elapsed() < SAYS_WITHIN,
                "it does not say `{message}`:\n{}",
                self.0.log()
            );
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Stops it, with all that is under way finished.
    pub fn stop(self) -> Result<()> {
        self.0.stop()
    }
}
