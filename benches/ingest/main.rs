//! Question: how many webhooks a second are answered with a durable 200, against a server that only reads them?
//!
//! One load generator posts 85-byte payment events over 64 keep-alive connections of HTTP/1.1 on loopback, in turns to
//! servers that are each a process of their own with two threads of tokio:
//!
//! * `bare axum`: a handler that reads the body. None of our crates.
//! * `danube-wasm`: listener with an API key, the sandboxed `webhook-source`, the payment schema of
//!   `examples/stripe-payments`, the embedded log on disk; a request is answered after the fsync of its record. Metrics
//!   are counted as in the product.
//! * `danube-wasm, no metadata`: the same with the component's `include_metadata = false`, so that records carry no
//!   `webhook.*` attributes.
//! * `danube-wasm, 1,000 lines`: a request has 1,000 of the events, as NDJSON, and one answer for all of them. Over 4
//!   connections: a source with the default `queue_events` has so many of such requests at a time, and answers others 503.
//!
//! The generator runs on the same processors, so CPU time a request of each server is told too. At the end each server
//! is asked what it did, and must have done what was answered.

mod bare;
mod load;
mod ours;
mod syncs;

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use danube_wasm_benches::{
    Child, Scale, Table, child, median,
    report::{aim, number, percent},
};
use danube_wasm_ingress_http::ContentKind;

use crate::load::Load;

/// Threads of tokio in each server.
const THREADS: usize = 2;
const CONNECTIONS: usize = 64;
/// Of requests with many lines.
const CONNECTIONS_OF_LINES: usize = 4;
const AIM_SHARE: f64 = 0.25;

const PATH: &str = "/webhooks/stripe/payments";
const API_KEY: &str = "bench-api-key";
/// One event.
const BODY: &str = r#"{"event":"payment.succeeded","amount":250000,"currency":"USD","timestamp":1764000000}"#;

/// What each request of a side has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Workload {
    Event,
    /// So many events, a line each.
    Lines(u32),
}

impl Workload {
    fn events(self) -> u32 {
        match self {
            Self::Event => 1,
            Self::Lines(events) => events,
        }
    }

    pub(crate) fn connections(self) -> usize {
        match self {
            Self::Event => CONNECTIONS,
            Self::Lines(_) => CONNECTIONS_OF_LINES,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Event => "application/json",
            Self::Lines(_) => "application/x-ndjson",
        }
    }

    pub(crate) fn body(self) -> String {
        match self {
            Self::Event => BODY.to_owned(),
            Self::Lines(events) => format!("{BODY}\n").repeat(events as usize),
        }
    }
}

/// A server under load, and what was measured in each round.
struct Side {
    name: &'static str,
    workload: Workload,
    child: Child,
    address: SocketAddr,
    answered: u64,
    rates: Vec<f64>,
    cpu_us: Vec<f64>,
    latencies: Vec<u32>,
}

fn main() -> Result<ExitCode> {
    match Child::role().as_deref() {
        Some(ours::COMPILE) => return Ok(danube_wasm_sandbox::compile_child_main()),
        Some(bare::ROLE) => server()?.block_on(bare::serve())?,
        Some(ours::ROLE) => server()?.block_on(ours::serve(true, ContentKind::Json))?,
        Some(ours::ROLE_PLAIN) => server()?.block_on(ours::serve(false, ContentKind::Json))?,
        Some(ours::ROLE_LINES) => server()?.block_on(ours::serve(true, ContentKind::Ndjson))?,
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn server() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?)
}

fn compare(scale: Scale) -> Result<()> {
    ensure!(BODY.len() == 85, "the body has {} bytes", BODY.len());
    let mut sides = [
        Side::start("bare axum", bare::ROLE, Workload::Event)?,
        Side::start("danube-wasm", ours::ROLE, Workload::Event)?,
        Side::start("danube-wasm, no metadata", ours::ROLE_PLAIN, Workload::Event)?,
        Side::start("danube-wasm, 1,000 lines", ours::ROLE_LINES, Workload::Lines(1000))?,
    ];
    let seconds = scale.pick(5.0, 0.5);
    for side in &mut sides {
        side.load(Duration::from_secs_f64(seconds / 5.0))?;
    }
    for _ in 0..scale.pick(3, 1) {
        for side in &mut sides {
            side.round(Duration::from_secs_f64(seconds))?;
        }
    }
    let figures = sides.into_iter().map(Side::finish).collect::<Result<Vec<_>>>()?;
    report(&figures);
    Ok(())
}

/// What a side came to.
struct Figures {
    name: &'static str,
    rate: f64,
    events: u32,
    cpu_us: f64,
    p50_us: u32,
    p99_us: u32,
    account: String,
}

impl Side {
    fn start(name: &'static str, role: &str, workload: Workload) -> Result<Self> {
        let mut child = Child::start(role, &[])?;
        let address = child.line()?.parse().context("the server's address")?;
        Ok(Self {
            name,
            workload,
            child,
            address,
            answered: 0,
            rates: Vec::new(),
            cpu_us: Vec::new(),
            latencies: Vec::new(),
        })
    }

    fn load(&mut self, length: Duration) -> Result<Load> {
        let load = load::run(self.address, length, self.workload)?;
        self.answered += load.answered;
        Ok(load)
    }

    fn round(&mut self, length: Duration) -> Result<()> {
        let before = self.child.cpu()?;
        let load = self.load(length)?;
        let cpu = self.child.cpu()?.saturating_sub(before);
        self.rates.push(load.answered as f64 / load.elapsed.as_secs_f64());
        self.cpu_us.push(cpu.as_secs_f64() * 1e6 / load.answered as f64);
        self.latencies.extend(load.latencies_us);
        Ok(())
    }

    fn finish(mut self) -> Result<Figures> {
        let account = self.child.finish()?;
        let done = child::field(&account, "done")?;
        let events = self.answered * u64::from(self.workload.events());
        ensure!(
            done as u64 == events,
            "`{}` was thanked for {events} events and did {done}",
            self.name,
        );
        self.latencies.sort_unstable();
        let at = |share: f64| {
            let place = (self.latencies.len() as f64 * share) as usize;
            self.latencies.get(place).copied().unwrap_or_default()
        };
        Ok(Figures {
            name: self.name,
            p50_us: at(0.50),
            p99_us: at(0.99),
            rate: median(self.rates),
            events: self.workload.events(),
            cpu_us: median(self.cpu_us),
            account,
        })
    }
}

fn report(sides: &[Figures]) {
    println!("\ningest: how many webhooks a second get a durable 200, against a server that only reads them?");
    println!(
        "  {CONNECTIONS} connections of HTTP/1.1, events of {} bytes, medians\n",
        BODY.len()
    );
    let mut table = Table::new([
        "",
        "requests/s",
        "events/s",
        "of bare",
        "CPU µs/event",
        "p50 µs",
        "p99 µs",
        "guest batch",
        "group commit",
    ]);
    let bare = sides.first().map_or(0.0, |side| side.rate);
    for side in sides {
        let of_account = |name: &str| child::field(&side.account, name).map_or("-".to_owned(), number);
        table.row([
            side.name.to_owned(),
            number(side.rate),
            number(side.rate * f64::from(side.events)),
            percent(side.rate * f64::from(side.events) / bare),
            number(side.cpu_us / f64::from(side.events)),
            number(side.p50_us.into()),
            number(side.p99_us.into()),
            of_account("batch"),
            of_account("commit"),
        ]);
    }
    println!("{table}");
    println!("  guest batch: mean events of a call; group commit: mean records of an fsync\n");
    let reached = sides.get(1).is_some_and(|ours| ours.rate >= AIM_SHARE * bare);
    aim(
        &format!("danube-wasm at least {} of bare axum", percent(AIM_SHARE)),
        reached,
    );
}
