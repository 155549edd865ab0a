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

/// Threads of tokio in each server.
const THREADS: usize = 2;
const CONNECTIONS: usize = 64;
const AIM_SHARE: f64 = 0.25;

const PATH: &str = "/webhooks/stripe/payments";
const API_KEY: &str = "bench-api-key";
const BODY: &str = r#"{"event":"payment.succeeded","amount":250000,"currency":"USD","timestamp":1764000000}"#;

/// A server under load, and what was measured in each round.
struct Side {
    name: &'static str,
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
        Some(ours::ROLE) => server()?.block_on(ours::serve(true))?,
        Some(ours::ROLE_PLAIN) => server()?.block_on(ours::serve(false))?,
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
        Side::start("bare axum", bare::ROLE)?,
        Side::start("danube-wasm", ours::ROLE)?,
        Side::start("danube-wasm, no metadata", ours::ROLE_PLAIN)?,
    ];
    let seconds = scale.pick(5.0, 0.5);
    for side in &mut sides {
        let warm = load::run(side.address, CONNECTIONS, Duration::from_secs_f64(seconds / 5.0))?;
        side.answered += warm.answered;
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
    cpu_us: f64,
    p50_us: u32,
    p99_us: u32,
    account: String,
}

impl Side {
    fn start(name: &'static str, role: &str) -> Result<Self> {
        let mut child = Child::start(role, &[])?;
        let address = child.line()?.parse().context("the server's address")?;
        Ok(Self {
            name,
            child,
            address,
            answered: 0,
            rates: Vec::new(),
            cpu_us: Vec::new(),
            latencies: Vec::new(),
        })
    }

    fn round(&mut self, length: Duration) -> Result<()> {
        let before = self.child.cpu()?;
        let load = load::run(self.address, CONNECTIONS, length)?;
        let cpu = self.child.cpu()?.saturating_sub(before);
        self.answered += load.answered;
        self.rates.push(load.answered as f64 / load.elapsed.as_secs_f64());
        self.cpu_us.push(cpu.as_secs_f64() * 1e6 / load.answered as f64);
        self.latencies.extend(load.latencies_us);
        Ok(())
    }

    fn finish(mut self) -> Result<Figures> {
        let account = self.child.finish()?;
        let done = child::field(&account, "done")?;
        ensure!(
            done as u64 == self.answered,
            "`{}` was thanked for {} requests and did {done}",
            self.name,
            self.answered
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
            cpu_us: median(self.cpu_us),
            account,
        })
    }
}

fn report(sides: &[Figures]) {
    println!("\ningest: how many webhooks a second get a durable 200, against a server that only reads them?");
    println!(
        "  {CONNECTIONS} connections of HTTP/1.1, {}-byte bodies, medians\n",
        BODY.len()
    );
    let mut table = Table::new([
        "",
        "requests/s",
        "of bare",
        "CPU µs/request",
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
            percent(side.rate / bare),
            number(side.cpu_us),
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
