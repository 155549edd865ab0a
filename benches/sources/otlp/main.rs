//! Question: how many spans a second are answered as durable over gRPC, against a receiver that only decodes them?
//!
//! Exports of 512 spans with six attributes each, encoded before the clock starts, are sent over four connections, each the
//! next one after the answer to the one before, as exporters do. Each server is a process of its own:
//!
//! * `bare`: tonic and the generated service of `opentelemetry-proto`; an export is decoded, counted and answered.
//! * `danube-wasm`: the binary; each span is a record of its own, and an export is answered after the fsync of all of them.
//! * `danube-wasm, whole requests`: the same with `split = "request"`, where an export is one record.
//!
//! The sender has one thread on the same processors. At the end the log must have one record for each span, or for each
//! export.

mod bare;
mod exports;
mod load;

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use danube_wasm_bench_sources::{Pipeline, Running};
use danube_wasm_benches::{
    Child, Comparison, Round, Scale, Side, child,
    comparison::{OURS, rounds},
};
use danube_wasm_testkit::servers::free_port;

use crate::exports::Exports;

const TOPIC: &str = "/otel/traces";
const BARE: &str = "bare";
/// Spans of an export.
const SPANS: u64 = 512;

fn main() -> Result<()> {
    match Child::role().as_deref() {
        Some(bare::ROLE) => bare::run(),
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments()),
    }
}

fn compare(scale: Scale) -> Result<()> {
    let exports: u64 = scale.pick(400, 16);
    let bare = Bare::start()?;
    let split = Ours::start("record")?;
    let whole = Ours::start("request")?;
    let sides = vec![
        Side::new(BARE, BARE, |round| bare.round(round, exports)),
        Side::new(OURS, BARE, |round| split.round(round, exports)),
        Side::new(format!("{OURS}, whole requests"), BARE, |round| {
            whole.round(round, exports)
        }),
    ];
    let bytes = Exports::new(0).next().map_or(0, |export| export.len());
    let comparison = Comparison {
        question: "otlp: how many spans a second are answered as durable, against a receiver that only decodes them?",
        work: format!(
            "{exports} exports of {SPANS} spans, {bytes} bytes, over {} connections of gRPC, medians",
            load::CONNECTIONS
        ),
        unit: "span",
        aim: 0.6,
        warm_up: false,
    };
    comparison.run(scale, sides)?;
    let sent = exports * rounds(scale) as u64;
    bare.finish(sent * SPANS)?;
    split.finish(sent * SPANS)?;
    whole.finish(sent)
}

/// The bare server.
struct Bare {
    child: Child,
    port: u16,
}

impl Bare {
    fn start() -> Result<Self> {
        let mut child = Child::start(bare::ROLE, &[])?;
        let port = child.line()?.parse().context("the server's port")?;
        Ok(Self { child, port })
    }

    fn round(&self, round: usize, exports: u64) -> Result<Round> {
        send(self.port, round, exports, || self.child.cpu())
    }

    fn finish(self, spans: u64) -> Result<()> {
        let done = child::field(&self.child.finish()?, "done")?;
        ensure!(done as u64 == spans, "the bare side has taken {done} of {spans} spans");
        Ok(())
    }
}

/// Our server.
struct Ours {
    pipeline: Pipeline,
    running: Running,
    port: u16,
}

impl Ours {
    fn start(split: &str) -> Result<Self> {
        let port = free_port();
        let table = format!(
            "[sources.otlp]\nport = {port}\ngrpc_port = {port}\nsplit = \"{split}\"\n[sources.otlp.traces]\ndanube_topic = \"{TOPIC}\"\n"
        );
        let pipeline = Pipeline::new(Path::new(env!("CARGO_TARGET_TMPDIR")), TOPIC, &table)?;
        let running = pipeline.start()?;
        Ok(Self {
            pipeline,
            running,
            port,
        })
    }

    fn round(&self, round: usize, exports: u64) -> Result<Round> {
        send(self.port, round, exports, || self.running.cpu())
    }

    fn finish(mut self, records: u64) -> Result<()> {
        self.running.stop()?;
        self.pipeline.check(records)
    }
}

/// Sends the exports of a round to a server, and takes the time.
fn send(port: u16, round: usize, exports: u64, cpu: impl Fn() -> Result<Duration>) -> Result<Round> {
    let all = Exports::new(round as u64).take(exports as usize).collect();
    let before = cpu()?;
    let elapsed = load::run(port, all)?;
    Ok(Round {
        records: exports * SPANS,
        elapsed,
        cpu: cpu()?.saturating_sub(before),
    })
}
